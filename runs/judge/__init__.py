"""What judges a run from outside: metrics, certificate, central reference, outcome."""

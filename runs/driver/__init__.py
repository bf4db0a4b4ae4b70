"""What drives a simulation to its end, for the command and for Python alike."""

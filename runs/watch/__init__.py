"""The live page: one recording that is written while it is looked at, and a server that keeps to its own machine."""

"""The kit's checks of agents."""

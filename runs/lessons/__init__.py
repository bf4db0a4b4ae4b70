"""Short walks through a run on its page."""

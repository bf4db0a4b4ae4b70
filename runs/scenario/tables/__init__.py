"""Tables as files: agents, profiles and columns of numbers with units."""

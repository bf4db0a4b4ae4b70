"""What protocols share: roles, memory, and the market they run on."""

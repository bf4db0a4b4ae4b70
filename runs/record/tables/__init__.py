"""The tables of a record: what is kept of each tick, message and state, and how columns are packed."""

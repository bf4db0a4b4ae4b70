"""Settings: what an option or a table names, what it changes, and what is said about it."""

"""The page of a run: what it shows, and the report that holds it in one file."""

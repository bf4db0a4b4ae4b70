"""What is written while a run goes, and read back tick by tick."""

"""The folder of a run: who may write to it, its files, and which of the user's code a record keeps and may run."""

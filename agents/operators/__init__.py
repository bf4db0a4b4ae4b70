"""Operators: agents that supply a bus and have a row for each tie-line."""

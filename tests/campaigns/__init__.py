"""Campaigns: many runs of one sort, each a module of its own that prints a table; tests take a small part of each."""

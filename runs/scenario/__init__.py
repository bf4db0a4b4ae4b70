"""Scenario files: their schema, their building, and what they read."""

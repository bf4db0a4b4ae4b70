"""Scenarios that are drawn from a seed instead of written out."""

"""Campaigns: many runs that look for a word that is wrong. Each has its own command, since each takes longer than a test may."""

"""Prosumers: agents with one row, at a bus, and peers who trade."""

"""Prosumers: agents with one row, at a bus, and peers that trade."""

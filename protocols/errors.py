"""Errors of protocols."""

from __future__ import annotations

__all__ = ["ProtocolError"]


class ProtocolError(ValueError):
    """A protocol that is unknown, or that cannot run on this market: says what it lacks."""

"""Errors of agents."""

from __future__ import annotations

__all__ = ["AgentError", "FeederError"]


class AgentError(ValueError):
    """A fact that an agent may not have, or an answer that is not one: says which agent, which field, and what is allowed."""


class FeederError(ValueError):
    """A feeder that cannot be read, is not radial, or holds a value that no line or load can have."""

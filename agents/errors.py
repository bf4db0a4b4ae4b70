"""Errors of agents."""

from __future__ import annotations

__all__ = ["AgentError"]


class AgentError(ValueError):
    """A fact that an agent may not have, or an answer that is not one: says which agent, which field, and what is allowed."""

"""Errors of protocols."""

from __future__ import annotations

from ..agents import AgentError
from ..environment.code import Culprit

__all__ = ["AnswerError", "AskError", "ProtocolError"]


class ProtocolError(ValueError):
    """A protocol that is unknown, or that cannot run on this market: says what it lacks."""


class AskError(ProtocolError):
    """An agent was asked with what is no number: the protocol's `update` made it."""


class AnswerError(AgentError):
    """An agent that cannot answer, or say what its answer costs: `culprit` says who, what it was asked, and where."""

    def __init__(self, text: str, culprit: Culprit) -> None:
        super().__init__(text)
        self.culprit = culprit

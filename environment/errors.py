"""Errors of the environment: each names what stood there, where, and what is allowed."""

from __future__ import annotations

from .code import Culprit

__all__ = ["ConservationError", "FaultCodeError", "FaultError", "MessageError", "TopologyError"]


class TopologyError(ValueError):
    """A graph, an address or a name that does not fit the topology."""


class MessageError(ValueError):
    """A message that its kind, its sender or the rule of one message a tick does not allow."""


class FaultError(ValueError):
    """A fault that cannot be read, is unknown, or contradicts another."""


class FaultCodeError(FaultError):
    """A fault whose code failed while it acted: `culprit` says where."""

    def __init__(self, text: str, culprit: Culprit) -> None:
        super().__init__(text)
        self.culprit = culprit


class ConservationError(AssertionError):
    """Messages were created or vanished: sent + copies does not equal the sum of their fates."""

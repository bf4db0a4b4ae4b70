"""Errors of the environment: each names what stood there, where, and what is allowed."""

from __future__ import annotations

__all__ = ["ConservationError", "FaultError", "FeederError", "MessageError", "ProfileError", "TopologyError"]


class TopologyError(ValueError):
    """A graph, an address or a name that does not fit the topology."""


class MessageError(ValueError):
    """A message that its kind, its sender or the rule of one message a tick does not allow."""


class FaultError(ValueError):
    """A fault that cannot be read, is unknown, or contradicts another."""


class ProfileError(ValueError):
    """A file of profiles that cannot be read, or not as what it is wanted for."""


class FeederError(ValueError):
    """A feeder that cannot be read, is not radial, or holds a value that no line or load can have."""


class ConservationError(AssertionError):
    """Messages were created or vanished: sent + copies does not equal the sum of their fates."""

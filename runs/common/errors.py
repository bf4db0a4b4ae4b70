"""Errors of runs."""

from __future__ import annotations

from ...agents import AgentError, FeederError
from ...agents.errors import did_you_mean, nearest
from ...environment import FaultError, MessageError, TopologyError
from ...protocols import ProtocolError

__all__ = ["USER_ERRORS", "ProfileError", "RunError", "ScenarioError", "did_you_mean", "nearest"]


class ScenarioError(ValueError):
    """A scenario that cannot be read or does not fit: says which field, what stood there, and what is allowed."""


class ProfileError(ValueError):
    """A file of profiles that cannot be read, or not as what it is wanted for."""


class RunError(RuntimeError):
    """A run that cannot be written, read or continued."""


USER_ERRORS = (
    ScenarioError,
    RunError,
    AgentError,
    FaultError,
    FeederError,
    MessageError,
    TopologyError,
    ProtocolError,
    OSError,
)
"""What the command line reports in a sentence; everything else is our own mistake and keeps its traceback."""

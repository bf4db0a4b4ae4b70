"""Errors of agents, and the hint that an error gives where a name is mistyped."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["AgentError", "FeederError", "did_you_mean", "nearest"]


class AgentError(ValueError):
    """A fact that an agent may not have, or an answer that is not one: says which agent, which field, and what is allowed."""


class FeederError(ValueError):
    """A feeder that cannot be read, is not radial, or holds a value that no line or load can have."""


def nearest(name: str, known: Iterable[str], count: int = 1) -> list[str]:
    """Return what may have been meant by a name that is not known, the nearest first.

    >>> nearest("dual_decompositon", ["atc", "dual_decomposition"])
    ['dual_decomposition']
    """
    return difflib.get_close_matches(name, list(known), n=count)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return how a sentence about an unknown name goes on: with the nearest known one, if any is near, else it ends.

    >>> did_you_mean("bet", ["beta", "cap"]), did_you_mean("x", ["beta", "cap"])
    ("; did you mean 'beta'?", '.')
    """
    near = nearest(name, known)
    return f"; did you mean {near[0]!r}?" if near else "."

"""What the conformance kit raises, and how it runs a list of checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

__all__ = ["ConformanceError", "passed", "shown"]

Subject = TypeVar("Subject")


class ConformanceError(AssertionError):
    """A rule that an agent, a protocol or a fault breaks.

    Attributes
    ----------
    check : name of the check that failed
    who, given, got, wanted : what broke it, on what, what came, and what should have
    """

    def __init__(self, check: str, who: str, *, given: str, got: str, wanted: str) -> None:
        super().__init__(f"{check}: {who}\n  given:  {given}\n  got:    {got}\n  wanted: {wanted}")
        self.check, self.who = check, who
        self.given, self.got, self.wanted = given, got, wanted


def passed(checks: Sequence[Callable[[Subject], bool]], subject: Subject) -> list[str]:
    """Run checks in order and return the names of those that found something to check, and found it right.

    Raises
    ------
    ConformanceError
        From the first check that fails.
    """
    return [check.__name__ for check in checks if check(subject)]


def shown(values: Any) -> str:
    """Print numbers in full, so that a difference in the last bit can be seen; long columns are cut."""
    flat = np.asarray(values).ravel()
    text = ", ".join(repr(v) for v in flat[:6].tolist()) + (", ..." if flat.size > 6 else "")
    return text if flat.size == 1 else f"[{text}]"

"""Bounds: between which numbers a fact or an answer may lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Bounds", "within"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bounds:
    """What every value of a fact keeps to: more than `gt`, `ge` or more, `le` or less; None for no such bound."""

    gt: float | None = None
    ge: float | None = None
    le: float | None = None

    def allows(self, values: Floats) -> npt.NDArray[np.bool_]:
        """Tell which values are allowed."""
        good = np.ones(np.shape(values), dtype=bool)
        if self.gt is not None:
            good &= values > self.gt
        if self.ge is not None:
            good &= values >= self.ge
        if self.le is not None:
            good &= values <= self.le
        return good

    @property
    def words(self) -> list[str]:
        """The bounds in words, such as "more than 0"."""
        limits = (("more than", self.gt), ("at least", self.ge), ("at most", self.le))
        return [f"{word} {bound:g}" for word, bound in limits if bound is not None]


def within(x: Floats, low: Floats | float, high: Floats | float, value: Floats) -> Floats:
    """Return `value` where low <= x <= high and +inf elsewhere.

    The limits are met to 1e-9 (relative above 1): a point that was restored to feasibility is a sum, and sums round.

    >>> within(np.array([0.0, 1.0, 2.0]), 0.0, 1.0, np.array([5.0, 6.0, 7.0]))
    array([ 5.,  6., inf])
    """
    good = np.asarray((x >= low) & (x <= high))
    if good.all() and np.shape(value) == good.shape:
        return value  # the common case, in a third of the time
    slack_low = 1e-9 * np.maximum(1.0, np.abs(low))
    slack_high = 1e-9 * np.maximum(1.0, np.abs(high))
    return np.where((x >= low - slack_low) & (x <= high + slack_high), value, np.inf)

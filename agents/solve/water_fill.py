"""Water filling: the price at which clipped linear offers add up to a given amount, exactly, for all rows at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["LogOffer", "amount", "offers", "water_fill"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LogOffer:
    """An offer that falls with the logarithm of the level: clip(-scale ln(level / at_zero), 0, most), or its mirror image.

    With sign = -1 it is -1 times that at minus the level.

    Attributes
    ----------
    at_zero : (m,) > 0, at this level it offers nothing, in units of price
    scale : (m,) > 0, kW
    most : (m,) >= 0, kW
    sign : 1 or -1
    """

    at_zero: Floats
    scale: Floats
    most: Floats
    sign: float = 1.0

    def at(self, level: Floats) -> Floats:
        """Return what is offered at levels (m,), in kW."""
        with np.errstate(divide="ignore"):
            log = np.log(np.maximum(self.sign * level, 0.0) / self.at_zero)
        return self.sign * np.clip(-self.scale * log, 0.0, self.most)

    @property
    def points(self) -> Floats:
        """(m, 2): between these two levels, in order, it changes."""
        ends = self.at_zero * np.exp(-self.most / self.scale), self.at_zero
        return np.stack(ends if self.sign > 0 else (-ends[1], -ends[0]), axis=1)

    def root(self, steep: Floats, rest: Floats) -> Floats:
        """Return the level, between the points, at which this offer is steep * level - rest, (m,)."""
        from scipy.special import wrightomega  # here: scipy takes long to load, and few agents ask with a logarithm

        # With u = sign level: steep u + scale ln(u / at_zero) = sign rest, and w + ln w = z has w = wrightomega(z).
        amount = self.sign * rest / self.scale
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            z = amount + np.log(steep / self.scale) + np.log(self.at_zero)
            lambert = self.scale / steep * wrightomega(z)
            return self.sign * np.where(steep > 0.0, lambert, self.at_zero * np.exp(amount))


def offers(price: Floats, curvature: Floats, low: Floats, high: Floats, level: Floats) -> Floats:
    """Return clip((price - level) / curvature, low, high), (m, k), for levels (m,)."""
    return np.clip((price - level[:, None]) / curvature, low, high)


def amount(
    price: Floats, curvature: Floats, low: Floats, high: Floats, level: Floats, log: LogOffer | None = None
) -> Floats:
    """Return what the offers of each row add up to at levels (m,)."""
    total = _add(offers(price, curvature, low, high, level))
    return total if log is None else total + log.at(level)


def water_fill(
    price: Floats, curvature: Floats, low: Floats, high: Floats, total: Floats, log: LogOffer | None = None
) -> Floats:
    """Return the level at which the offers of each row add up to `total`.

    The sum falls piecewise linearly in the level, so the solution lies between two neighbours among its sorted
    breakpoints and follows from one division; where one offer falls with a logarithm, from Wright's omega function.
    Where the sum is `total` on a whole stretch, the highest such level is returned; -inf where even all offers together
    are too little, the highest breakpoint where they never sink so low.

    Parameters
    ----------
    price, curvature, low, high : (m, k), curvature > 0, low <= high, limits may be infinite
    total : (m,)
    log : one more offer a row

    Returns
    -------
    (m,) level, in units of price

    Examples
    --------
    >>> one = np.ones((1, 2))
    >>> water_fill(np.array([[3.0, 1.0]]), one, 0 * one, 5 * one, np.array([1.0]))
    array([2.])
    """
    if price.shape[1] == 0 and log is None:
        return np.where(total > 0, -np.inf, np.inf)
    full, empty = price - curvature * high, price - curvature * low
    ends = [full, empty] if log is None else [full, empty, log.points]
    points = np.sort(np.concatenate(ends, axis=1), axis=1)
    left, right = _neighbours(points, lambda level: amount(price, curvature, low, high, level, log) >= total)
    free = (full <= left[:, None]) & (empty >= right[:, None]) & (left < right)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        fixed = np.where(free, 0.0, np.where(full >= right[:, None], high, low))
        steep = _add(np.where(free, 1.0 / curvature, 0.0))
        rest = _add(np.where(free, price / curvature, fixed)) - total
        if log is None:
            level = rest / steep
        else:
            bent = (log.points[:, 0] <= left) & (log.points[:, 1] >= right) & (left < right)
            level = np.where(bent, log.root(steep, rest), (rest + log.at(left)) / steep)
            steep = np.where(bent, 1.0, steep)
    # Nothing free: the sum is constant between the two points, and equals `total` at the left one if it does at all.
    return np.where(steep > 0.0, np.clip(level, left, right), left)


def _neighbours(points: Floats, enough: Callable[[Floats], npt.NDArray[np.bool_]]) -> tuple[Floats, Floats]:
    """Return the last of each row's rising points, (m, i), at which there is enough, and the next; by bisection, (m,) each."""
    m, count = points.shape
    known = np.zeros(m, dtype=np.int64)
    beyond = np.full(m, count + 1, dtype=np.int64)
    each = np.arange(m)
    while (beyond - known > 1).any():
        middle = (known + beyond) // 2
        good = enough(points[each, np.minimum(middle, count) - 1])
        move = beyond - known > 1
        known = np.where(move & good, middle, known)
        beyond = np.where(move & ~good, middle, beyond)
    left = np.where(known > 0, points[each, np.maximum(known, 1) - 1], -np.inf)
    right = np.where(known < count, points[each, np.minimum(known, count - 1)], np.inf)
    return left, right


def _add(terms: Floats) -> Floats:
    """Add up columns one after the other: the same order, hence the same bits, for one row or many."""
    total = np.zeros(len(terms))
    for column in terms.T:
        total = total + column
    return total

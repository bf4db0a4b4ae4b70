"""Water filling: the price at which clipped linear offers add up to a given amount, exactly, for all rows at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["offers", "water_fill"]

Floats = npt.NDArray[np.float64]


def offers(price: Floats, curvature: Floats, low: Floats, high: Floats, level: Floats) -> Floats:
    """Return clip((price - level) / curvature, low, high), (m, k), for levels (m,)."""
    return np.clip((price - level[:, None]) / curvature, low, high)


def water_fill(price: Floats, curvature: Floats, low: Floats, high: Floats, total: Floats) -> Floats:
    """Return the level at which the offers of each row add up to `total`.

    The sum falls piecewise linearly in the level, so the solution lies between two neighbours among its sorted
    breakpoints and follows from one division. Where the sum is `total` on a whole stretch, the highest such level is
    returned; -inf where even all offers together are too little, the highest breakpoint where they never sink so low.

    Parameters
    ----------
    price, curvature, low, high : (m, k), curvature > 0, low <= high, limits may be infinite
    total : (m,)

    Returns
    -------
    (m,) level, in units of price

    Examples
    --------
    >>> one = np.ones((1, 2))
    >>> water_fill(np.array([[3.0, 1.0]]), one, 0 * one, 5 * one, np.array([1.0]))
    array([2.])
    """
    m, k = price.shape
    if k == 0:
        return np.where(total > 0, -np.inf, np.inf)
    full, empty = price - curvature * high, price - curvature * low
    points = np.sort(np.concatenate([full, empty], axis=1), axis=1)
    # Find, by bisection over the breakpoints, how many of them have a sum of at least `total`.
    known = np.zeros(m, dtype=np.int64)
    beyond = np.full(m, 2 * k + 1, dtype=np.int64)
    each = np.arange(m)
    while (beyond - known > 1).any():
        middle = (known + beyond) // 2
        at = points[each, np.minimum(middle, 2 * k) - 1]
        enough = _add(offers(price, curvature, low, high, at)) >= total
        move = beyond - known > 1
        known = np.where(move & enough, middle, known)
        beyond = np.where(move & ~enough, middle, beyond)
    left = np.where(known > 0, points[each, np.maximum(known, 1) - 1], -np.inf)
    right = np.where(known < 2 * k, points[each, np.minimum(known, 2 * k - 1)], np.inf)
    free = (full <= left[:, None]) & (empty >= right[:, None]) & (left < right)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        fixed = np.where(free, 0.0, np.where(full >= right[:, None], high, low))
        steep = _add(np.where(free, 1.0 / curvature, 0.0))
        level = (_add(np.where(free, price / curvature, fixed)) - total) / steep
    # Nothing free: the sum is constant between the two points, and equals `total` at the left one if it does at all.
    return np.where(steep > 0.0, np.clip(level, left, right), left)


def _add(terms: Floats) -> Floats:
    """Add up columns one after the other: the same order, hence the same bits, for one row or many."""
    total = np.zeros(len(terms))
    for column in terms.T:
        total = total + column
    return total

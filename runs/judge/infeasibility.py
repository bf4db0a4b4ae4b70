"""Proof of infeasibility: a direction of prices at which no agents' answers could ever balance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...agents import Society
from ...protocols import Market
from ...protocols.machinery.answer import answer
from .certificate import asked_prices
from .metrics import Observer, costs_of

__all__ = ["find_infeasibility", "proves_infeasible"]

Floats = npt.NDArray[np.float64]

_ROOM = 1e-6
"""kW, relative above 1: how near to a limit is at it."""
_CLIMBS, _CLIMB = 10, 10
"""How often a search for a proof looks whether it has one, and the steps in between."""


def proves_infeasible(market: Market, price: Floats) -> bool:
    """Tell whether a direction of prices proves that no balanced point exists.

    At a balanced point price . x sums to zero over all rows, for any price. If its minimum within the agents' limits is
    above zero, no balanced point exists: a Farkas certificate. The minimum is found by asking at prices so high that costs
    do not matter. That they did not is then checked: a thousand times the price changes nothing, and no agent can gain by
    a step of a millionth without leaving its limits.

    Parameters
    ----------
    price : (B, periods), a direction; its length does not matter
    """
    size = float(np.abs(price).max(initial=0.0))
    if not (np.isfinite(size) and size > 0.0):
        return False
    price = np.where(np.abs(price) > 1e-6 * size, price / size, 0.0)
    for high in (1e6, 1e9):
        least = slack = change = 0.0
        limited = True
        for society, asked in asked_prices(market, price):
            zero = np.zeros_like(asked), np.zeros((society.rows, 1))
            x, beyond = (answer(society, factor * asked, *zero) for factor in (high, 1e3 * high))
            room = _ROOM * np.maximum(1.0, np.abs(x))
            least += float((asked * x).sum())
            slack += float((np.abs(asked) * room).sum())
            change += float(np.abs((asked * (x - beyond)).sum()))
            limited = limited and _at_limits(society, asked, x, room)
        if limited and change <= slack and least > 2.0 * slack:
            return True
    return False


def _at_limits(society: Society, asked: Floats, x: Floats, room: Floats) -> bool:
    """Tell whether no agent gains at these prices by a small step: of one row alone, or from a port to its own bus."""
    first = np.repeat(society.own_rows, society.port_count + 1)
    place = np.arange(society.rows) - first
    for k in range(int(place.max(initial=0)) + 1):
        rows = np.flatnonzero(place == k)
        own = first[rows]
        for through in (False, True) if k else (False,):
            gain = asked[rows] - asked[own] if through else asked[rows]
            step = -np.sign(gain) * np.where(np.abs(gain) > 1e-6, np.maximum(room[rows], room[own]), 0.0)
            moved = x.copy()
            moved[rows] += step
            if through:
                moved[own] -= step
            # (agents, periods): an agent that moves must leave its limits by it.
            moves = np.zeros((len(society), x.shape[1]), dtype=bool)
            moves[np.searchsorted(society.own_rows, own)] = step != 0.0
            if np.isfinite(costs_of(society, moved)[moves]).any():
                return False
    return True


def find_infeasibility(market: Market, observer: Observer, price: Floats) -> bool:
    """Search for a direction of prices that proves that no balanced point exists, from a first guess.

    The minimum of price . x within all limits is concave in the direction, and the imbalance at it is its slope: a few
    steps uphill are often enough. Finding nothing proves nothing.
    """
    way = price
    if not np.isfinite(way).all():
        return False
    for step in range(_CLIMBS * _CLIMB):
        way = way / max(np.abs(way).max(initial=0.0), 1e-300)
        if step % _CLIMB == 0 and proves_infeasible(market, way):
            return True
        x = [
            answer(society, 1e6 * asked, np.zeros_like(asked), np.zeros((society.rows, 1)))
            for society, asked in asked_prices(market, way)
        ]
        slope = observer.imbalance(x)
        way = way + slope / max(np.abs(slope).max(initial=0.0), 1e-300) / np.sqrt(step + 1.0)
    return False

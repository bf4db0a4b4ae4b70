"""The certificate: how far from the optimum a negotiated point is at most, shown without any central solver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...agents import Society
from ...protocols import Market, MarketState
from ...protocols.machinery.answer import answer
from .findings import Probe
from .metrics import Observer, cost_of, costs_of
from .probe import Answers, best_answers, last_answers, points_of, probe
from .restore_feasibility import restore_feasibility

__all__ = ["Certificate", "certify", "find_infeasibility", "proves_infeasible"]

Floats = npt.NDArray[np.float64]

_ROOM = 1e-6
"""kW, relative above 1: how near to a limit is at it."""
_CLIMBS, _CLIMB = 10, 10
"""How often a search for a proof looks whether it has one, and the steps in between."""


@dataclass(frozen=True)
class Certificate:
    """A bracket of the optimal cost.

    Attributes
    ----------
    lower : $/h, no point that balances costs less: the dual value at the negotiated prices, a sum of all agents' minima
    upper : $/h, the cost of the feasible point; inf where there is none
    gap : (upper - lower) / max(abs(upper), 1 $/h)
    x : the feasible point, by population, (rows, periods) kW, or None
    residual : kW, where an equilibrium is sought that minimises no common cost: how far the feasible point is from the
        agents' best answers; else None
    probe : what trying the agents' answers against their costs has found; where that is anything, no lower bound is known
    """

    lower: float
    upper: float
    gap: float
    x: list[Floats] | None
    residual: float | None = None
    probe: Probe = Probe()  # noqa: RUF009 - frozen


def certify(
    market: Market,
    observer: Observer,
    state: MarketState,
    x: list[Floats] | None = None,
    *,
    asked: Market | None = None,
) -> Certificate:
    """Bracket the optimal cost by weak duality at the present prices and by a point that all agents can keep.

    Where two copies of a price differ, their mean is used: any price gives a valid bound.

    Parameters
    ----------
    market, observer, state
    x : by population, (rows, periods) kW, such a point where it is known; else it is looked for
    asked : the market in which the agents were asked, where that is another one, such as one without weights
    """
    best = best_answers(market, state.price)
    x = restore_feasibility(market, observer, state) if x is None else x
    upper = np.inf if x is None else observer.cost(x, regularised=True)
    last = last_answers(market if asked is None else asked, state)
    found = probe([best, last], points_of(best, state, x), abs(upper) if np.isfinite(upper) else 0.0)
    if found:
        return Certificate(-np.inf, upper, np.inf, x, probe=found)
    lower = _dual_value(best)
    gap = (upper - lower) / max(abs(upper), 1.0) if np.isfinite(upper) else np.inf
    return Certificate(lower, upper, float(gap), x)


def _dual_value(best: Answers) -> float:
    total = 0.0
    for population, asked, x in zip(best.market.populations, best.asked, best.x, strict=True):
        assert asked is not None
        total += cost_of(population.society, x) + float((asked.price * x).sum())
    return total


def _asked(market: Market, price: Floats) -> Iterator[tuple[Society, Floats]]:
    """Every society with the prices of its rows, (rows, periods)."""
    for population, gather in zip(market.populations, market.gather, strict=True):
        yield population.society, np.asarray(gather.T @ price)


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
        for society, asked in _asked(market, price):
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
            for society, asked in _asked(market, way)
        ]
        slope = observer.imbalance(x)
        way = way + slope / max(np.abs(slope).max(initial=0.0), 1e-300) / np.sqrt(step + 1.0)
    return False

"""Restoring feasibility: from the last answers to a point that balances and is within all limits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...protocols import Market, MarketState
from ...protocols.machinery.answer import answer
from .metrics import Observer

__all__ = ["restore_feasibility"]

Floats = npt.NDArray[np.float64]

_FIRM = 1e6
"""1/kW, times the largest price: the weight with which an agent is asked for the nearest point within its limits. Its own
cost pulls the answer off by (marginal cost + price) / weight, so this must be large; and an answer's rounding grows with
the weight, so it must not be huge: alone, no weight brings that pull below the 1e-9 kW to which limits are met."""
_STEPS_MAX = 1000


def restore_feasibility(market: Market, observer: Observer, state: MarketState) -> list[Floats] | None:
    """Return a point that balances every bus and line and is within every agent's limits, or None where none is found.

    First the plain way: prosumers keep their last answers, each tie-line carries the mean of what its ends proposed, and
    the operators re-dispatch the remainder. Where a limit stands in the way, by turns: every agent moves to the nearest point
    within its limits, and all share what then does not balance. What each turn leaves over is kept and counted in
    the next, as in Douglas and Rachford's splitting (Eckstein and Bertsekas, Mathematical Programming 55, 1992), which also
    takes out the pull of the costs; plain alternating projections stop where that pull holds them outside a limit.

    Returns
    -------
    by population, (rows, periods) kW
    """
    if not all(np.isfinite(rows).all() for rows in state.x):
        return None
    x = _redispatched(market, observer, state.x)
    if _kept(observer, x):
        return x
    asked = [np.asarray(gather.T @ state.price) for gather in market.gather]
    weight = _FIRM * max(1.0, float(np.abs(state.price).max()))
    share = _shares(market)
    wish = _balanced(market, observer, state.x, share)
    for _ in range(_STEPS_MAX):
        inside = [
            answer(p.society, price, rows, np.full((p.society.rows, 1), weight))
            for p, price, rows in zip(market.populations, asked, wish, strict=True)
        ]
        x = _balanced(market, observer, inside, share)
        if _kept(observer, x):
            return x
        # Reflect at the limits, balance, and go half-way back.
        mirrored = [2.0 * near - far for near, far in zip(inside, wish, strict=True)]
        back = _balanced(market, observer, mirrored, share)
        wish = [far + mirror - near for far, mirror, near in zip(wish, back, inside, strict=True)]
    return None


def _balanced(market: Market, observer: Observer, x: list[Floats], share: Floats) -> list[Floats]:
    """Return the nearest balanced point: all rows of a balance share its imbalance."""
    excess = observer.imbalance(x) * share
    return [rows - gather.T @ excess for rows, gather in zip(x, market.gather, strict=True)]


def _kept(observer: Observer, x: list[Floats]) -> bool:
    return bool(np.isfinite(observer.cost(x, regularised=True)))


def _redispatched(market: Market, observer: Observer, answers: list[Floats]) -> list[Floats]:
    """Return balanced copies of the answers: the ends of a line share its imbalance, and slack rows take that of their bus."""
    topology, rows = market.topology, market.of_rows(answers)
    share = _shares(market)
    shared = topology.slack < 0
    excess = np.where(shared[:, None], observer.imbalance(answers) * share, 0.0)
    rows = rows - excess[topology.row_balance]
    x = _with_rows(market, answers, rows)
    left = observer.imbalance(x)
    takes = topology.slack[topology.row_balance] == topology.row_agent
    rows[takes] -= left[topology.row_balance[takes]]
    return _with_rows(market, answers, rows)


def _with_rows(market: Market, x: list[Floats], rows: Floats) -> list[Floats]:
    """Copies of x in which the rows that are in a balance are these, (R, periods)."""
    found = [column.copy() for column in x]
    for column, (at, row) in zip(found, market.rows, strict=True):
        column[at] = rows[row]
    return found


def _shares(market: Market) -> Floats:
    """(B, 1): one over the number of rows in each balance."""
    topology = market.topology
    return 1.0 / np.bincount(topology.row_balance, minlength=len(topology.balances))[:, None]

"""The commit: from everybody's last answers to a point that everybody can keep."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...protocols import Market, MarketState
from ...protocols.machinery.answer import answer
from .metrics import Observer

__all__ = ["commit"]

Floats = npt.NDArray[np.float64]

_FIRM = 1e6
"""1/kW, times the largest price: the weight with which an agent is asked for the nearest point within its limits. Its own
cost pulls the answer off by (marginal cost + price) / weight, so this must be large; and an answer's rounding grows with
the weight, so it must not be huge: alone, no weight brings that pull below the 1e-9 kW to which limits are met."""
_STEPS_MAX = 1000


def commit(market: Market, observer: Observer, state: MarketState) -> list[Floats] | None:
    """Return a point that balances every bus and line and is within everybody's limits, or None where none is found.

    First the plain way: prosumers keep their last answers, each tie-line carries the mean of what its ends proposed, and
    the operators re-dispatch the remainder. Where a limit stands in the way, by turns: everybody moves to the nearest point
    within his limits, and everybody shares what then does not balance. What each turn leaves over is kept and counted in
    the next, as in Douglas and Rachford's splitting (Eckstein and Bertsekas, Mathematical Programming 55, 1992), which also
    takes out the pull of the costs; plain projections by turns come to rest where that pull holds them outside a limit.

    Returns
    -------
    by population, (rows, periods) kW
    """
    if not all(np.isfinite(rows).all() for rows in state.x):
        return None
    x = _redispatched(market, observer, state.x)
    if _kept(observer, x):
        return x
    prices = np.concatenate([state.price, state.transfer_price.mean(axis=1)])
    asked = [gather.T @ prices for gather in observer.gather]
    weight = _FIRM * max(1.0, float(np.abs(prices).max()))
    share = _shares(observer)
    wish = _balanced(observer, state.x, share)
    for _ in range(_STEPS_MAX):
        inside = [
            answer(p.society, price, rows, np.full((p.society.rows, 1), weight))
            for p, price, rows in zip(market.members, asked, wish, strict=True)
        ]
        x = _balanced(observer, inside, share)
        if _kept(observer, x):
            return x
        # Reflected at the limits, balanced, and half-way back.
        mirrored = [2.0 * near - far for near, far in zip(inside, wish, strict=True)]
        back = _balanced(observer, mirrored, share)
        wish = [far + mirror - near for far, mirror, near in zip(wish, back, inside, strict=True)]
    return None


def _balanced(observer: Observer, x: list[Floats], share: Floats) -> list[Floats]:
    """Return the nearest point that balances every bus and line: what does not balance is shared by all who meet there."""
    excess = np.concatenate(observer.balance(x)) * share
    return [rows - gather.T @ excess for rows, gather in zip(x, observer.gather, strict=True)]


def _kept(observer: Observer, x: list[Floats]) -> bool:
    return bool(np.isfinite(observer.cost(x, regularised=True)))


def _redispatched(market: Market, observer: Observer, answers: list[Floats]) -> list[Floats]:
    """Copies of the answers in which both ends of every line agree and the operators take what is left at their bus."""
    _, disagreement = observer.balance(answers)
    x = [rows.copy() for rows in answers]
    operators = []
    for number, population in enumerate(market.members):
        society = population.society
        if len(society.port_rows):
            line, _ = market.port_ends(population)
            x[number][society.port_rows] -= disagreement[line] / 2.0
        if market.at_terminal(population.address).all():
            operators.append(number)
    left, _ = observer.balance(x)
    for number in operators:
        population = market.members[number]
        x[number][population.society.own_rows] -= left[market.topology.home[population.address]]
    return x


def _shares(observer: Observer) -> Floats:
    """(hubs + L, 1): one over the number of rows that meet at each bus and line."""
    return np.asarray(1.0 / sum(gather.sum(axis=1) for gather in observer.gather))[:, None]

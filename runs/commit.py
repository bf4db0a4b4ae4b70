"""The commit: from everybody's last answers to a point that everybody can keep."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..protocols import Market, MarketState
from ..protocols.responder import answer
from .observer import Observer

__all__ = ["commit"]

Floats = npt.NDArray[np.float64]

_FIRM = 1e4
"""$/kW²h, the weight with which an agent is asked for the nearest point within its limits. At the negotiated prices its own
cost hardly pulls, so this need not be large, and a larger one would cost digits."""
_STEPS_MAX = 1000


def commit(market: Market, observer: Observer, state: MarketState) -> list[Floats] | None:
    """Return a point that balances every bus and line and is within everybody's limits, or None where none is found.

    First the plain way: prosumers keep their last answers, each tie-line carries the mean of what its ends proposed, and
    the operators re-dispatch the remainder. Where a limit stands in the way, projections in turn: everybody shares what
    does not balance, then everybody moves to the nearest point within the limits, until both hold.

    Returns
    -------
    by population, (rows, periods) kW
    """
    if not all(np.isfinite(rows).all() for rows in state.x):
        return None
    x = _redispatched(market, observer, state.x)
    if _kept(observer, x):
        return x
    share = _shares(observer)
    prices = np.concatenate([state.price, state.transfer_price.mean(axis=1)])
    asked = [gather.T @ prices for gather in observer.gather]
    x = state.x
    for _ in range(_STEPS_MAX):
        excess = np.concatenate(observer.balance(x)) * share
        x = [rows - gather.T @ excess for rows, gather in zip(x, observer.gather, strict=True)]
        if _kept(observer, x):
            return x
        x = [
            answer(p.society, price, rows, np.full((p.society.rows, 1), _FIRM))
            for p, price, rows in zip(market.members, asked, x, strict=True)
        ]
    return None


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

"""The market that the end of a run is judged by, and how far that end is from an equilibrium of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...agents import AgentError
from ...protocols import Market, MarketState, Population, Protocol
from ...protocols.machinery.answer import answer
from .probe import Answers
from .rays import Asked

__all__ = ["natural_answers", "natural_residual", "seen_prices", "tangent_market"]

Floats = npt.NDArray[np.float64]

_PULL = 1e-3
"""$/kW²h: the penalty of the proximal step in the natural map, which makes kW of a wrong price."""


def tangent_market(market: Market, x: list[Floats]) -> Market:
    """Return the market with what is not convex in it, such as a network with losses, replaced by its tangent at x.

    Parameters
    ----------
    x : by population, (rows, periods) kW
    """
    if not any(p.society.offers("linearised") for p in market.populations):
        return market
    members = []
    for population, rows in zip(market.populations, x, strict=True):
        society = population.society
        if society.offers("linearised") and np.isfinite(rows).all():
            try:
                society = society.linearised(rows)
            except AgentError:  # there is no tangent here, so the market is judged as it is
                return market
        members.append(Population(society, population.address))
    return replace(market, populations=tuple(members))


def seen_prices(market: Market, protocol: Protocol, state: MarketState) -> list[Floats]:
    """Return, by population, the price that each row sees, (rows, periods) $/kWh: what it is asked with in the end."""
    price = state.price[market.topology.row_balance] if state.row_price is None else state.row_price
    weights = protocol.weights(market)
    return market.to_rows(price * weights["price"] if "price" in weights else price)


def natural_answers(market: Market, protocol: Protocol, state: MarketState, x: list[Floats]) -> Answers:
    """Return argmin_y cost(y) + price y + pull/2 |y - x|² at the prices that rows see: what makes the natural map.

    The pull is 1e-3 $/kW²h.
    """
    asked: list[Asked | None] = []
    found = []
    for population, price, rows in zip(market.populations, seen_prices(market, protocol, state), x, strict=True):
        question = Asked(price, rows, np.full((population.society.rows, 1), _PULL))
        asked.append(question)
        found.append(answer(population.society, *question))
    return Answers(market, asked, found, "answers at the final prices that it sees")


def natural_residual(market: Market, protocol: Protocol, state: MarketState, x: list[Floats]) -> list[Floats]:
    """Return x - argmin_y cost(y) + price y + pull/2 |y - x|², by population, (rows, periods) kW.

    It is zero where, and only where, x is every agent's best answer to the price that it sees. With balanced x that makes an
    equilibrium (F. Facchinei and J.-S. Pang, Finite-Dimensional Variational Inequalities and Complementarity Problems,
    2003, section 1.5). It rests on what agents answer: `probe` tries those answers against their costs.
    """
    return [rows - best for rows, best in zip(x, natural_answers(market, protocol, state, x).x, strict=True)]

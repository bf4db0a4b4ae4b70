"""What it costs each agent, and all together, that some say by declaration something else than their interest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...protocols import Market, MarketState
from ..judge.metrics import Observer, costs_of
from ..judge.reference import Reference
from ..judge.restore_feasibility import restore_feasibility

__all__ = ["AGENTS_MAX", "Shading", "shading_of"]

Floats = npt.NDArray[np.float64]
Shading = dict[str, dict[str, float]]

AGENTS_MAX = 200
"""Agents beyond which those that do not declare anything are added up, as "others"."""


def shading_of(market: Market, x: Sequence[Floats], price: Floats, best: Reference) -> Shading:
    """Compare what every agent pays where a run ended with what it pays at the optimum of the true costs.

    Parameters
    ----------
    market : as it was posed
    x : by population, (rows, periods) kW, what was committed
    price : (B, periods) $/kWh, the negotiated prices
    best : the optimum of all agents' true costs, and its prices

    Returns
    -------
    by agent, and for "all", in $/h over all periods: cost, by its own true `cost`, and payment, the price times the import of
    each row, where the run ended; optimum_cost and optimum_payment at the optimum and its prices; and loss, which is cost and
    payment less those at the optimum: below zero where it gains. Payments cancel where all rows meet in balances, so that
    the loss of all is what is lost altogether. Nothing where the optimum cannot be kept to the agents' limits.
    """
    at_best = _kept(market, best)
    if at_best is None:
        return {}
    told: Shading = {}
    others = np.zeros(4)
    many = sum(len(p.society) for p in market.populations) > AGENTS_MAX
    total = np.zeros(4)
    for number, population in enumerate(market.populations):
        society, gather = population.society, market.gather[number]
        columns = []
        for rows, prices in ((x[number], price), (at_best[number], best.price)):
            paid = np.add.reduceat((np.asarray(gather.T @ prices) * rows).sum(axis=1), society.own_rows)
            columns += [costs_of(society, rows).sum(axis=1), paid]
        table = np.stack(columns, axis=1)
        total += table.sum(axis=0)
        if many and not society.strategic:
            others += table.sum(axis=0)
            continue
        told |= {name: _row(values) for name, values in zip(society.names, table, strict=True)}
    # Who declares something comes first.
    declared = {name for p in market.populations if p.society.strategic for name in p.society.names}
    told = dict(sorted(told.items(), key=lambda pair: pair[0] not in declared))
    return told | ({"others": _row(others)} if many else {}) | {"all": _row(total)}


def _row(values: Floats) -> dict[str, float]:
    cost, payment, best_cost, best_payment = values.tolist()
    return {
        "cost": cost,
        "payment": payment,
        "optimum_cost": best_cost,
        "optimum_payment": best_payment,
        "loss": cost + payment - best_cost - best_payment,
    }


def _kept(market: Market, best: Reference) -> list[Floats] | None:
    """Return the optimum within all limits, which a solver misses by a hair."""
    state = MarketState.blank(market)
    state.x, state.price = best.x, best.price
    return restore_feasibility(market, Observer(market, 0), state)

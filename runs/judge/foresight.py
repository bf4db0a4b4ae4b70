"""Perfect foresight: a whole day as one convex programme, beside the day that was negotiated a period at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import Period, Society
from ...protocols import Market
from .metrics import costs_of
from .reference import central_solve

__all__ = ["Foresight", "blind_types", "day_cost", "foresee"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Foresight:
    """The optimum of a whole day, beside what the negotiated day comes to by the same account.

    Attributes
    ----------
    cost : $, the least that the day can cost if all of it is known when it begins
    negotiated : $, of the day as it was committed; never less
    status : the solver's word, "optimal" or "optimal_inaccurate"
    x : by population, (rows, periods) kW, what would be exchanged
    """

    cost: float
    negotiated: float
    status: str
    x: list[Floats]

    @property
    def forgone(self) -> float:
        """$: what not looking ahead has cost."""
        return self.negotiated - self.cost


def foresee(market: Market, periods: Sequence[Period], negotiated: float) -> Foresight | None:
    """Solve a whole day centrally, with everything that agents keep from a period to the next.

    Parameters
    ----------
    market : all agents with profiles over all periods, as the day begins
    periods : of the day
    negotiated : $, from `day_cost`

    Returns
    -------
    None where the periods differ in length, where some type cannot say what a whole day costs it, or where the programme has
    no solution: see `blind_types`.
    """
    hours = {period.hours for period in periods}
    if len(hours) > 1 or blind_types(market):
        return None

    best = central_solve(market, ask=lambda society, cp, x: _whole_day(society, cp, x, periods))
    return None if best is None else Foresight(hours.pop() * best.cost, negotiated, best.status, best.x)


def _whole_day(society: Society, cp: Any, x: Any, periods: Sequence[Period]) -> tuple[Any, list[Any]]:
    if _plans_a_day(society):
        return society.day_reference(cp, x, periods)
    if type(society).open is Society.open:
        return society.reference(cp, x)
    parts = [society.open(period).reference(cp, x[:, k : k + 1]) for k, period in enumerate(periods)]
    return sum(cost for cost, _ in parts), [limit for _, limits in parts for limit in limits]


def _plans_a_day(society: Society) -> bool:
    """Tell whether a type has a `day_reference` that knows its `settle`: not one of a base that it settles otherwise than."""
    kinds = type(society).__mro__
    settles, plans = (
        next(k for k, kind in enumerate(kinds) if name in vars(kind)) for name in ("settle", "day_reference")
    )
    return society.offers("day_reference") and plans <= settles


def blind_types(market: Market) -> list[str]:
    """Return the types that cannot say what a whole day costs: what they keep is in no programme, or they have none at all."""
    found = set()
    for society in (population.society for population in market.populations):
        keeps = type(society).settle is not Society.settle
        if not (_plans_a_day(society) if keeps else society.offers("reference")):
            found.add(type(society).__name__)
    return sorted(found)


def day_cost(
    parts: Sequence[tuple[Market, list[Floats], float]], start: Sequence[Society], end: Sequence[Society]
) -> float:
    """Return $ that a day has cost, regularising terms included: what was met, and what the end has less in store.

    Parameters
    ----------
    parts : of each period the market, what was dispatched by population, (rows, 1) kW, and its length in h
    start, end : the agents as the day began, and as its last period has left them
    """
    met = 0.0
    for market, x, hours in parts:
        for population, rows in zip(market.populations, x, strict=True):
            society = population.society
            met += hours * float((costs_of(society, rows) - society.outlook(rows)).sum())
    return (
        met
        + sum(float(society.stock_value().sum()) for society in start)
        - sum(float(society.stock_value().sum()) for society in end)
    )

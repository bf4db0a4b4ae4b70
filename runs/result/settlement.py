"""Settlement: what every microgrid pays for its own and to its neighbours, against what it would pay alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ...protocols import Market, MarketState
from ..judge.metrics import Observer, costs_of
from ..judge.reference import central_solve
from ..judge.restore_feasibility import restore_feasibility
from ..simulation.day import Day, PeriodEnd
from ..simulation.simulation import Simulation

__all__ = ["Table", "settle", "settle_day"]

Floats = npt.NDArray[np.float64]
Table = dict[str, dict[str, float]]


def settle(simulation: Simulation, x: list[Floats], *, solve: bool = False) -> Table:
    """Settle a committed point at the negotiated prices.

    Over each tie-line the importer pays transfer_price * import * hours to the exporter, so payments cancel. At prices that
    have converged nobody loses against exchanging nothing, for that is one of the answers that he may give.

    Parameters
    ----------
    simulation : as it ended
    x : by population, (rows, periods) kW, the committed point
    solve : also settle where prosumers must be asked what they would do alone, by a central solve without transfers

    Returns
    -------
    by microgrid, in $ (in $/h where no agent knows how long a period is): cost of all agents in it, less utility and with
    regularising terms; payment to its neighbours, below zero where they pay; together, the sum of both; alone, what it
    would cost without transfers, inf where that cannot be (for all, where prosumers must be asked: they are solved
    together); and gain = alone - together. Nothing where `solve` is needed and not allowed, or some type has no `reference`.
    """
    market = simulation.market
    if not _answerable(market, solve):
        return {}
    hours = next((h for p in market.populations if (h := p.society.period_hours) is not None), 1.0)
    prices = simulation.state.price
    found = _alone(market)
    alone = np.full(len(market.topology.homes), np.inf) if found is None else _costs(market, found)
    return _table(market, hours * _costs(market, x), hours * _payments(market, x, prices), hours * alone)


def settle_day(day: Day, ends: Sequence[PeriodEnd], progress: Callable[[int, int], None] | None = None) -> Table:
    """Settle periods that were negotiated one after the other, against a day in which every microgrid acts alone.

    Alone, each period is solved centrally without transfers, on what that day's own earlier periods have left of charge
    and need: the same looking ahead, which is none, as in the negotiation. What a day without transfers leaves in a storage
    or an EV is not what a day with them leaves, so a gain is guaranteed by the period and not by the day.

    Parameters
    ----------
    day : as nobody has begun it
    ends : of the periods that were negotiated
    progress : called before each central solve, with its number and how many there are

    Returns
    -------
    as `settle`, in $; nothing where some period was not committed, or some type has no `reference`
    """
    if not ends or any(end.certificate.x is None for end in ends) or not _answerable(ends[0].market, True):
        return {}
    cost, payment, alone = np.zeros((3, len(ends[0].market.topology.homes)))
    for number, end in enumerate(ends):
        if progress is not None:
            progress(number, len(ends))
        hours, market = end.period.hours, day.market()
        cost += hours * _costs(end.market, end.x)
        payment += hours * _payments(end.market, end.x, end.price)
        x = _alone(market) if np.isfinite(alone).all() else None
        if x is None:
            alone[:] = np.inf
            continue
        alone += hours * _costs(market, x)
        day.roll(x)
    return _table(ends[0].market, cost, payment, alone)


def _answerable(market: Market, solve: bool) -> bool:
    """Tell whether it can be told what the agents would do alone."""
    return _operators_only(market) or (solve and all(p.society.offers("reference") for p in market.populations))


def _operators_only(market: Market) -> bool:
    return all(bool(market.operates(p).all()) for p in market.populations)


def _alone(market: Market) -> list[Floats] | None:
    """Return what the agents do without transfers, by population, (rows, periods) kW; None where a solve finds nothing."""
    if _operators_only(market):  # who has nobody at his bus exchanges nothing at all, and dispatches his own devices
        return [np.zeros((p.society.rows, market.periods)) for p in market.populations]
    best = central_solve(market, transfers=False)
    if best is None:
        return None
    state = MarketState.blank(market)
    state.x, state.price = best.x, np.where(market.topology.place[:, None], best.price, 0.0)
    return restore_feasibility(
        market, Observer(market), state
    )  # a solver misses limits by a hair, where a cost has no end


def _costs(market: Market, x: Sequence[Floats]) -> Floats:
    """(homes,) $/h, summed over periods: the cost less utility of all agents in a microgrid, regularising terms included."""
    total = np.zeros(len(market.topology.homes))
    for population, rows in zip(market.populations, x, strict=True):
        cost = costs_of(population.society, rows).sum(axis=1)
        total += np.bincount(market.topology.home[population.address], cost, minlength=len(total))
    return total


def _payments(market: Market, x: Sequence[Floats], price: Floats) -> Floats:
    """(homes,) $/h, summed over periods: what each home pays for its imports from others, at (B, periods) $/kWh."""
    topology = market.topology
    joins = topology.row_place > 0
    paid = (price[topology.row_balance[joins]] * market.of_rows(list(x))[joins]).sum(axis=1)
    home = topology.home[topology.row_agent[joins]]
    return np.asarray(np.bincount(home, paid, minlength=len(topology.homes)), dtype=np.float64)


def _table(market: Market, cost: Floats, payment: Floats, alone: Floats) -> Table:
    together = cost + payment
    columns = {"cost": cost, "payment": payment, "together": together, "alone": alone, "gain": alone - together}
    return {
        name: {key: float(values[k]) + 0.0 for key, values in columns.items()}
        for k, name in enumerate(market.topology.homes)
    }

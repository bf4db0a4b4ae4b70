"""Settlement: what every microgrid pays for its own devices and to its neighbours, against what it pays alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..agents import DispatchOperator
from .observer import costs_of
from .simulation import Simulation

__all__ = ["settle"]

Floats = npt.NDArray[np.float64]


def settle(simulation: Simulation, x: list[Floats]) -> dict[str, dict[str, float]]:
    """Settle a committed point at the negotiated prices.

    Each tie-line's importer pays transfer_price * import * hours to its exporter, so payments cancel; and since nobody's
    cost less income could be lower at these prices, nobody loses against exchanging nothing.

    Parameters
    ----------
    simulation : as it ended
    x : by population, (rows, periods) kW, the committed point

    Returns
    -------
    by microgrid, in $: cost of its devices and of what it sends; payment to its neighbours, below zero where they pay; both
    together; alone, with nothing exchanged, inf where that cannot be; gain = alone - together. Nothing where a microgrid has
    prosumers or an operator of another sort, which cannot be asked what they would pay alone.
    """
    market, observer, state = simulation.market, simulation.observer, simulation.state
    if not all(isinstance(p.society, DispatchOperator) for p in market.members):
        return {}
    prices = np.concatenate([state.price, state.transfer_price.mean(axis=1)])
    told: dict[str, dict[str, float]] = {}
    for population, gather, rows in zip(market.members, observer.gather, x, strict=True):
        society = population.society
        assert isinstance(society, DispatchOperator)
        hours = society.hours[:, 0]
        cost, alone = (costs_of(society, each).sum(axis=1) * hours for each in (rows, np.zeros_like(rows)))
        payment = np.add.reduceat((gather.T @ prices * rows).sum(axis=1), society.own_rows) * hours
        for k, hub in enumerate(market.topology.home[population.address].tolist()):
            together = float(cost[k] + payment[k])
            told[market.topology.microgrids[hub]] = {
                "cost": float(cost[k]),
                "payment": float(payment[k]),
                "together": together,
                "alone": float(alone[k]),
                "gain": float(alone[k]) - together,
            }
    return {name: told[name] for name in market.topology.microgrids}

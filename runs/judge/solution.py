"""The solution by microgrid and by tie-line: what the rows of all agents add up to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import Society
from ...protocols import Market

__all__ = ["joined", "microgrids_of", "tie_lines_of"]

Floats = npt.NDArray[np.float64]
Table = dict[str, dict[str, Any]]


def microgrids_of(market: Market, x: Sequence[Floats], price: Floats) -> Table:
    """Return, by microgrid: price, demand, generation, pv, net_export, and storage, soc, main_grid, energy, tariff where any.

    kW, $/kWh, 1 and, for energy, kWh; a list where there are several periods. Storage is discharge, below zero while it
    charges; soc is that at the beginning, energy that at the end. Prosumers are demand, unless their type says itself, as
    each type of operator does, what it supplies, and from what: see `Society.sources`.

    Parameters
    ----------
    market
    x : by population, (rows, periods) kW
    price : (B, periods) $/kWh
    """
    homes, periods = len(market.topology.homes), market.periods
    table: dict[str, Floats] = {"price": price[market.topology.home_balance], "demand": np.zeros((homes, periods))}
    for population, rows in zip(market.populations, x, strict=True):
        society = population.society
        home = market.topology.home[population.address]
        if not market.operates(population).all() and type(society).sources is Society.sources:
            np.add.at(table["demand"], home, rows[society.own_rows])
            continue
        for name, values in society.sources(rows).items():
            np.add.at(table.setdefault(name, np.zeros((homes, periods))), home, values)
    return {
        name: {key: _plain(values[k]) for key, values in table.items()} for k, name in enumerate(market.topology.homes)
    }


def tie_lines_of(market: Market, x: Sequence[Floats], price: Floats) -> Table:
    """Return, by tie-line: transfer (kW, positive from its first to its second microgrid) and transfer_price ($/kWh).

    Parameters
    ----------
    market
    x : by population, (rows, periods) kW
    price : (B, periods) $/kWh
    """
    topology, rows = market.topology, market.of_rows(list(x))
    signed = np.where(topology.row_end[:, None] == 0, -rows, rows) / 2.0
    transfer = np.zeros((len(topology.balances), market.periods))
    np.add.at(transfer, topology.row_balance, signed)
    return {
        topology.balances[k]: {"transfer": _plain(transfer[k]), "transfer_price": _plain(price[k])}
        for k in topology.joins.tolist()
    }


def joined(tables: Sequence[Table]) -> Table:
    """Return tables of single periods as one table of lists."""
    first = tables[0]
    return {name: {key: [table[name][key] for table in tables] for key in row} for name, row in first.items()}


def _plain(values: Floats) -> float | list[float]:
    # Adding zero turns -0.0 into 0.0, which prints as one expects.
    return float(values[0]) + 0.0 if len(values) == 1 else [float(v) + 0.0 for v in values]

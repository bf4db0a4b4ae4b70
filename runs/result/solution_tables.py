"""The solution by agent and by balance, in columns: for data frames, for JSON and for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ...protocols import Market
from ..judge.metrics import costs_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ROWS_MAX", "Part", "agents_of", "balances_of", "frame", "records"]

Floats = npt.NDArray[np.float64]
Columns = dict[str, Any]
"""Lists of texts, (n,), and numbers, (n, periods), by name."""

ROWS_MAX = 2000
"""Rows, agents or balances times periods, beyond which JSON does without these tables."""

_UNITS = {"power": "kw", "price": "usd_per_kwh", "payment": "usd_per_h", "cost": "usd_per_h"}


class Part(NamedTuple):
    """One negotiation and what came out of it: the market, x by population, (rows, periods) kW, and price, (B, periods)."""

    market: Market
    x: Sequence[Floats]
    price: Floats


def agents_of(parts: Sequence[Part]) -> Columns:
    """Return, of each agent: name, type, home, and power (kW), payment and cost ($/h), (n, periods).

    Power is the net import over all rows; of an agent with a connection to a network that over the connection, for its
    trades are on paper. Payment is price times net import over all rows, below zero for who is paid. Cost is without
    regularising terms, +inf outside limits.

    Parameters
    ----------
    parts : one, or of periods that were negotiated one after the other one each
    """
    topology = parts[0].market.topology
    first = len(topology.coordinators)
    kind = np.empty(topology.size - first, dtype=object)
    for population in parts[0].market.populations:
        kind[population.address - first] = type(population.society).__name__
    return {
        "name": [topology.name(address) for address in range(first, topology.size)],
        "type": kind.tolist(),
        "home": [topology.homes[home] for home in topology.home[first:].tolist()],
        **_joined([_agents(part) for part in parts]),
    }


def _agents(part: Part) -> dict[str, Floats]:
    market, x, price = part
    topology, periods = market.topology, market.periods
    first, rows = len(topology.coordinators), market.of_rows(list(x))
    wired = np.array([one.name == "connection" for one in topology.kinds])[topology.kind][topology.row_balance]
    has = np.zeros(topology.size, dtype=bool)
    has[topology.row_agent[wired]] = True
    counts = wired | ~has[topology.row_agent]
    power, payment, cost = np.zeros((3, topology.size, periods))
    np.add.at(power, topology.row_agent[counts], rows[counts])
    np.add.at(payment, topology.row_agent, price[topology.row_balance] * rows)
    for population, own in zip(market.populations, x, strict=True):
        cost[population.address] = costs_of(population.society.unregularised(), own)
    return {"power": power[first:], "payment": payment[first:], "cost": cost[first:]}


def balances_of(parts: Sequence[Part]) -> Columns:
    """Return, of each balance: name, kind, from, to, and price ($/kWh), power (kW) and payment ($/h), (B, periods).

    Of a balance that joins two agents, power is what goes from the first to the second, below zero the other way, and
    payment what the second pays for it. Of any other from and to are None, power is all that changes hands there, and
    payment what is paid for that. The price is that of an import.

    Parameters
    ----------
    parts : as of `agents_of`
    """
    topology = parts[0].market.topology
    ends: list[list[str | None]] = [[None, None] for _ in topology.balances]
    joins = np.zeros(len(topology.balances), dtype=bool)
    joins[topology.joins] = True
    for row in np.flatnonzero(joins[topology.row_balance]).tolist():
        ends[topology.row_balance[row]][topology.row_end[row]] = topology.name(int(topology.row_agent[row]))
    return {
        "name": list(topology.balances),
        "kind": [topology.kinds[kind].name for kind in topology.kind.tolist()],
        "from": [end[0] for end in ends],
        "to": [end[1] for end in ends],
        **_joined([_balances(part, joins) for part in parts]),
    }


def _balances(part: Part, joins: npt.NDArray[np.bool_]) -> dict[str, Floats]:
    market, x, price = part
    topology, rows = market.topology, market.of_rows(list(x))
    signed = np.where(topology.row_end[:, None] == 0, -rows, rows)
    power = np.zeros((len(topology.balances), market.periods))
    np.add.at(power, topology.row_balance, np.where(joins[topology.row_balance, None], signed, np.abs(rows)) / 2.0)
    return {"price": price, "power": power, "payment": price * power}


def _joined(parts: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    # Adding zero turns -0.0 into 0.0, which prints as one expects.
    return {name: np.concatenate([part[name] for part in parts], axis=1) + 0.0 for name in parts[0]}


def frame(columns: Columns) -> pd.DataFrame:
    """Return columns as a data frame, a row an entry and period, with the unit of each number in its column's name."""
    import pandas as pd  # here: it takes long to load, and most runs do without

    periods = max(values.shape[1] for values in columns.values() if isinstance(values, np.ndarray))
    table: dict[str, Any] = {}
    for name, values in columns.items():
        if isinstance(values, np.ndarray):
            table[f"{name}_{_UNITS[name]}"] = values.ravel()
        else:
            table[name] = np.repeat(np.array(values, dtype=object), periods)
    if periods > 1:
        table["period"] = np.tile(np.arange(periods), len(columns["name"]))
    found = pd.DataFrame(table)
    first = [name for name in ("name", "period") if name in found]
    return found[[*first, *(name for name in found if name not in first)]]


def records(parts: Sequence[Part], table: Literal["agents", "balances"]) -> list[dict[str, Any]] | None:
    """Return agents or balances as plain data, a list where there are periods; None where there are more than `ROWS_MAX`."""
    topology = parts[0].market.topology
    count = topology.size - len(topology.coordinators) if table == "agents" else len(topology.balances)
    if count * sum(part.market.periods for part in parts) > ROWS_MAX:
        return None
    columns = agents_of(parts) if table == "agents" else balances_of(parts)
    plain = [_plain(values) if isinstance(values, np.ndarray) else values for values in columns.values()]
    return [dict(zip(columns, entry, strict=True)) for entry in zip(*plain, strict=True)]


def _plain(values: Floats) -> list[Any]:
    return list((values[:, 0] if values.shape[1] == 1 else values).tolist())

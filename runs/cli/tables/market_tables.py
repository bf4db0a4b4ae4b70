"""Tables of agents and balances, for markets that are no microgrids: pools, communities and bilateral trades."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Group, RenderableType
from rich.text import Text

from ...result.result import Result
from ...result.solution_tables import Part, agents_of, balances_of
from .plain import number, plain_table

__all__ = ["market_tables", "of_agents", "shading_table"]

AGENTS_MAX = 60
"""Agents, or places where they meet, up to which each has a line."""
SHOWN = 12
"""Lines of trades, and of agents and places where there are too many."""

_MICROGRIDS = {"bus", "tie_line", "connection"}
"""Kinds of balances of markets that are shown by microgrid."""

Floats = npt.NDArray[np.float64]


def of_agents(result: Result) -> bool:
    """Tell whether a market is shown by agent and balance: there is no bus, no tie-line and no network in it."""
    return _MICROGRIDS.isdisjoint(kind.name for kind in result.simulation.market.topology.kinds)


def market_tables(result: Result) -> Iterator[RenderableType]:
    """Yield the table of the agents, that of the places where they meet, and that of their trades; means of periods."""
    parts = result.parts
    yield _agents(parts)
    balances = balances_of(parts)
    two = np.array([end is not None for end in balances["from"]])
    price, power, payment = (balances[key].mean(axis=1) for key in ("price", "power", "payment"))
    if not two.all():
        yield _places(balances, np.flatnonzero(~two), price, power, payment)
    if two.any():
        yield _trades(balances, np.flatnonzero(two), price, power, payment)
    periods = sum(part.market.periods for part in parts)
    yield Text(
        "power: what an agent injects, below zero what it consumes; payment: below zero what it is paid"
        + (f"; means of {periods} periods" if periods > 1 else ""),
        style="dim",
    )


def _places(balances: dict[str, Any], places: Any, price: Floats, power: Floats, payment: Floats) -> RenderableType:
    numbers = ("price, $/kWh", "traded, kW", "paid, $/h")
    shown = plain_table([("balance", "left"), ("kind", "left"), *((name, "right") for name in numbers)])
    lines, rest = _largest(power[places], AGENTS_MAX)
    for k in places[lines].tolist():
        told = number(price[k]), number(power[k], 3), number(payment[k], 3)
        shown.add_row(balances["name"][k], balances["kind"][k], *told)
    if not len(rest):
        return shown
    more = places[rest]
    sums = f"{number(power[more].sum(), 3)} kW, {number(payment[more].sum(), 3)} $/h"
    return Group(shown, Text(f"and {len(rest)} more places: {sums}", style="dim"))


def _agents(parts: Sequence[Part]) -> RenderableType:
    told = agents_of(parts)
    power, payment, cost = (told[key].mean(axis=1) for key in ("power", "payment", "cost"))
    price = np.mean([_mean_price(part) for part in parts], axis=0)
    homes = (
        any(home != name for home, name in zip(told["home"], told["name"], strict=True)) and len(set(told["home"])) > 1
    )
    numbers = ("power, kW", "price, $/kWh", "payment, $/h", "cost, $/h")
    names = ("agent", "at") if homes else ("agent",)
    shown = plain_table([*((name, "left") for name in names), *((name, "right") for name in numbers)])
    lines, rest = _largest(power, AGENTS_MAX)
    for k in lines.tolist():
        where = [told["home"][k]] if homes else []
        shown.add_row(
            told["name"][k], *where, number(-power[k], 3), number(price[k]), number(payment[k], 3), number(cost[k], 3)
        )
    if not len(rest):
        return shown
    sums = f"{number(-power[rest].sum(), 3)} kW, payments {number(payment[rest].sum(), 3)} $/h"
    return Group(shown, Text(f"and {len(rest)} more agents: {sums}", style="dim"))


def _mean_price(part: Part) -> Floats:
    """(agents,) $/kWh: the mean price of what each agent trades; of its rows where it trades nothing."""
    topology = part.market.topology
    first = len(topology.coordinators)
    price = part.price[topology.row_balance]
    traded = np.abs(part.market.of_rows(list(part.x)))
    weights = np.stack([(price * traded).sum(axis=1), traded.sum(axis=1), price.mean(axis=1), np.ones(len(price))])
    money, power, plain, count = (np.bincount(topology.row_agent, one, topology.size)[first:] for one in weights)
    nothing = power <= 1e-9
    return np.where(nothing, plain / count, money / np.where(nothing, 1.0, power))


def _trades(balances: dict[str, Any], two: Any, price: Floats, power: Floats, payment: Floats) -> RenderableType:
    kinds = {balances["kind"][k] for k in two.tolist()}
    name = kinds.pop() if len(kinds) == 1 else "balance"
    shown = plain_table(
        [
            (f"{name} from", "left"),
            ("to", "left"),
            ("power, kW", "right"),
            ("price, $/kWh", "right"),
            ("payment, $/h", "right"),
        ]
    )
    lines, rest = _largest(power[two], SHOWN)
    for k in two[lines].tolist():
        ends = balances["from"][k], balances["to"][k]
        ends = ends if power[k] >= 0 else ends[::-1]
        shown.add_row(*ends, number(abs(power[k]), 3), number(price[k]), number(abs(payment[k]), 3))
    if not len(rest):
        return shown
    more = two[rest]
    numbers = f"{number(np.abs(power[more]).sum(), 3)} kW, {number(np.abs(payment[more]).sum(), 3)} $/h"
    spread = f"prices {number(price[two].min())} to {number(price[two].max())} $/kWh"
    return Group(shown, Text(f"and {len(rest)} smaller of {len(two)}: {numbers}; {spread}", style="dim"))


def _largest(power: Floats, most: int) -> tuple[Any, Any]:
    """Return the places of what is shown, all of a few in their order or the largest of many, and of the others."""
    if len(power) <= most:
        return np.arange(len(power)), np.arange(0)
    order = np.argsort(-np.abs(power), kind="stable")
    return order[:SHOWN], order[SHOWN:]


def shading_table(result: Result, most: int) -> RenderableType:
    """What it costs each agent that some do not answer their interest; of more than `most`, who declares it."""
    table = result.shading
    heads = ("cost", "payment", "together", "at optimum", "loss")
    shown = plain_table([(f"true costs, {result.cost_unit}", "left"), *((head, "right") for head in heads)])
    declared = set(result.certificate.probe.strategic)
    agents = [name for name in table if name != "all"]
    few = [name for name in agents if len(agents) <= most or name in declared or name == "others"]
    for name in [*few[:most], "all"]:
        mark = f"{name} (declared)" if name in declared else name
        row = table[name]
        together, best = row["cost"] + row["payment"], row["optimum_cost"] + row["optimum_payment"]
        values = (row["cost"], row["payment"], together, best, row["loss"])
        shown.add_row(mark, *(number(value, 3) for value in values))
    note = "together: cost and payment at the negotiated prices; at optimum: both, of the true costs and its prices"
    return Group(shown, Text(note, style="dim"))

"""Tables that a person can read: what came out of a run, and the source's printed figures beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...feeder.state import flow_text
from ...feeder.usage import usage_text
from ...judge.outcome import Outcome
from ...record.fault_windows import table_label
from ...result.day_result import foresight_text
from ...result.notes import idle_faults, own_types
from ...result.result import Result
from .cost_text import certificate_text, cost_text, objective_text
from .market_tables import market_tables, of_agents, shading_table
from .plain import number, plain_table

__all__ = ["MICROGRIDS_MAX", "number", "print_result", "same_digits"]

MICROGRIDS_MAX = 12
"""Microgrids beyond which tables show a summary instead of all."""

PERIODS_MAX = 24
"""Periods beyond which tables show only those that did not converge."""

_BAD = (Outcome.DIVERGED, Outcome.INCONSISTENT, Outcome.INFEASIBLE)
COLOURS = {Outcome.CONVERGED: "green", **dict.fromkeys(_BAD, "red")}
"""Of outcomes; the others are yellow."""

QUANTITIES = {
    "price": "price λ, $/kWh",
    "demand": "demand D, kW",
    "generation": "generation G, kW",
    "pv": "PV, kW",
    "storage": "storage, kW",
    "main_grid": "main grid, kW",
    "net_export": "net export, kW",
    "transfer": "transfer T, kW",
    "transfer_price": "transfer price μ, $/kWh",
    "total_cost": "total cost, $/h",
}
"""Names of the results with the letter that the notes give them, and the unit."""


def same_digits(ours: float, printed: float) -> bool:
    """Tell whether a result is what a source printed, to every digit of it, four decimals at least.

    >>> same_digits(3.09796, 3.0980), same_digits(3.0978, 3.0980), same_digits(-0.00001, 0.0)
    (True, False, True)
    """
    digits = max(4, len(repr(float(printed)).partition(".")[2]))
    return number(ours, digits) == number(printed, digits)


def print_result(result: Result, console: Console) -> None:
    """Print the headline, the solution, and what the source printed where there is such a thing."""
    told = result.to_dict()
    console.print(_headline(result, told))
    # What was never proposed everywhere is not a solution.
    if not any(np.isnan(x).any() for x in result.x):
        for table in market_tables(result) if of_agents(result) else _microgrids(told):
            console.print()
            console.print(table)
        if "periods" in told:
            console.print()
            console.print(_hours(told))
        if told["tie_lines"] and not of_agents(result):
            console.print(Text(_signs(result), style="dim"))
        if told.get("settlement") and (result.settled or not of_agents(result)):
            console.print()
            console.print(_settlement(told["settlement"], result.cost_unit))
    if result.shading:
        console.print()
        console.print(shading_table(result, MICROGRIDS_MAX))
    told_already = "gridparley conform" in result.reason
    if result.outcome is not Outcome.CONVERGED and not told_already and (own := own_types(result.simulation)):
        console.print()
        console.print(Text(f"{own} tries what is yours here by itself", style="yellow"), soft_wrap=True)  # to be copied
    if printed := result.scenario.spec.report.printed:
        console.print()
        console.print(_beside(printed, told, result.scenario.spec.report.source or "the source"))


def _microgrids(told: Mapping[str, Any]) -> Iterator[RenderableType]:
    for kind, name, keys in (
        ("microgrids", "microgrid", ("price", "demand", "generation", "pv", "storage", "main_grid", "net_export")),
        ("tie_lines", "tie-line", ("transfer", "transfer_price")),
    ):
        if told[kind]:
            yield _solution(told[kind], name, keys)


def _settlement(table: Mapping[str, Mapping[str, float | None]], unit: str) -> RenderableType:
    """What each microgrid pays; of many, who gains least and most; and all together."""
    keys = ("cost", "payment", "together", "alone", "gain")
    shown = plain_table([("settlement", "left"), *((f"{key}, {unit}", "right") for key in keys)])
    gains = {name: row["gain"] or 0.0 for name, row in table.items()}
    few = len(table) <= MICROGRIDS_MAX
    for name in table if few else (min(gains, key=gains.__getitem__), max(gains, key=gains.__getitem__)):
        shown.add_row(name, *(number(table[name][key], 3) for key in keys))
    columns = {key: [value for row in table.values() if (value := row[key]) is not None] for key in keys}
    sums = [sum(values) if len(values) == len(table) else None for values in columns.values()]
    shown.add_row("all", *(number(value, 3) for value in sums))
    alone = "at the optimum without transfers" if sums[-1] is not None else "impossible for an agent"
    note = f"together: cost and what is paid to neighbours at the transfer prices; alone: {alone}"
    return Group(shown, Text(note, style="dim"))


def _signs(result: Result) -> str:
    """Which way a transfer is positive, and what its price is the price of."""
    topology = result.simulation.market.topology
    line = int(topology.joins[0])
    first, (here, there) = topology.balances[line], (topology.homes[home] for home in topology.ends[line])
    sign = "an import" if result.scenario.spec.report.transfer_price_sign > 0 else "an export (the sign of note 000)"
    return f"T of {first}: positive from {here} to {there}; μ: the price of {sign}, at either end"


def _headline(result: Result, told: Mapping[str, Any]) -> RenderableType:
    spec, outcome, unit = result.scenario.spec, result.outcome, result.cost_unit
    colour = COLOURS.get(outcome, "yellow")
    faults = "; ".join(map(_fault, spec.fault)) or "none"
    rows: list[tuple[str, str | Text]] = [
        ("scenario", f"{result.scenario.name}: {spec.title}" if spec.title else result.scenario.name),
        ("protocol", f"{told['protocol']}, seed {told['seed']}, faults: {faults}"),
        ("outcome", Text.assemble((str(outcome), f"bold {colour}"), f" - {result.reason}")),
        ("took", f"{told['ticks']} ticks, {told['rounds']} rounds{_each(told)}, {told['seconds']:.2f} s"),
        ("messages", _messages(told["messages"])),
        ("residuals", _residuals(told["residuals"])),
        ("certificate", certificate_text(told["certificate"], unit)),
        (
            "total cost",
            cost_text(told["total_cost"], told.get("reference_cost"), told["regularisation_gap"], "without", unit),
        ),
        ("objective", objective_text(told, unit)),
    ]
    if words := foresight_text(told.get("perfect_foresight")):
        rows.append(("foresight", words))
    rows += [("network", usage_text(told["usage"]))] if "usage" in told else []
    rows += [("power flow", flow_text(told["feeder"]))] if "feeder" in told else []
    if told.get("unserved_kwh"):
        missing = ", ".join(f"{name} {number(kwh, 2)} kWh" for name, kwh in told["unserved_kwh"].items())
        rows.append(("not served", Text(missing, style="yellow")))
    rows += [
        ("no effect", Text(f"fault {name!r} acted on nothing: {why}", style="yellow"))
        for name, why in idle_faults(result.simulation)
    ]
    if outcome is not Outcome.CONVERGED:
        rows.append(("worst", _worst(told["worst"])))
    grid = Table.grid(padding=(0, 2, 0, 0))
    for label, text in rows:
        grid.add_row(Text(label, style="bold"), text if isinstance(text, Text) else Text(text))
    return grid


def _fault(table: Mapping[str, Any]) -> str:
    start, end = table.get("from", 0), table.get("to")
    window = "" if not start and end is None else f" from tick {start}" + ("" if end is None else f" to {end}")
    return table_label(table) + window


def _messages(fates: Mapping[str, int]) -> str:
    shown = [
        f"{count} {fate.replace('_', ' ')}"
        for fate, count in fates.items()
        if count or fate in ("sent", "delivered", "lost")
    ]
    return ", ".join(shown)


def _residuals(residuals: Mapping[str, float | None]) -> str:
    units = {"primal_residual": "kW", "dual_residual": "$/kWh", "price_disagreement": "$/kWh"}
    shown = [
        f"{name.replace('_', ' ')} {value:.1e} {units[name]}" for name, value in residuals.items() if value is not None
    ]
    return ", ".join(shown) or "nothing was proposed yet"


def _each(told: Mapping[str, Any]) -> str:
    return f" (a period {told['rounds_median']:g}, at most {told['rounds_max']})" if "periods" in told else ""


def _worst(worst: Mapping[str, Any]) -> str:
    where = " and ".join(f"{key.replace('_', '-')} {worst[key]}" for key in ("microgrid", "tie_line") if worst.get(key))
    age = worst["oldest_message_age"]
    old = "some message was never heard" if age is None else f"the oldest message relied on is {age} ticks old"
    return f"largest imbalance at {where}; {old}" if where else old


def _solution(table: Mapping[str, Mapping[str, Any]], name: str, keys: Iterable[str]) -> RenderableType:
    keys = [key for key in keys if key in next(iter(table.values()))]
    values = {key: np.array([np.atleast_1d(row[key]) for row in table.values()], dtype=float) for key in keys}
    periods = next(iter(values.values())).shape[1]
    first = len(keys) <= 5  # more would not fit
    note = "" if periods == 1 else f"mean of {periods} periods{' (first period)' if first else ''}"
    if len(table) > MICROGRIDS_MAX:
        return _summary(values, list(table), name, note)
    shown = plain_table([(name, "left"), *((QUANTITIES[key], "right") for key in keys)], caption=note or None)
    for k, row in enumerate(table):
        shown.add_row(row, *(_cell(values[key][k], first=first) for key in keys))
    return shown


def _hours(told: Mapping[str, Any]) -> RenderableType:
    """What was negotiated period by period; of more than a screen's worth only those that did not converge."""
    periods, microgrids = told["periods"], told["microgrids"]
    shown = [k for k, p in enumerate(periods) if len(periods) <= PERIODS_MAX or p["outcome"] != "CONVERGED"]
    if not shown:
        return Text(f"{len(periods)} periods, each CONVERGED", style="dim")
    named = list(microgrids)[:3]
    sources = [s for s in ("demand", "generation", "pv", "storage") if s in next(iter(microgrids.values()))]
    table = plain_table(
        [("from", "left"), ("rounds", "right"), *((f"λ {name}", "right") for name in named)]
        + [(f"{'discharge' if s == 'storage' else s}, kW", "right") for s in sources]
        + [("cost, $/h", "right"), ("gap", "right"), ("", "left")]
    )
    for k in shown:
        period, gap = periods[k], periods[k]["gap"]
        clock = period["start"] % 24
        table.add_row(
            f"{int(clock):02d}:{round(clock % 1 * 60):02d}",
            str(period["rounds"]),
            *(number(microgrids[name]["price"][k]) for name in named),
            *(number(sum(row[s][k] for row in microgrids.values()), 2) for s in sources),
            number(period["objective"]),
            "-" if gap is None else f"{gap:.0e}",
            "" if period["outcome"] == "CONVERGED" else Text(period["outcome"], style="yellow"),
        )
    return table


def _cell(values: np.ndarray[Any, Any], *, first: bool) -> str:
    mean = number(float(values.mean()))
    return mean if len(values) == 1 or not first else f"{mean} ({number(float(values[0]))})"


def _summary(values: Mapping[str, np.ndarray[Any, Any]], names: list[str], name: str, note: str) -> RenderableType:
    shown = plain_table(
        [
            (f"{len(names)} {name}s", "left"),
            ("min", "right"),
            ("at", "left"),
            ("mean", "right"),
            ("max", "right"),
            ("at", "left"),
        ]
    )
    for key, column in values.items():
        mean = column.mean(axis=1)
        low, high = int(np.argmin(mean)), int(np.argmax(mean))
        shown.add_row(
            QUANTITIES[key], number(mean[low]), names[low], number(float(mean.mean())), number(mean[high]), names[high]
        )
    return shown if not note else Group(shown, Text(note.partition(" (")[0], style="dim"))


def _beside(printed: Mapping[str, Any], told: Mapping[str, Any], source: str) -> RenderableType:
    shown = plain_table([("", "left"), ("", "left"), ("here", "right"), (source, "right"), ("", "left")])
    equal = total = 0
    for quantity, where, figure, ours in _pairs(printed, told):
        good = ours is not None and same_digits(ours, figure)
        equal, total = equal + good, total + 1
        mark = Text("✓", style="green") if good else Text("✗", style="red")
        shown.add_row(QUANTITIES.get(quantity, quantity), where, number(ours), number(figure), mark)
    verdict = f"{equal} of {total} figures of {source} are met to every printed digit"
    return Group(shown, Text(verdict, style="green" if equal == total else "red"))


def _pairs(printed: Mapping[str, Any], told: Mapping[str, Any]) -> Iterable[tuple[str, str, float, float | None]]:
    """(quantity, where, printed figure, our figure) for all that a source printed; ours is None where there is none."""
    for quantity, figures in printed.items():
        if not isinstance(figures, Mapping):
            yield quantity, "", figures, told.get(quantity)
            continue
        for where, figure in figures.items():
            row = told["microgrids"].get(where, told["tie_lines"].get(where, {}))
            ours = row.get(quantity)
            yield quantity, where, figure, ours if isinstance(ours, float) else None

"""Branching: a recorded run goes on from one of its ticks with other faults, under the same draws as before."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ....environment import Fate
from ....environment.faults import Fault
from ...result.result import Result
from ..files.own_files import Code
from ..files.taken import Taken
from ..reading import Record
from ..record import create
from .checkpoint import arrays_of
from .replay import go_to

__all__ = ["compared", "fork", "steered"]

PRICES_MAX = 6
"""Microgrids whose prices are shown, of the first period."""


def steered(record: Record, tick: int, add: Sequence[Fault], end: Sequence[str], code: Code) -> Mapping[str, Any]:
    """Return the command that changes the faults before a tick, once it is sure that it can.

    Raises
    ------
    RunError
        The record does not reach to this tick.
    FaultError
        A fault is refused, or none is called that.
    """
    simulation = go_to(record, tick, code=code).simulation
    simulation.change_faults(add=add, end=end)
    return simulation.commands[-1]


def fork(
    record: Record,
    path: Path,
    tick: int,
    command: Mapping[str, Any] | None,
    entries: dict[str, Any],
    taken: Taken | None = None,
) -> None:
    """Start a record with the ticks before this one, and with one more command before it.

    Parameters
    ----------
    record, path
    tick, command : from `steered`; without a command nothing is changed from this tick on, whatever was changed in the record
    entries : header entries that differ from those of the record
    taken : as for `create`

    Raises
    ------
    RunError
        It cannot be written.
    """
    commands: list[Mapping[str, Any]]
    if command is None:
        commands = [one for one in record.commands if one["tick"] < tick]
    else:
        before = [one for one in record.commands if one["tick"] <= tick]
        commands = [*before, command, *record.commands[len(before) :]]

    def fill(base: sqlite3.Connection) -> None:
        _copy(record.base, base, "world")
        _copy(record.base, base, "tick", f"WHERE tick < {tick}")
        _copy(record.base, base, "checkpoint", f"WHERE tick <= {tick}")
        for name in arrays_of(base):
            row = record.base.execute("SELECT * FROM array WHERE hash = ?", (name,)).fetchone()
            base.execute("INSERT INTO array VALUES (?, ?, ?)", row)
        rows = [(number, one["tick"], json.dumps(one)) for number, one in enumerate(commands)]
        base.executemany("INSERT INTO command VALUES (?, ?, ?)", rows)

    header = record.header | {"branch_of": str(record.path.resolve()), "branch_tick": tick} | entries
    create(path, header, fill, taken).close()


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, table: str, which: str = "") -> None:
    rows = source.execute(f"SELECT * FROM {table} {which}")
    marks = ", ".join("?" * len(rows.description))
    target.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def compared(without: Result, changed: Result) -> dict[str, list[str]]:
    """Return two runs side by side: what, without the change, with it."""
    ends = without, changed
    both = [one.simulation for one in ends]
    rows: dict[str, list[str]] = {
        "outcome": [str(one.outcome) for one in ends],
        "ticks": [str(one.tick) for one in both],
        "rounds": [str(int(one.state.round.min())) for one in both],
    }
    for fate in (Fate.SENT, Fate.DELIVERED, Fate.LOST, Fate.STOPPED, Fate.STALE, Fate.REFUSED):
        if any(one.journal.totals[fate] for one in both):
            rows[f"messages {fate}"] = [str(one.journal.totals[fate]) for one in both]
    rows["cost, $/h"] = [f"{one.total_cost:.6f}" for one in ends]
    rows["certificate gap"] = [f"{one.certificate.gap:.1e}" for one in ends]
    rows["primal residual, kW"] = [f"{one.observer.latest['primal_residual']:.1e}" for one in both]
    for place, name in enumerate(both[0].market.topology.balances[:PRICES_MAX]):
        rows[f"price {name}, $/kWh"] = [f"{one.state.price[place, 0]:.6f}" for one in both]
    return rows

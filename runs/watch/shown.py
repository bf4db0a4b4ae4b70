"""What a line looks like from the page: frames of binary columns, and one agent's private state."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents.facts import facts_of
from ...environment.faults import Fault
from ..page.data import Span, fault_windows, page_block, page_meta, tick_columns, world_columns
from ..page.messages import MessageColumns
from ..page.overview import Overview
from ..record.folder_read import fault_label
from ..simulation.simulation import Simulation
from .playback import Line
from .schedule import table_of

__all__ = ["open_frame", "private_state", "ticks_frame"]


def open_frame(line: Line, overview: Overview, told: dict[str, Any]) -> bytes:
    """Return everything that the page needs to begin with a line: who is there, its last ticks, and an overview of all."""
    span = line.around(line.ticks - 1)
    letters = MessageColumns(line.record, line.reasons)
    if line.world is None:
        line.world = world_columns(line.record)
    columns = line.world | tick_columns(line.record, span, letters, answers=False)
    meta = page_meta(line.record, span, line.result, line.reasons, [], None)
    meta |= {"prices": overview.names, "ticks_max": line.scenario.spec.run.ticks}
    if line.feeder is not None:
        meta["feeder"] = line.feeder.meta()
    columns |= overview.take() | _feeder(line, span)
    return page_block(meta | _state(line) | told | {"what": "open"}, columns)


def ticks_frame(
    line: Line, span: Span, period: int, told: dict[str, Any], overview: Overview | None = None
) -> tuple[bytes, int]:
    """Return some ticks, and with an overview what is new in it; also the period that was open in the last of them."""
    letters = MessageColumns(line.record, line.reasons)
    columns = tick_columns(line.record, span, letters, answers=False, period=period)
    columns |= letters.older() | _feeder(line, span)
    meta = {"first": span.first, "last": span.last, "reasons": line.reasons} | _state(line) | told
    if overview is not None:
        columns |= overview.take()
    return page_block(meta, columns), int(columns["period"][-1])


def _feeder(line: Line, span: Span) -> dict[str, Any]:
    return {} if line.feeder is None else line.feeder.columns(line.record.states(span.first, span.last))


def _state(line: Line) -> dict[str, Any]:
    return {
        "ticks": line.ticks,
        "ended": line.ended,
        "fixed": line.fixed,
        "commands": line.told_commands(),
        "faults": fault_windows(line.initial, line.commands),
        "active": [table_of(fault) | {"label": fault_label(_plain_table(fault))} for fault in line.active],
        "outcome": line.result,
    }


def _plain_table(fault: Fault) -> dict[str, Any]:
    return {name: value for name, value in table_of(fault).items() if value not in ([], False)}


def private_state(line: Line, agent: int, tick: int) -> dict[str, Any]:
    """Return what only one agent knows: its facts, as they are now, and what it answered last in a tick.

    Returns
    -------
    x : rows of kW; None where it is not in the record, or the agent answers nothing
    facts : [name, values, one a port]
    now : whether the facts are those of the last tick, and not those before the first
    """
    simulation = line.simulation
    societies = _societies(line.scenario.simulation() if simulation is None else simulation)
    told: dict[str, Any] = {"agent": agent, "tick": tick, "x": None, "facts": [], "now": simulation is not None}
    for k, society in enumerate(societies):
        world = line.record.world(f"population.{k}")
        (place,) = np.flatnonzero(world["address"] == agent)[:1] if agent in world["address"] else (None,)
        if place is None:
            continue
        rows = slice(int(world["row_start"][place]), int(world["row_start"][place + 1]))
        own = society[int(place)]
        for name, fact in facts_of(type(society)).items():
            told["facts"].append([name, _plain(np.asarray(getattr(own, name))), fact.shape.by_port])
        x = next(iter(line.record.states(tick, tick + 1))).x if tick < line.ticks else None
        if x is None and simulation is not None and tick == line.ticks - 1:
            x = simulation.state.x
        if x is not None:
            told["x"] = [_plain(row) for row in x[k][rows]]
    return told


def _societies(simulation: Simulation) -> list[Any]:
    return [population.society for population in simulation.market.populations]


def _plain(values: npt.NDArray[Any]) -> list[float | str]:
    """Numbers as JSON knows them, and the others by the names that JavaScript gives them."""
    return [
        value if math.isfinite(value) else str(value).replace("inf", "Infinity") for value in values.ravel().tolist()
    ]

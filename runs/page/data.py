"""What the page shows of a record: a table of contents and binary columns.

The block is 4 bytes with the length of the JSON, little-endian, the JSON, then the columns, each on an 8-byte boundary. The
JSON is ``{"meta": ..., "columns": {name: [type, first byte after the JSON, numbers, width]}}``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents.facts import facts_of
from ...environment.faults import Fault, fault_types
from ..common.errors import RunError, ScenarioError
from ..common.plugins import type_name
from ..record.folder_read import fault_label
from ..record.frames import Frame
from ..record.reading import Record
from ..record.tick_tables import X_MAX
from ..scenario.fault_text import read_fault_table
from ..simulation.day import ROUNDS_MAX
from ..simulation.simulation import Simulation
from .feeder import feeder_of
from .layout import hub_places, member_places
from .messages import MessageColumns
from .overview import Overview

__all__ = [
    "Span",
    "fault_windows",
    "page_block",
    "page_columns",
    "page_meta",
    "period_of",
    "span_of",
    "tick_columns",
    "world_columns",
]

Column = npt.NDArray[Any]

MESSAGES_MAX = 150_000
"""Messages and copies that one page holds: beyond, it shows fewer ticks in full."""
NUMBERS_MAX = 2_000_000
"""Prices, and likewise numbers that agents propose, which one page holds, all ticks together."""


@dataclass(frozen=True)
class Span:
    """The ticks that a page shows, first <= tick < last."""

    first: int
    last: int


def span_of(record: Record, first: int = 0, last: int | None = None) -> Span:
    """Return the ticks that a page can hold in full, from `first` on and before `last`.

    Raises
    ------
    RunError
        The record has no such ticks.
    """
    end = record.ticks if last is None else min(last, record.ticks)
    if not 0 <= first < end:
        raise RunError(f"ticks {first} to {end}: the record holds {record.ticks} ticks")
    shape, said = record.shape, 0
    prices, answers = (shape.hubs + 2 * shape.lines) * shape.periods, sum(shape.rows) * shape.periods
    if answers > X_MAX:  # more than that is not in the record
        answers = 0
    end = min(end, *(first + max(NUMBERS_MAX // max(each, 1), 1) for each in (prices, answers)))
    for frame in record.states(first, end):
        said += sum(count for _, fate, _, count in frame.counts if fate in ("sent", "copied"))
        if said > MESSAGES_MAX and frame.tick > first:
            return Span(first, frame.tick)
    return Span(first, end)


def page_columns(
    record: Record, span: Span, result: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Column]]:
    """Return what the page needs to know of a record: a few facts for JSON, and columns.

    Parameters
    ----------
    record
    span
    result : what became of the run, as `Result.to_dict`; None while it is going
    """
    letters = MessageColumns(record)
    columns = world_columns(record) | tick_columns(record, span, letters)
    over = Overview(record)
    if (span.first, span.last) != (0, record.ticks):  # the charts of an excerpt show the whole run
        over.read(record)
        columns |= over.take()
    try:
        simulation = record.scenario().simulation()
    except (RunError, ScenarioError) as error:  # a type of the user's own may be gone; everything else can be shown
        meta = page_meta(record, span, result, letters.reasons, [], str(error))
        return meta | {"facts": [], "prices": over.names}, columns
    facts = _facts(simulation)
    faults = fault_windows(simulation.transport.schedule.faults, record.commands)
    meta = page_meta(record, span, result, letters.reasons, faults, None)
    feeder = feeder_of(record, record.scenario(), simulation)
    if feeder is not None:
        meta["feeder"] = feeder.meta()
        columns |= feeder.columns(record.states(span.first, span.last))
    return meta | {"facts": list(facts), "prices": over.names}, columns | facts


def tick_columns(
    record: Record, span: Span, letters: MessageColumns, *, answers: bool = True, period: int = 0
) -> dict[str, Column]:
    """Return what happened in some ticks: everybody's state, and what was said.

    Parameters
    ----------
    record, span
    letters : reads the messages of these ticks
    answers : with what everybody proposes
    period : that was open before the first of these ticks
    """
    periods = np.full(span.last - span.first, -1, dtype=np.int32)
    for tick in range(span.first, span.last):
        frame = record.frame(tick)
        letters.read(frame)
        periods[tick - span.first] = period_of(record, frame)
    letters.rest(span.last - 1)
    columns = _states(record, list(record.states(span.first, span.last)), answers=answers)
    return columns | letters.columns() | {"period": _filled(periods, period)}


def page_block(meta: Mapping[str, Any], columns: Mapping[str, Column]) -> bytes:
    """Return a table of contents and columns as one block; see the module's description."""
    told, parts, start = {}, [], 0
    for name, column in columns.items():
        data = np.ascontiguousarray(column)
        told[name] = [data.dtype.str[1:], start, data.size, data.shape[1] if data.ndim > 1 else 1]
        raw = data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes()
        raw += bytes(-len(raw) % 8)
        parts.append(raw)
        start += len(raw)
    head = json.dumps({"meta": meta, "columns": told}, allow_nan=False).encode()
    head += b" " * (-(len(head) + 4) % 8)
    return len(head).to_bytes(4, "little") + head + b"".join(parts)


def page_meta(
    record: Record,
    span: Span,
    result: Mapping[str, Any] | None,
    reasons: list[str],
    faults: list[dict[str, Any]],
    why: str | None,
) -> dict[str, Any]:
    """Return the facts about a record that are no columns; `why` private facts are not among these, None if they are."""
    header, document = record.header, tomllib.loads(record.header["scenario"])
    kept = ("name", "protocol", "seed", "periods", "microgrids", "tie_lines", "populations", "metrics", "kinds")
    told = {name: header[name] for name in kept} | {"code_version": header["code_version"]}
    told |= {"agents": record.agents, "first": span.first, "last": span.last, "ticks": record.ticks}
    clock = document.get("clock")
    told |= {"title": document.get("title", header["name"]), "faults": faults, "reasons": reasons, "no_facts": why}
    told |= {"commands": record.commands, "clock": clock, "rounds_max": ROUNDS_MAX if clock else 0}
    told["periods_of_day"] = document.get("periods", 1)
    return told | {"result": _result(result)}


def _result(result: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if result is None:
        return None
    names = ("outcome", "reason", "ticks", "rounds", "total_cost", "optimum_cost", "gap")
    return {name: result.get(name) if not isinstance(result.get(name), list) else None for name in names}


def world_columns(record: Record) -> dict[str, Column]:
    """Return who is there, where they are drawn, and who speaks to whom."""
    agent, channels, line = record.world("agent"), record.channels, record.world("line")["hub"].reshape(-1, 2)
    hubs, home = record.shape.hubs, agent["home"]
    population = np.full(len(home), -1, dtype=np.int16)
    row = np.full(len(home), -1, dtype=np.int32)
    rows = np.zeros(len(home), dtype=np.int32)
    start = 0
    for k in range(len(record.shape.rows)):
        world = record.world(f"population.{k}")
        population[world["address"]] = k
        row[world["address"]] = start + world["row_start"][:-1]
        rows[world["address"]] = np.diff(world["row_start"])
        start += int(world["row_start"][-1])
    operator = np.zeros(len(home), dtype=bool)
    # Who hears the keeper of a tie-line, or is heard by it, answers for the microgrid.
    terminal = channels["line"] >= 0
    operator[channels["sender"][terminal]] = operator[channels["receiver"][terminal]] = True
    operator[:hubs] = False
    for hub in range(hubs):  # a microgrid without tie-lines has its operator first
        members = np.flatnonzero(home == hub)
        if not operator[members].any() and len(members) > 1:
            operator[members[1]] = True
    places = hub_places(hubs, line, record.header["positions"])
    return {
        "home": home.astype(np.int32),
        "role": np.where(np.arange(len(home)) < hubs, 0, np.where(operator, 1, 2)).astype(np.uint8),
        "population": population,
        "row": row,
        "rows": rows,
        "place": member_places(home, hubs, operator, places).astype(np.float32),
        "sender": channels["sender"].astype(np.int32),
        "receiver": channels["receiver"].astype(np.int32),
        "channel_line": channels["line"].astype(np.int32),
        "line": line.astype(np.int32),
    }


def _states(record: Record, states: list[Frame], *, answers: bool) -> dict[str, Column]:
    first, fates = states[0].tick, ("sent", "lost", "late", "delivered")
    columns: dict[str, Column] = {
        f"metric.{name}": np.array([frame.metrics[name] for frame in states], dtype=np.float64)
        for name in record.header["metrics"]
    }
    columns["price"] = np.stack([frame.price.ravel() for frame in states]).astype(np.float32)
    columns["transfer_price"] = np.stack([frame.transfer_price.ravel() for frame in states]).astype(np.float32)
    columns["stopped"] = np.stack([frame.stopped for frame in states]).astype(np.uint8)
    columns["round"] = np.stack([frame.round for frame in states]).astype(np.int32)
    if answers and states[0].x is not None:
        told = [np.concatenate([rows.ravel() for rows in frame.x or []]) for frame in states]
        columns["x"] = np.stack(told).astype(np.float32)
    for name in ("asleep", "resting", "cut"):
        ragged = [getattr(frame, name) for frame in states]
        columns |= _ragged(name, ragged)
    columns |= _ragged("bad", [np.concatenate([np.empty(0), *frame.bad.values()]) for frame in states])
    counts = np.zeros((len(states), len(fates)), dtype=np.int32)
    for frame in states:
        for _, fate, _, number in frame.counts:
            if fate in fates:
                counts[frame.tick - first, fates.index(fate)] += number
    return columns | {"count": counts}


def period_of(record: Record, frame: Frame) -> int:
    """Return the period that is open, as the rounds tell of which messages speak; -1 in a tick in which nobody does."""
    for kind in record.header["kinds"]:
        if kind["name"] in frame.said and kind["fields"][-1][0] == "round":
            return int(frame.said[kind["name"]].values[:, -1].max()) // ROUNDS_MAX
    return -1


def _filled(periods: Column, before: int) -> Column:
    """Return periods in which a silent tick belongs to the period before it."""
    known = np.maximum.accumulate(np.where(periods >= 0, np.arange(len(periods)), 0))
    found = periods[known]
    return np.where(found >= 0, found, before).astype(np.int32)


def _ragged(name: str, parts: list[Column]) -> dict[str, Column]:
    ends = np.cumsum([0, *(len(part) for part in parts)])
    return {f"{name}.start": ends.astype(np.int32), name: np.concatenate(parts).astype(np.int32)}


def _facts(simulation: Simulation) -> dict[str, Column]:
    """Return what everybody knows of himself before the first tick: fact.POPULATION.NAME, and with an @ for a row a port."""
    day = simulation.day
    members = simulation.market.populations
    societies = [population.society for population in members] if day is None else day.societies
    columns: dict[str, Column] = {}
    for k, society in enumerate(societies):
        for name, fact in facts_of(type(society)).items():
            columns[f"fact.{k}.{name}{'@' if fact.shape.by_port else ''}"] = getattr(society, name).astype(np.float32)
    return columns


def fault_windows(faults: Iterable[Fault], commands: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return when each fault acted: what the scenario says, and what was changed while the run was going."""
    found: dict[str, dict[str, Any]] = {}
    for fault in faults:
        found[fault.name] = {"label": _label(fault), "from": fault.start, "to": fault.end}
    past: list[dict[str, Any]] = []
    for command in commands:
        tick = command["tick"]
        for name in command["end"]:
            ended = found.pop(name, None)
            if ended is not None and ended["from"] < tick:
                past.append(ended | {"to": tick if ended["to"] is None else min(tick, ended["to"])})
        for table in command["add"]:
            fault = read_fault_table(table, f"command in tick {tick}")
            found[fault.name] = {"label": _label(fault), "from": max(fault.start, tick), "to": fault.end}
    return sorted([*past, *found.values()], key=lambda window: int(window["from"]))


def _label(fault: Fault) -> str:
    kind = type_name(type(fault), fault_types(), type(fault).kind)
    told = fault.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    # A default that is written otherwise than it is kept, such as a span, passes for a change.
    usual = {field.alias or name: str(field.default) for name, field in type(fault).model_fields.items()}
    return fault_label({"kind": kind, **{name: value for name, value in told.items() if str(value) != usual.get(name)}})

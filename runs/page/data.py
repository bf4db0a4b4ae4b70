"""What the page shows of a run, as facts for JSON and columns; `page_block` makes one block of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...agents.facts import facts_of
from ..common.errors import RunError, ScenarioError
from ..record.fault_windows import FaultWindow
from ..record.frames import Frame
from ..record.reading import Record
from ..result.day_result import foresight_text
from ..simulation.day import ROUNDS_MAX
from ..simulation.simulation import Simulation
from .block import Column
from .messages import MessageColumns
from .overview import Overview
from .recording import Recording
from .spans import Span

__all__ = ["page_columns", "page_meta", "tick_columns", "window_facts"]


def page_columns(recording: Recording, span: Span) -> tuple[dict[str, Any], dict[str, Column]]:
    """Return what a report needs to know of a run: a few facts for JSON, and columns."""
    record = recording.record
    messages = MessageColumns(record)
    columns = recording.world | tick_columns(record, span, messages)
    overview = Overview(record)
    if (span.first, span.last) != (0, record.ticks):  # the charts of an excerpt show the whole run
        overview.read(record)
        columns |= overview.take()
    facts, missing = {}, None
    try:
        facts = _facts(recording.unstarted)
    except (RunError, ScenarioError) as error:  # a type of the user's own may be gone; everything else can be shown
        missing = str(error)
    meta = page_meta(recording, span, messages.reasons, missing) | {"facts": list(facts), "prices": overview.names}
    feeder = recording.feeder
    if feeder is not None:
        meta["feeder"] = feeder.meta()
        columns |= feeder.columns(record.states(span.first, span.last))
    return meta, columns | facts


def page_meta(recording: Recording, span: Span, reasons: list[str], missing: str | None) -> dict[str, Any]:
    """Return the facts about a run that are no columns.

    Parameters
    ----------
    recording, span
    reasons : why messages were lost, by number
    missing : why private facts are not shown; None if they are
    """
    record = recording.record
    header, document = record.header, record.document
    kept = ("name", "protocol", "seed", "periods", "populations", "metrics")
    fields = {kind["name"]: kind["fields"] for kind in header["kinds"]}
    clock = document.get("clock")
    return {
        **{name: header[name] for name in kept},
        "kinds": [{"name": label, "fields": fields[kind]} for label, kind in header["labels"]],
        "microgrids": header["homes"],
        "tie_lines": [header["balances"][balance] for balance in record.joins.tolist()],
        "code_version": header["code_version"],
        "agents": record.agents,
        "first": span.first,
        "last": span.last,
        "ticks": record.ticks,
        "title": document.get("title", header["name"]),
        "faults": window_facts(recording.windows),
        "reasons": reasons,
        "no_facts": missing,
        "commands": record.commands,
        "clock": clock,
        "rounds_max": ROUNDS_MAX if clock else 0,
        "periods_of_day": document.get("periods", 1),
        "result": _result(recording.result),
    }


def window_facts(windows: Iterable[FaultWindow]) -> list[dict[str, Any]]:
    """Return when faults act as the page reads it."""
    return [{"label": window.label, "from": window.start, "to": window.end} for window in windows]


def _result(result: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if result is None:
        return None
    names = ("outcome", "reason", "ticks", "rounds", "total_cost", "optimum_cost", "gap")
    told = {name: result.get(name) if not isinstance(result.get(name), list) else None for name in names}
    return told | {"foresight": foresight_text(result.get("perfect_foresight"))}


def tick_columns(
    record: Record, span: Span, messages: MessageColumns, *, answers: bool = True, period: int = 0
) -> dict[str, Column]:
    """Return what happened in some ticks: the state of all agents, and what was said.

    Parameters
    ----------
    record, span
    messages : reads the messages of these ticks
    answers : with what agents propose
    period : that was open before the first of these ticks
    """
    periods = np.full(span.last - span.first, -1, dtype=np.int32)
    for tick in range(span.first, span.last):
        frame = record.frame(tick)
        messages.read(frame)
        periods[tick - span.first] = record.period(frame)
    messages.finish(span.last - 1)
    columns = _states(record, list(record.states(span.first, span.last)), answers=answers)
    return columns | messages.columns() | {"period": _filled(periods, period)}


def _states(record: Record, states: list[Frame], *, answers: bool) -> dict[str, Column]:
    first, fates = states[0].tick, ("sent", "lost", "late", "delivered")
    columns: dict[str, Column] = {
        f"metric.{name}": np.array([frame.metrics[name] for frame in states], dtype=np.float64)
        for name in record.header["metrics"]
    }
    columns["price"] = np.stack([frame.price[record.home_balance].ravel() for frame in states]).astype(np.float32)
    columns["line_price"] = np.stack([frame.price[record.joins].ravel() for frame in states]).astype(np.float32)
    columns["stopped"] = np.stack([frame.stopped for frame in states]).astype(np.uint8)
    columns["round"] = np.stack([frame.round for frame in states]).astype(np.int32)
    if answers and states[0].x is not None:
        x = [np.concatenate([rows.ravel() for rows in frame.x or []]) for frame in states]
        columns["x"] = np.stack(x).astype(np.float32)
    for name in ("asleep", "resting", "cut"):
        columns |= _ragged(name, [getattr(frame, name) for frame in states])
    columns |= _ragged("bad", [np.concatenate([np.empty(0), *frame.bad.values()]) for frame in states])
    counts = np.zeros((len(states), len(fates)), dtype=np.int32)
    for frame in states:
        for _, fate, _, number in frame.counts:
            if fate in fates:
                counts[frame.tick - first, fates.index(fate)] += number
    return columns | {"count": counts}


def _filled(periods: Column, before: int) -> Column:
    """Return periods in which a silent tick belongs to the period before it."""
    known = np.maximum.accumulate(np.where(periods >= 0, np.arange(len(periods)), 0))
    found = periods[known]
    return np.where(found >= 0, found, before).astype(np.int32)


def _ragged(name: str, parts: list[Column]) -> dict[str, Column]:
    ends = np.cumsum([0, *(len(part) for part in parts)])
    return {f"{name}.start": ends.astype(np.int32), name: np.concatenate(parts).astype(np.int32)}


def _facts(simulation: Simulation) -> dict[str, Column]:
    """Return what agents know before the first tick: fact.POPULATION.NAME, and with an @ for a row a port."""
    day = simulation.day
    members = simulation.market.populations
    societies = [population.society for population in members] if day is None else day.societies
    columns: dict[str, Column] = {}
    for k, society in enumerate(societies):
        for name, fact in facts_of(type(society)).items():
            columns[f"fact.{k}.{name}{'@' if fact.shape.by_port else ''}"] = getattr(society, name).astype(np.float32)
    return columns

"""Reading the folder of a run back, for figures."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...environment.faults import fault_types
from ..common.csv_table import CsvTable, read_table
from ..common.errors import RunError

__all__ = ["RecordedRun", "Window", "fault_label", "read_result", "read_run"]

Floats = npt.NDArray[np.float64]

PRICE_UNIT = "_usd_per_kwh"
METRIC_COLUMNS = (
    "tick",
    "primal_residual_kw",
    "dual_residual_usd_per_kwh",
    "price_disagreement_usd_per_kwh",
    "cost_usd_per_h",
)
"""Columns of metrics.csv that figures need."""


@dataclass(frozen=True)
class Window:
    """When a fault acts: in ticks start <= t < end, None for ever."""

    label: str
    start: int
    end: int | None


@dataclass(frozen=True)
class RecordedRun:
    """What a run's folder holds.

    Attributes
    ----------
    path
    result : as `Result.to_dict`, or with the outcome FAILED and an `error`
    metrics : by column of metrics.csv, (ticks,)
    prices : by column of prices.csv, (rows,); empty where prices were not recorded
    messages : rows (tick, fate, count) of messages.csv
    faults : the windows of the schedule
    """

    path: Path
    result: dict[str, Any]
    metrics: dict[str, Floats]
    prices: dict[str, Floats]
    messages: list[tuple[int, str, int]]
    faults: list[Window]


def read_run(path: Path) -> RecordedRun:
    """Read a run's folder.

    Raises
    ------
    RunError
        It is no run, or a file in it is missing or broken; says which.
    """
    result = read_result(path)
    document = _scenario(path / "scenario.toml")
    sent = _table(path / "messages.csv", ("tick", "fate", "count")).cells
    try:
        messages = [
            (int(t), fate, int(n)) for t, fate, n in zip(sent["tick"], sent["fate"], sent["count"], strict=True)
        ]
    except ValueError as error:
        raise RunError(f"{path / 'messages.csv'}: a row without a whole tick, a fate and a count: {error}") from None
    return RecordedRun(
        path=path,
        result=result,
        metrics=_columns(path / "metrics.csv", METRIC_COLUMNS),
        prices=_columns(path / "prices.csv", ("tick", "period")) if (path / "prices.csv").exists() else {},
        messages=messages,
        faults=[_window(table) for table in document.get("fault", [])],
    )


def read_result(path: Path) -> dict[str, Any]:
    """Read the result.json of a run's folder.

    Raises
    ------
    RunError
        There is none, or it is not a run's.
    """
    file = path / "result.json"
    if not file.is_file():
        raise RunError(f"{path} is no run: it has no result.json. gridparley run SCENARIO --out {path} writes one")
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read: {error}") from None
    if not isinstance(told, dict) or "outcome" not in told:
        raise RunError(f"{file}: holds no result of a run")
    return told


def _scenario(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read: {error}") from None


def _table(file: Path, needed: tuple[str, ...]) -> CsvTable:
    table = read_table(file, RunError)
    if missing := [name for name in needed if name not in table.cells]:
        raise RunError(f"{file}: no column {', '.join(missing)}")
    return table


def _columns(file: Path, needed: tuple[str, ...]) -> dict[str, Floats]:
    table = _table(file, needed)
    return {name: table.numbers(name, finite=False) for name in table.cells} if len(table) else {}


def _window(table: Mapping[str, Any]) -> Window:
    end = table.get("to")
    return Window(fault_label(table), int(table.get("from", 0)), None if end is None else int(end))


def fault_label(table: Mapping[str, Any]) -> str:
    """Return what a fault does in a few words, its window apart: the kind, its value, and whatever else is set.

    >>> fault_label({"kind": "loss", "probability": 0.3, "from": 20, "to": 60})
    'loss 0.3'
    >>> fault_label({"kind": "loss", "probability": 1.0, "agent": "B.operator"})
    'loss 1.0 agent=B.operator'
    """
    kind = str(table.get("kind", "fault"))
    known = fault_types().get(kind)
    value = known.value if known else ""
    others = [f"{key}={_told(table[key])}" for key in table if key not in ("kind", "name", "from", "to", value)]
    return " ".join([kind, *([_told(table[value])] if value in table else []), *others])


def _told(value: Any) -> str:
    return "/".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

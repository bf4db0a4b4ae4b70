"""What figures draw of a run: read from its record, or from the tables of a folder that has none."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...common.csv_table import CsvTable, read_table
from ...common.errors import RunError
from ..fault_windows import FaultWindow, table_windows, windows_of
from ..reading import Record
from ..record import RECORD
from .folder import UNITS, PriceRecord
from .result_file import read_result

__all__ = ["PRICE_UNIT", "RecordedRun", "read_run"]

Floats = npt.NDArray[np.float64]

PRICE_UNIT = UNITS["$/kWh"]
METRIC_COLUMNS = (
    "tick",
    "primal_residual_kw",
    "dual_residual_usd_per_kwh",
    "price_disagreement_usd_per_kwh",
    "cost_usd_per_h",
)
"""Columns of metrics.csv that figures need."""


@dataclass(frozen=True)
class RecordedRun:
    """What figures need of a run; columns have the names that they have in the tables of its folder.

    Attributes
    ----------
    path
    result : as `Result.to_dict`, or with the outcome FAILED and an `error`
    metrics : by column of metrics.csv, (ticks,)
    prices : by column of prices.csv, (rows,); empty where prices were not recorded
    messages : rows (tick, fate, count) of messages.csv
    faults : when they acted
    """

    path: Path
    result: dict[str, Any]
    metrics: dict[str, Floats]
    prices: dict[str, Floats]
    messages: list[tuple[int, str, int]]
    faults: list[FaultWindow]


def read_run(path: Path) -> RecordedRun:
    """Read what figures draw of the run in a folder.

    Raises
    ------
    RunError
        It is no run, or a file in it is missing or broken; says which.
    """
    result = read_result(path)
    if not (path / RECORD).is_file():
        return _of_tables(path, result)
    with Record(path / RECORD) as record:
        return _of_record(path, result, record)


def _of_record(path: Path, result: dict[str, Any], record: Record) -> RecordedRun:
    prices = PriceRecord(record.document.get("report", {}).get("transfer_price_sign", 1))
    rows: list[tuple[float, ...]] = []
    messages: list[tuple[int, str, int]] = []
    for frame in record.states():
        rows.append((frame.tick, *frame.metrics.values()))
        messages += [(frame.tick, str(fate), count) for _, fate, _, count in frame.counts]
        prices.note(frame.tick, frame)
    names = [name + UNITS.get(about.partition(",")[0], "") for name, about in record.header["metrics"].items()]
    metrics = dict(zip(("tick", *names), np.array(rows, dtype=float).T, strict=True)) if rows else {}
    return RecordedRun(path, result, metrics, _price_columns(record, prices), messages, windows_of(record))


def _price_columns(record: Record, prices: PriceRecord) -> dict[str, Floats]:
    """Return what prices.csv holds, by its columns."""
    if not prices.rows:
        return {}
    periods = record.shape.periods
    kinds = [record.header["balance_kinds"][kind] for kind in record.world("balance")["kind"].tolist()]
    names = [f"{kind['ask']}.{name}" for kind, name in zip(kinds, record.header["balances"], strict=True)]
    sign = np.where([kind["place"] for kind in kinds], 1, prices.sign)
    table = np.concatenate([sign * price.T + 0.0 for _, _, price in prices.rows])  # (rows of prices.csv, balances)
    columns = dict(zip((name + PRICE_UNIT for name in names), table.T.copy(), strict=True))
    tick = np.repeat([float(tick) for tick, _, _ in prices.rows], periods)
    return {"tick": tick, "period": np.tile(np.arange(periods, dtype=float), len(prices.rows))} | columns


# A folder without a record: ``--no-record``, or a record that was taken away -------------------------------------------


def _of_tables(path: Path, result: dict[str, Any]) -> RecordedRun:
    file = path / "scenario.toml"
    try:
        scenario = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read: {error}") from None
    sent = _table(path / "messages.csv", ("tick", "fate", "count")).cells
    try:
        messages = [
            (int(t), fate, int(n)) for t, fate, n in zip(sent["tick"], sent["fate"], sent["count"], strict=True)
        ]
    except ValueError as error:
        raise RunError(f"{path / 'messages.csv'}: a row without a whole tick, a fate and a count: {error}") from None
    metrics = _columns(path / "metrics.csv", METRIC_COLUMNS)
    prices = _columns(path / "prices.csv", ("tick", "period")) if (path / "prices.csv").exists() else {}
    return RecordedRun(path, result, metrics, prices, messages, table_windows(scenario.get("fault", [])))


def _table(file: Path, needed: tuple[str, ...]) -> CsvTable:
    table = read_table(file, RunError)
    if missing := [name for name in needed if name not in table.cells]:
        raise RunError(f"{file}: no column {', '.join(missing)}")
    return table


def _columns(file: Path, needed: tuple[str, ...]) -> dict[str, Floats]:
    table = _table(file, needed)
    return {name: table.numbers(name, finite=False) for name in table.cells} if len(table) else {}

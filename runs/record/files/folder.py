"""The folder of a run: what was run, what came out, and what happened in between, in files that anything can read."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from ....environment import Fate
from ....protocols import MarketState
from ...common.errors import RunError
from ...common.failure import FailedError
from ...common.plugins import own_file
from ...judge.metrics import METRICS
from ...judge.outcome import Outcome
from ...result.result import Result
from ...scenario.scenario import Scenario
from ...scenario.tables.columns import profiles_file
from ...simulation.simulation import Simulation
from ..frames import Frame
from .result_file import read_result

__all__ = ["FIGURES", "FILES", "REPORT", "TABLES", "UNITS", "PriceRecord", "RunFolder", "scenario_text"]

FILES = ("scenario.toml", "result.json", "metrics.csv", "prices.csv", "messages.csv", "command.txt")
DRAWN = ("prices", "residuals", "messages", "solution", "feeder", "trades", "schedule", "hours", "settlement")
FIGURES = tuple(f"{name}.{kind}" for name in DRAWN for kind in ("png", "pdf"))
"""What `plot` adds to a run's folder."""
REPORT = "report.html"
"""What `report` adds."""

TABLES = tuple(f"tables/{name}.parquet" for name in ("metrics", "prices", "answers", "messages"))
"""What `export` adds."""

PRICED_MAX = 200
"""Microgrids beyond which prices are not recorded."""
NUMBERS_MAX = 2_000_000
"""Prices beyond which a record keeps every third row only."""

UNITS = {"kW": "_kw", "$/kWh": "_usd_per_kwh", "$/h": "_usd_per_h"}


@dataclass
class PriceRecord:
    """Prices after each round, through `watch`.

    Attributes
    ----------
    sign : of the price of what joins two agents, as it is written
    rows : (tick, round, the price of each balance, (B, periods))
    """

    sign: int
    rows: list[tuple[int, int, np.ndarray[Any, Any]]] = field(default_factory=list)
    _stride: int = 1

    def watch(self, simulation: Simulation) -> None:
        """Note the prices of the tick that has just ended."""
        self.note(simulation.tick - 1, simulation.state)

    def note(self, tick: int, state: MarketState | Frame) -> None:
        """Note the prices when a round was completed everywhere."""
        rounds = int(state.round.min())
        if len(state.round) > PRICED_MAX or (
            self.rows and self.rows[-1][1] <= rounds < self.rows[-1][1] + self._stride
        ):
            return
        prices = state.price + 0.0
        self.rows.append((tick, rounds, prices))
        # Every third rather than every second: half of an oscillation between two points looks like rest.
        if prices.size * len(self.rows) > NUMBERS_MAX:
            self.rows, self._stride = self.rows[::3], 3 * self._stride


@dataclass(frozen=True)
class RunFolder:
    """Writes a run. A run that failed never replaces one that ended: it goes to the folder `failed` in it.

    Parameters
    ----------
    path
    scenario
    command : the command line that does the same run again
    """

    path: Path
    scenario: Scenario
    command: Sequence[str]

    def write(self, result: Result, prices: PriceRecord) -> Path:
        """Write a run that has ended, over an older one if there is one."""
        return self._write(self.path, result.to_dict(), result.simulation, prices)

    def write_failure(self, error: BaseException, simulation: Simulation, prices: PriceRecord) -> Path:
        """Write what was recorded until an error ended a run."""
        result = self.failure(str(error) or type(error).__name__, simulation)
        result["failure"] = error.to_dict() if isinstance(error, FailedError) else None
        path = self.path
        if (path / "result.json").exists() and read_result(path)["outcome"] != "FAILED":
            path = path / "failed"
            path.mkdir(exist_ok=True)
        return self._write(path, result, simulation, prices)

    def failure(self, error: str, simulation: Simulation) -> dict[str, Any]:
        """Return what result.json says of a run that an error ended."""
        return {
            "scenario": self.scenario.name,
            "scenario_hash": self.scenario.hash,
            "protocol": self.scenario.spec.run.protocol,
            "seed": self.scenario.spec.run.seed,
            "outcome": str(Outcome.FAILED),
            "error": error,
            "ticks": simulation.tick,
            "rounds": int(simulation.state.round.min()),
            "messages": {str(fate): simulation.journal.totals[fate] for fate in Fate},
        }

    def _write(self, path: Path, result: Mapping[str, Any], simulation: Simulation, prices: PriceRecord) -> Path:
        texts = self.texts(result, simulation, prices)
        try:
            _replace_together(path, texts)
        except OSError as error:
            raise RunError(f"--out {path}: cannot be written: {error.strerror or error}") from None
        return path

    def texts(self, result: Mapping[str, Any], simulation: Simulation, prices: PriceRecord) -> dict[str, str]:
        """Return what the files of a run hold, by name; a file with nothing in it is not written."""
        return {
            "scenario.toml": scenario_text(self.scenario),
            "command.txt": _command_text(self.command),
            "metrics.csv": _metrics(simulation),
            "messages.csv": _csv(("tick", "kind", "fate", "reason", "count"), simulation.journal.rows),
            "prices.csv": _prices(simulation, prices),
            "result.json": json.dumps(result, indent=2, allow_nan=False) + "\n",
        }


def scenario_text(scenario: Scenario) -> str:
    """Return a scenario as a TOML file that reads well and works from any folder.

    Short lists stand on one line, descriptions on several, and types in a user's file have its whole path.
    """
    text = tomli_w.dumps(_from_anywhere(scenario.document, scenario.folder or Path()), multiline_strings=True)
    short = re.sub(
        r"\[\n((?: {4}[^\[\]{}\n]{1,20},\n){1,4})\]", lambda m: f"[{' '.join(m[1].split()).rstrip(',')}]", text
    )
    # Text that looks like a list inside a description must not be touched; it hardly ever happens.
    return short if tomllib.loads(short) == tomllib.loads(text) else text


def _from_anywhere(node: Any, folder: Path) -> Any:
    """Return plain data in which every ``my_file.py:Class``, key or value, has a path that does not depend on a folder."""
    if isinstance(node, dict):
        whole = {_from_anywhere(key, folder): _from_anywhere(child, folder) for key, child in node.items()}
        if isinstance(node.get("profiles"), str) and (folder / node["profiles"]).is_file():
            whole["profiles"] = str(profiles_file(node["profiles"], folder))  # built-in ones are found by name
        return whole
    if isinstance(node, list):
        return [_from_anywhere(child, folder) for child in node]
    found = own_file(node, folder) if isinstance(node, str) else None
    return node if found is None else f"{found[0]}:{found[1]}"


def _command_text(command: Sequence[str]) -> str:
    again = "# the same from this folder: gridparley run scenario.toml\n" if "run" in command[1:2] else ""
    return f"{shlex.join(command)}\n{again}"


def _metrics(simulation: Simulation) -> str:
    columns = simulation.datacollector.model_vars
    names = [name + UNITS.get(METRICS[name].partition(",")[0], "") for name in METRICS]
    return _csv(("tick", *names), ((tick, *row) for tick, row in enumerate(zip(*columns.values(), strict=True))))


def _prices(simulation: Simulation, prices: PriceRecord) -> str:
    if not prices.rows:
        return ""
    topology, periods = simulation.market.topology, simulation.market.periods
    kinds = [topology.kinds[kind] for kind in topology.kind.tolist()]
    names = [f"{kind.ask}.{name}" for kind, name in zip(kinds, topology.balances, strict=True)]
    sign = np.where(topology.place, 1, prices.sign)
    header = ("tick", "round", "period", *(name + UNITS["$/kWh"] for name in names))
    rows = (
        (tick, rounds, p, *(sign * table[:, p] + 0.0).tolist())
        for tick, rounds, table in prices.rows
        for p in range(periods)
    )
    return _csv(header, rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _replace_together(path: Path, texts: Mapping[str, str]) -> None:
    """Write files beside the old ones and exchange them when all are there; what is not written anew is removed."""
    partial = {name: path / f".{name}.{os.getpid()}" for name, text in texts.items() if text}
    try:
        for name, beside in partial.items():
            beside.write_text(texts[name], encoding="utf-8")
        for name, beside in partial.items():
            beside.replace(path / name)
    finally:
        for beside in partial.values():
            beside.unlink(missing_ok=True)
    # Figures, tables and files of an older run would be taken for this one's.
    for stale in {*FILES, *FIGURES, *TABLES, REPORT} - {*partial}:
        (path / stale).unlink(missing_ok=True)
    with suppress(OSError):  # it is not there, or holds something else
        (path / "tables").rmdir()

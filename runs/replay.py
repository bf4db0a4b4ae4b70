"""Reading a record: its scenario, its ticks, and whether a run from scratch gives the same."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from ..environment import Fate
from .blocks import FATES, Block, TickReader, unpack
from .errors import RunError
from .fault_text import read_fault_table
from .record import guarded, open_record
from .scenario import Scenario
from .schema import ScenarioSpec
from .simulation import Simulation

__all__ = ["Checked", "RecordReader", "check_record", "digest"]


def digest(blocks: dict[str, Block]) -> bytes:
    """Return the hash of a tick's blocks."""
    found = hashlib.blake2b(digest_size=16)
    for name, (_, _, data) in sorted(blocks.items()):
        found.update(name.encode() + data)
    return found.digest()


class RecordReader:
    """An open record.

    Attributes
    ----------
    path, base, header
    ticks : whole ticks that it holds
    commands : what was changed while the run was going

    Raises
    ------
    RunError
        It is no record, a newer release wrote it, or it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.base, self.header = open_record(path)
        with guarded(path):
            last, count = self.base.execute("SELECT coalesce(max(tick), -1) + 1, count(*) FROM tick").fetchone()
            told = self.base.execute("SELECT json FROM command ORDER BY number").fetchall()
        if last != count:
            raise RunError(f"{path}: is damaged, and was left as it is ({last - count} ticks are missing)")
        self.ticks: int = count
        self.commands: list[dict[str, Any]] = [json.loads(text) for (text,) in told]

    def scenario(self) -> Scenario:
        """Return the scenario of the run.

        Raises
        ------
        RunError, ScenarioError
            This release cannot read it, or a type in it is not there any more.
        """
        try:
            spec = ScenarioSpec.model_validate(tomllib.loads(self.header["scenario"]))
        except (KeyError, ValueError, ValidationError) as error:
            raise RunError(f"{self.path}: the scenario in it does not fit this release: {error}") from None
        return Scenario(self.header["name"], spec)

    def blocks(self, tick: int) -> dict[str, Block]:
        """Return the blocks of a tick.

        Raises
        ------
        RunError
            They are damaged, or not there.
        """
        query = "SELECT name, arrow, size, data FROM block JOIN shape ON shape.id = shape WHERE tick = ?"
        with guarded(self.path):
            found = {name: (arrow, size, data) for name, arrow, size, data in self.base.execute(query, (tick,))}
            row = self.base.execute("SELECT hash FROM tick WHERE tick = ?", (tick,)).fetchone()
        if row is None:
            raise RunError(f"{self.path}: holds ticks 0 to {self.ticks - 1}, and not {tick}")
        if digest(found) != row[0]:
            raise RunError(f"{self.path}: tick {tick} is damaged")
        return found

    def tables(self, tick: int) -> dict[str, dict[str, npt.NDArray[Any]]]:
        """Return the tables of a tick, as `blocks.tick_tables` describes them."""
        return {name: unpack(block) for name, block in self.blocks(tick).items()}

    def repeat_commands(self, simulation: Simulation) -> None:
        """Change the faults as was done before this tick in the recorded run."""
        for command in self.commands:
            if command["tick"] == simulation.tick:
                added = [read_fault_table(table, "command", None) for table in command["add"]]
                simulation.change_faults(add=added, end=command["end"])

    def compare(self, tick: int, blocks: dict[str, Block]) -> str | None:
        """Return the first table in which a replayed tick differs from the record; None if the two are the same."""
        recorded = self.blocks(tick)
        for name in sorted({*recorded, *blocks}):
            if name not in recorded or name not in blocks or not _same(recorded[name], blocks[name]):
                return name
        return None

    def close(self) -> None:
        """Close the file."""
        self.base.close()


def _same(one: Block, other: Block) -> bool:
    if one == other:
        return True
    # Another release of the library may compress in another way; what counts is what is in it.
    a, b = unpack(one), unpack(other)
    return list(a) == list(b) and all(_bits(a[name]) == _bits(b[name]) for name in a)


def _bits(column: npt.NDArray[Any]) -> Any:
    return column.tolist() if column.dtype.hasobject else (column.dtype, np.ascontiguousarray(column).tobytes())


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes
    ----------
    ticks : compared
    messages : said in them
    wrong : in words, what is wrong first; None if nothing is
    """

    ticks: int
    messages: int
    wrong: str | None


def check_record(reader: RecordReader) -> Checked:
    """Run a recorded run again, from scratch, and compare: conservation in the record, and every bit of every tick."""
    simulation = reader.scenario().simulation(one_by_one=reader.header["one_by_one"])
    again = TickReader(simulation)
    flying = said = 0
    for tick in range(reader.ticks):
        reader.repeat_commands(simulation)
        simulation.step()
        try:
            tables = reader.tables(tick)
            spoke, change = _balance(tables)
            differs = reader.compare(tick, again.blocks(simulation))
        except RunError as error:
            return Checked(tick, said, str(error))
        said, flying = said + spoke, flying + change
        if flying != int(tables["metric"]["in_flight"][0]):
            return Checked(tick, said, f"tick {tick}: messages are missing or too many: {flying} should be in flight")
        if differs is not None:
            return Checked(tick, said, f"tick {tick} differs in the table {differs}")
    return Checked(reader.ticks, said, None)


def _balance(tables: dict[str, dict[str, npt.NDArray[Any]]]) -> tuple[int, int]:
    """Return how many messages were said in a tick, and how many more are in flight after it."""
    said = sum(len(table["channel"]) for name, table in tables.items() if name.startswith("said:"))
    count = tables.get("count", {})
    copied = sum(
        int(number)
        for fate, number in zip(count.get("fate", ()), count.get("count", ()), strict=True)
        if fate == Fate.COPIED
    )
    ended = len(tables["end"]["channel"]) if "end" in tables else 0
    if "end" in tables and int(tables["end"]["fate"].max()) >= len(FATES):
        raise RunError("a message has met a fate that nobody knows")
    return said, said + copied - ended

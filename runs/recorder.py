"""The recorder: writes every tick of a run to its record; the simulation knows nothing of it."""

from __future__ import annotations

import json
import sqlite3
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .blocks import Block, TickReader
from .errors import RunError
from .folder import scenario_text
from .record import RECORD, UNFINISHED, create, guarded
from .replay import RecordReader, digest
from .scenario import Scenario
from .simulation import Simulation

__all__ = ["Recorder", "header_of"]

GROUP_SECONDS = 0.05
"""Ticks that end within this time share a transaction: all that a kill can cost."""


class Recorder:
    """Writes a record, one tick after the other, through `watch`.

    Parameters
    ----------
    path
    base : the open record
    simulation : before its first tick
    older : the record as it was; its ticks are compared instead of written again
    """

    def __init__(
        self, path: Path, base: sqlite3.Connection, simulation: Simulation, older: RecordReader | None = None
    ) -> None:
        self.path, self._base, self._older = path, base, older
        self._reader = TickReader(simulation)
        self._shapes: dict[bytes, int] = {}
        self._commands = 0 if older is None else len(older.commands)
        self._waiting: list[tuple[int, dict[str, Block]]] = []
        self._committed = time.monotonic()

    @classmethod
    def start(
        cls,
        path: Path,
        scenario: Scenario,
        simulation: Simulation,
        *,
        one_by_one: bool,
        command: Any,
        reference: bool | None = None,
    ) -> Recorder:
        """Start a new record.

        Raises
        ------
        RunError
            It cannot be written.
        """
        base = create(
            path, header_of(scenario, simulation, one_by_one=one_by_one, command=command, reference=reference)
        )
        return cls(path, base, simulation)

    @classmethod
    def resume(cls, older: RecordReader, simulation: Simulation) -> Recorder:
        """Go on with a record; the simulation starts from its first tick and must do what is recorded."""
        older.repeat_commands(simulation)
        return cls(older.path, older.base, simulation, older)

    def watch(self, simulation: Simulation) -> None:
        """Write the tick that has just ended, at once or together with the next ones.

        Raises
        ------
        RunError
            The disk is full, a resumed run does something else than is recorded, or another process is writing the same
            record; whole ticks written before are kept.
        """
        tick, blocks = simulation.tick - 1, self._reader.blocks(simulation)
        if self._older is not None and tick < self._older.ticks:
            if differs := self._older.compare(tick, blocks):
                raise RunError(
                    f"{self.path}: cannot be continued: tick {tick} comes out otherwise than recorded (table {differs}). "
                    f"It was written by gridparley {self._older.header['code_version']}; nothing was changed"
                )
            self._older.repeat_commands(simulation)
            return
        self._waiting.append((tick, blocks))
        if time.monotonic() - self._committed >= GROUP_SECONDS:
            self._commit(simulation)

    def _commit(self, simulation: Simulation) -> None:
        with guarded(self.path):
            try:
                self._base.execute("BEGIN IMMEDIATE")
                for tick, blocks in self._waiting:
                    self._write(tick, blocks)
                for number, command in list(enumerate(simulation.commands))[self._commands :]:
                    told = (command["tick"], number, json.dumps(command))
                    self._base.execute("INSERT OR REPLACE INTO command VALUES (?, ?, ?)", told)
                self._base.execute("COMMIT")
            except sqlite3.Error:
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise
        self._commands = len(simulation.commands)
        self._waiting.clear()
        self._committed = time.monotonic()

    def _write(self, tick: int, blocks: dict[str, Block]) -> None:
        for name, (schema, size, data) in blocks.items():
            if schema not in self._shapes:
                self._base.execute("INSERT OR IGNORE INTO shape (arrow) VALUES (?)", (schema,))
                found = self._base.execute("SELECT id FROM shape WHERE arrow = ?", (schema,)).fetchone()
                self._shapes[schema] = found[0]
            row = (tick, name, self._shapes[schema], size, data)
            self._base.execute("INSERT INTO block VALUES (?, ?, ?, ?, ?)", row)
        self._base.execute("INSERT INTO tick VALUES (?, ?)", (tick, digest(blocks)))

    def finish(self, simulation: Simulation) -> None:
        """Write what is waiting, and close the record.

        Raises
        ------
        RunError
            It cannot be written; whole ticks written before are kept.
        """
        try:
            if self._waiting or len(simulation.commands) > self._commands:
                self._commit(simulation)
        finally:
            simulation.journal.events = None
            self._base.close()

    def settle(self, folder: Path) -> None:
        """Put the record of a run that was not finished where the run's other files are."""
        if self.path.name == UNFINISHED:
            self.path.replace(folder / RECORD)


def header_of(
    scenario: Scenario, simulation: Simulation, *, one_by_one: bool, command: Any, reference: bool | None
) -> dict[str, Any]:
    """Return what a record says about its run before the first tick."""
    topology = simulation.market.topology
    return {
        "code_version": version("gridparley"),
        "name": scenario.name,
        "scenario": scenario_text(scenario),
        "scenario_hash": scenario.hash,
        "seed": scenario.spec.run.seed,
        "ticks": scenario.spec.run.ticks,
        "one_by_one": one_by_one,
        "command": list(command),
        "reference": reference,
        "agents": [topology.name(address) for address in range(topology.size)],
        "tie_lines": list(topology.line_names),
        "sender": topology.channels.sender.tolist(),
        "receiver": topology.channels.receiver.tolist(),
        "kinds": [
            {"name": kind.name, "fields": [[field.name, field.width, field.unit] for field in kind.fields]}
            for kind in simulation.kinds.values()
        ],
    }

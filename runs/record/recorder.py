"""The recorder: writes every tick of a run to its record; the simulation knows nothing of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..scenario.scenario import Scenario
from ..simulation.simulation import Simulation
from .files.own_files import files_of, merged, sources_of_command
from .files.taken import Taken
from .record import RECORD, UNFINISHED, close_as_one_file, create, guarded, is_one_file
from .resume.checkpoint import repeat_commands, write_checkpoint
from .resume.snapshot import SnapshotError
from .tables.column_codec import digest
from .tables.header import header_of, world_of
from .tables.tick_tables import TickReader

__all__ = ["CHECKPOINT_TICKS", "Recorder"]

CHECKPOINT_TICKS = 50
"""Ticks from one checkpoint to the next: what a jump to a tick has to do again at most."""


class Recorder:
    """Writes a record, a transaction a tick, through `watch`: a kill costs the tick that was not ended, and nothing else.

    Parameters
    ----------
    path
    base : the open record
    reader : of the simulation
    commands : that are in the record already; those that are still to come are done when their tick comes

    Attributes
    ----------
    no_checkpoint : why there are no checkpoints; None if there are
    """

    def __init__(
        self, path: Path, base: sqlite3.Connection, reader: TickReader, commands: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self.path, self._base, self._reader, self._planned = path, base, reader, list(commands)
        self._written = len(self._planned)
        self.no_checkpoint: str | None = None
        self._broken = False

    @classmethod
    def start(
        cls,
        path: Path,
        scenario: Scenario,
        simulation: Simulation,
        *,
        one_by_one: bool = False,
        command: Sequence[str] = (),
        reference: bool | None = None,
        taken: Taken | None = None,
    ) -> Recorder:
        """Start a new record of a simulation before its first tick; `taken` as for `create`.

        Raises
        ------
        RunError
            It cannot be written.
        """
        header = header_of(scenario, simulation, one_by_one=one_by_one, command=command, reference=reference)
        reader = TickReader(simulation)
        world = [(name, *reader.packer.pack(columns)) for name, columns in world_of(simulation).items()]
        base = create(path, header, lambda base: base.executemany("INSERT INTO world VALUES (?, ?, ?)", world), taken)
        return cls(path, base, reader)

    def watch(self, simulation: Simulation) -> None:
        """Write the tick that has just ended, before anything is changed for the next.

        Raises
        ------
        RunError
            The disk is full, or another process is writing the same record; whole ticks written before are kept.
        """
        tick = simulation.tick - 1
        first, since, state, messages = self._reader.read(simulation)
        with guarded(self.path):
            try:
                self._base.execute("BEGIN IMMEDIATE")
                row = (tick, first, since, digest(state, messages), *state, *messages)
                self._base.execute("INSERT INTO tick VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
                self._write_commands(simulation)
                if simulation.tick % CHECKPOINT_TICKS == 0 and self.no_checkpoint is None:
                    self._write_checkpoint(simulation)
                self._base.execute("COMMIT")
            except BaseException:
                self._broken = True
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise
        repeat_commands(simulation, self._planned)

    def _write_commands(self, simulation: Simulation) -> None:
        for number, command in list(enumerate(simulation.commands))[self._written :]:
            if sources := sources_of_command(command):
                self._keep_files(sources)
            row = (number, command["tick"], json.dumps(command))
            self._base.execute("INSERT OR REPLACE INTO command VALUES (?, ?, ?)", row)
        self._written = len(simulation.commands)

    def _keep_files(self, sources: Sequence[str]) -> None:
        """Keep the files of a fault that came while the run was going."""
        (kept,) = self._base.execute("SELECT value FROM header WHERE key = 'files'").fetchone() or ("[]",)
        files = merged(json.loads(kept), files_of(sources))
        self._base.execute("INSERT OR REPLACE INTO header VALUES ('files', ?)", (json.dumps(files),))

    def _write_checkpoint(self, simulation: Simulation) -> None:
        try:
            write_checkpoint(self._base, simulation, self._reader.causality)
        except SnapshotError as error:
            # The run is recorded all the same; resuming it does it again from the start.
            self.no_checkpoint = str(error)
            self._base.execute("INSERT OR REPLACE INTO header VALUES ('no_checkpoint', ?)", (json.dumps(str(error)),))

    def forget(self, simulation: Simulation) -> None:
        """Let go of what memory holds of ticks that are in the record, for a run that is only watched: counts and metrics."""
        simulation.journal.rows.clear()
        for column in simulation.datacollector.model_vars.values():
            column.clear()
        self._reader.skip()

    def finish(self, simulation: Simulation) -> None:
        """Write what was changed since the last tick, and close the record as one file.

        Raises
        ------
        RunError
            It cannot be written; whole ticks written before are kept.
        """
        simulation.journal.events = None
        try:
            if len(simulation.commands) > self._written:
                with guarded(self.path):
                    self._write_commands(simulation)
        finally:
            close_as_one_file(self._base, self.path)

    def settle(self, folder: Path) -> None:
        """Put the record of a run that was not finished where the run's other files are.

        One that could not be written to its end, or is not one file, stays where `resume` finds it.
        """
        if self.path.name == UNFINISHED and not self._broken and is_one_file(self.path):
            self.path.replace(folder / RECORD)

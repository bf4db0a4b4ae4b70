"""A run that goes on: the simulation, and the recorder that writes what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..record.files.folder import RunFolder
from ..record.files.own_files import Code
from ..record.files.taken import Taken
from ..record.reading import Record
from ..record.recorder import Recorder
from ..record.resume.replay import go_to
from ..result.result import Result
from ..scenario.scenario import Scenario
from ..simulation.simulation import Simulation

__all__ = ["LiveRun", "Watch"]

Watch = Callable[[Simulation], None]


@dataclass(frozen=True, eq=False)
class LiveRun:
    """A simulation that is recorded; of what it did it remembers no more than it needs to go on.

    Attributes
    ----------
    simulation, recorder
    ticks_max : after which it ends in any case
    """

    simulation: Simulation
    recorder: Recorder
    ticks_max: int

    @classmethod
    def start(cls, path: Path, scenario: Scenario, command: Sequence[str] = (), taken: Taken | None = None) -> LiveRun:
        """Start a run before its first tick, with a new record; `taken` as for `create`.

        Raises
        ------
        RunError, ScenarioError
            The record cannot be written, or the scenario cannot be built.
        """
        simulation = scenario.simulation()
        recorder = Recorder.start(path, scenario, simulation, command=command, taken=taken)
        return cls(simulation, recorder, scenario.spec.run.ticks)

    @classmethod
    def resume(
        cls,
        path: Path,
        ticks_max: int,
        watch: Watch | None = None,
        code: Code = Code.UNCHANGED,
        taken: Taken | None = None,
    ) -> LiveRun:
        """Bring a simulation to where a record ends, to go on writing it.

        Parameters
        ----------
        path, ticks_max
        watch : called after each tick that is done again
        code : which code of the user's may run
        taken : as for `create`

        Raises
        ------
        RunError
            It cannot be continued.
        """
        record = Record(path, writing=True, taken=taken)
        try:
            restored = go_to(record, record.ticks, watch, code=code)
        except BaseException:
            record.close()
            raise
        recorder = Recorder(path, record.base, restored.reader, record.commands)
        recorder.forget(restored.simulation)
        return cls(restored.simulation, recorder, ticks_max)

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to do."""
        return self.simulation.finished or self.simulation.broken or self.simulation.tick >= self.ticks_max

    def step(self) -> None:
        """Do one tick, and record it."""
        self.simulation.step()
        self.recorder.watch(self.simulation)
        self.recorder.forget(self.simulation)

    def finish(self) -> None:
        """Stop writing, and leave the record as one file."""
        self.recorder.finish(self.simulation)

    def settle(self, folder: RunFolder, result: Result, record: Record) -> None:
        """Stop writing, close the record, and write the files that a run's folder holds beside it."""
        whole = go_to(record, record.ticks)  # with the rows that were dropped from memory
        record.close()
        self.finish()
        self.recorder.settle(folder.write(replace(result, simulation=whole.simulation), whole.prices))

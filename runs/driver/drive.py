"""A run from where it stands to its end, judged and written, whatever happens on the way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..common.errors import USER_ERRORS
from ..common.failure import failure_of
from ..record.files.folder import PriceRecord, RunFolder
from ..record.reading import Record
from ..record.record import RECORD, UNFINISHED
from ..record.recorder import Recorder
from ..result.evaluate import evaluate
from ..result.result import Result
from ..scenario.scenario import Scenario
from ..simulation.simulation import Simulation
from .progress import Progress, RunProgress

__all__ = ["AC_CHECK", "SETTLEMENT", "Ongoing", "Watch", "Wishes", "drive"]

Watch = Callable[[Simulation], None]

SETTLEMENT, AC_CHECK = "--settlement", "--ac-check"
"""Words of a recorded command that say what else its result tells."""


@dataclass(frozen=True)
class Wishes:
    """What a result holds beside how the run ended.

    Attributes
    ----------
    reference : the central optimum; None: where the market is small enough
    settlement : what each microgrid would have paid alone
    ac : what an AC power flow says about a market on a feeder
    """

    reference: bool | None = None
    settlement: bool = False
    ac: bool = False

    @classmethod
    def of_record(cls, record: Record) -> Wishes:
        """Return what was asked for when a run was recorded."""
        words = record.header["command"]
        return cls(record.header["reference"], SETTLEMENT in words, AC_CHECK in words)

    def words(self) -> list[str]:
        """Return the options of the command that ask for it; a record keeps `reference` in its header instead."""
        return [SETTLEMENT] * self.settlement + [AC_CHECK] * self.ac

    def judged(self, scenario: Scenario, simulation: Simulation, seconds: float) -> Result:
        """Judge a simulation as it stands and find what is asked for."""
        result = evaluate(scenario, simulation, seconds=seconds, reference=self.reference)
        if self.settlement:
            result = replace(result, settled=result.settlement(solve=True))
        if self.ac:
            from ..result.ac_report import ac_report  # which loads pandas and pandapower

            result = replace(result, ac=ac_report(result))
        return result


@dataclass(frozen=True)
class Ongoing:
    """A run between two ticks, and what writes it.

    Attributes
    ----------
    scenario, simulation
    folder : where its files go; None for no files
    recorder : of the simulation; None for no record
    prices : of the ticks that are done
    """

    scenario: Scenario
    simulation: Simulation
    folder: RunFolder | None
    recorder: Recorder | None
    prices: PriceRecord

    def watch(self, simulation: Simulation) -> None:
        """Record the tick that has just ended."""
        self.prices.watch(simulation)
        if self.recorder is not None:
            self.recorder.watch(simulation)

    def write(self, result: Result) -> None:
        """Write the files of a run that has ended."""
        if self.folder is None:
            return
        if self.recorder is not None:
            self.recorder.finish(self.simulation)
        path = self.folder.write(result, self.prices)
        if self.recorder is not None:
            self.recorder.settle(path)
            return
        for name in (RECORD, UNFINISHED):  # an older run's record would be taken for this one's
            (path / name).unlink(missing_ok=True)

    def rescue(self, error: BaseException) -> str:
        """Write what was recorded until an error, and return where it is; the error matters more than one met here."""
        if self.recorder is not None:
            with contextlib.suppress(*USER_ERRORS):  # most likely about the same disk
                self.recorder.finish(self.simulation)
        try:
            path = self._write_failure(error)
        except USER_ERRORS as second:
            if self.recorder is not None and self.recorder.path.exists():
                return f"what was recorded until then is kept in {self.recorder.path}; the run's other files are not: {second}"
            return f"what was noted of the run is lost: {second}"
        return f"what was recorded until tick {self.simulation.tick} is in {path}"

    def _write_failure(self, error: BaseException) -> Path:
        assert self.folder is not None
        path = self.folder.write_failure(error, self.simulation, self.prices)
        if self.recorder is not None:
            self.recorder.settle(path)
        return path


def drive(
    run: Ongoing,
    wishes: Wishes,
    *,
    progress: bool | Progress = True,
    checks: Sequence[Watch] = (),
    watch: Watch | None = None,
) -> Result:
    """Do ticks until a run has ended, judge it and write it.

    Parameters
    ----------
    run, wishes
    progress : as for `run_scenario`
    checks : called after each tick, before it is recorded
    watch : called after each tick, when it is recorded: what it changes belongs to the next one

    Raises
    ------
    FailedError
        The code of a type that takes part failed: the outcome is FAILED.
    BaseException
        Whatever else ended the run. What was recorded until then is kept in the run's folder, and a note on the error says where.
    """
    scenario, simulation = run.scenario, run.simulation
    shown: Progress = RunProgress(scenario.spec.run.ticks, wanted=progress) if isinstance(progress, bool) else progress
    called = [*checks, run.watch, shown.watch, *([] if watch is None else [watch])]

    def after(now: Simulation) -> None:
        for each in called:
            each(now)

    try:
        with shown:
            start = time.perf_counter()
            simulation.run(scenario.spec.run.ticks, after)
            seconds = time.perf_counter() - start
            shown.judging()
            result = wishes.judged(scenario, simulation, seconds)
    except BaseException as error:
        failure = failure_of(error)
        ended = error if failure is None else failure
        if run.folder is not None:
            ended.add_note(run.rescue(ended))
        if ended is error:
            raise
        raise ended from error
    run.write(result)
    return result

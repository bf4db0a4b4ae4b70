"""A run to look at: its record, and as long as it is going the simulation that goes on with it."""

from __future__ import annotations

import tempfile
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...environment.faults import Fault
from ..common.errors import USER_ERRORS, RunError, ScenarioError
from ..page.data import fault_windows, period_of
from ..record.folder_read import read_result
from ..record.frames import Frame
from ..record.reading import Record
from ..record.record import RECORD
from ..record.recorder import Recorder
from ..scenario.scenario import Scenario
from ..simulation.simulation import Simulation

__all__ = ["Film", "open_film", "play_film"]

Floats = npt.NDArray[np.float64]

KEPT_FRAMES = 64


class Film:
    """What the terminal view asks of a run.

    Parameters
    ----------
    record
    faults : of the scenario
    outcome : in a word, of a run that has ended
    simulation, recorder : of a run that is going; it writes the record
    ticks_max : after which a run that is going ends in any case

    Attributes
    ----------
    record
    prices : (hubs,) lists of the mean price over the horizon in each tick so far, $/kWh
    residuals : the primal residual in each tick so far, kW
    failed : why the run could not go on, "" if nothing was wrong
    """

    def __init__(
        self,
        record: Record,
        faults: Sequence[Fault] = (),
        outcome: str = "",
        *,
        simulation: Simulation | None = None,
        recorder: Recorder | None = None,
        ticks_max: int = 0,
    ) -> None:
        self.record, self.outcome, self.failed = record, outcome, ""
        self._simulation, self._recorder, self._ticks_max = simulation, recorder, ticks_max
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._windows = fault_windows(faults, record.commands)
        self._buses = list(_buses(record))
        self.prices: list[Floats] = []
        self.residuals: list[float] = []
        self._note()

    @property
    def live(self) -> bool:
        """Whether it is a simulation, and no recording."""
        return self._simulation is not None

    @property
    def over(self) -> bool:
        """Whether there will be no further tick."""
        now = self._simulation
        return now is None or bool(self.failed) or now.finished or now.broken or now.tick >= self._ticks_max

    @property
    def last(self) -> int:
        """The last tick there is."""
        return self.record.ticks - 1

    def reach(self, tick: int, seconds: float = float("inf")) -> int:
        """Do ticks until there is this one, for so many seconds at most; return the nearest that there is."""
        end = time.monotonic() + seconds
        try:
            while tick > self.last and not self.over:
                self._step()
                if time.monotonic() >= end:
                    break
        except USER_ERRORS as error:  # what was recorded until then can still be looked at
            self.failed = str(error)
        self._note()
        return max(min(tick, self.last), 0)

    def _step(self) -> None:
        assert self._simulation is not None
        assert self._recorder is not None
        self._simulation.step()
        self._recorder.watch(self._simulation)
        self.record.refresh()

    def _note(self) -> None:
        for frame in self.record.states(len(self.prices)):
            self.prices.append(frame.price.mean(axis=1))
            self.residuals.append(frame.metrics["primal_residual"])

    def frame(self, tick: int) -> Frame:
        """Return a tick that there is."""
        if tick not in self._frames:
            self._frames[tick] = self.record.frame(tick)
            if len(self._frames) > KEPT_FRAMES:
                self._frames.popitem(last=False)
        self._frames.move_to_end(tick)
        return self._frames[tick]

    def faults(self, tick: int) -> list[str]:
        """Return what is acting in a tick, in a few words each."""
        return [w["label"] for w in self._windows if w["from"] <= tick and (w["to"] is None or tick < w["to"])]

    def imbalance(self, frame: Frame) -> Floats | None:
        """Return every bus's net import as proposed, (hubs,) kW, of several periods the largest; None if not recorded."""
        if frame.x is None:
            return None
        total = np.zeros((self.record.shape.hubs, self.record.shape.periods))
        for (rows, home), x in zip(self._buses, frame.x, strict=True):
            np.add.at(total, home, np.nan_to_num(x[rows]))
        largest = np.abs(total).argmax(axis=1)
        return np.asarray(total[np.arange(len(total)), largest])

    def period(self, frame: Frame) -> int:
        """Return the period that is open in a tick; 0 where there is no clock."""
        for tick in range(frame.tick, max(frame.tick - KEPT_FRAMES, -1), -1):
            if (period := period_of(self.record, self.frame(tick))) >= 0:
                return period
        return 0


def _buses(record: Record) -> Iterator[tuple[Any, Any]]:
    home = record.world("agent")["home"]
    for k in range(len(record.shape.rows)):
        world = record.world(f"population.{k}")
        yield world["row_start"][:-1], home[world["address"]]


@contextmanager
def open_film(run: Path) -> Iterator[Film]:
    """Open what was recorded of a run."""
    with Record.open(run) as record:
        try:
            faults = record.scenario().faults()
        except (RunError, ScenarioError):  # a type of the user's own may be gone; everything else can be shown
            faults = []
        try:
            outcome = str(read_result(record.path.parent)["outcome"]) if record.path.name == RECORD else "not ended"
        except RunError:
            outcome = "no result"
        yield Film(record, faults, outcome)


@contextmanager
def play_film(scenario: Scenario) -> Iterator[Film]:
    """Start a run of a scenario, recorded as long as it is looked at and forgotten afterwards."""
    simulation = scenario.simulation()
    with tempfile.TemporaryDirectory(prefix="gridparley-") as folder:
        path = Path(folder) / RECORD
        recorder = Recorder.start(path, scenario, simulation)
        try:
            simulation.step()
            recorder.watch(simulation)
            with Record(path) as record:
                ticks = scenario.spec.run.ticks
                yield Film(record, scenario.faults(), simulation=simulation, recorder=recorder, ticks_max=ticks)
        finally:
            recorder.finish(simulation)

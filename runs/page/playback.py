"""A run to look at, in the browser and in the terminal, live or recorded."""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ...environment.faults import Fault
from ..common.errors import USER_ERRORS, RunError
from ..record.files.folder import RunFolder
from ..record.files.own_files import Code
from ..record.files.taken import Taken
from ..record.frames import Frame
from ..record.reading import Record
from ..record.record import UNFINISHED, record_of
from ..record.resume.branch import fork
from ..record.resume.replay import go_to
from ..result.evaluate import evaluate
from ..result.result import Result
from ..scenario.scenario import Scenario
from ..simulation.simulation import Simulation
from .live_run import LiveRun, Watch
from .recording import Recording
from .spans import RECENT, messages_in

__all__ = ["Playback", "play_scenario"]

_OVER = "this run has ended; a branch from one of its ticks goes on"


class Playback(Recording):
    """A run to look at: what is recorded of it and, as long as it may go on, the simulation that writes the record.

    Parameters
    ----------
    path : of the record
    scenario : by default the one in the record
    fixed : a finished recording: it is only read, and goes on in branches alone
    trust : run the user's code that the record names, unchanged or not

    Attributes
    ----------
    fixed
    failed : why it could not go on, "" if nothing was wrong
    said : how many messages were sent in each of the last ticks, of a run that goes on
    """

    def __init__(
        self, path: Path, scenario: Scenario | None = None, *, fixed: bool = False, trust: bool = False
    ) -> None:
        super().__init__(path, scenario, trust=trust)
        self.fixed, self.failed = fixed, ""
        self.said: deque[int] = deque(maxlen=RECENT)
        self._live: LiveRun | None = None
        self._taken: Taken | None = None
        self._over = fixed
        self._judged: Result | None = None

    @classmethod
    def open(cls, run: Path, *, trust: bool = False) -> Self:
        """Open what was recorded of a run: its folder, or the record itself; `trust` as above.

        Raises
        ------
        RunError
            There is no record, or it is damaged.
        """
        return cls(run if run.is_file() else record_of(run), fixed=True, trust=trust)

    @classmethod
    def begin(cls, folder: Path, scenario: Scenario, command: Sequence[str] = (), taken: Taken | None = None) -> Self:
        """Start a run, with its record in a folder, and do its first tick, in which nothing was heard yet.

        Where the folder is `taken`, it stays so until the run is closed.

        Raises
        ------
        RunError, ScenarioError
            The record cannot be written, or the scenario cannot be built.
        """
        live = LiveRun.start(folder / UNFINISHED, scenario, command, taken)
        try:
            playback = cls(folder / UNFINISHED, scenario)
        except BaseException:
            live.finish()
            raise
        playback._live, playback._taken = live, taken
        try:
            playback.step()
        except BaseException:
            playback.close()
            raise
        return playback

    @property
    def simulation(self) -> Simulation | None:
        """The simulation that writes the record; None until it goes on."""
        return None if self._live is None else self._live.simulation

    @property
    def ended(self) -> bool:
        """Whether there will be no further tick."""
        return bool(self.failed) or (self._over if self._live is None else self._live.ended)

    @property
    def _code(self) -> Code:
        """Which code of the user's may run when ticks are done again."""
        return Code.ANY if self.trust else Code.UNCHANGED

    # Going on --------------------------------------------------------------------------------------------------------

    def catch_up(self, watch: Watch | None = None) -> LiveRun:
        """Bring the simulation to where the record ends, where that is still to be done.

        Parameters
        ----------
        watch : called after each tick that is done again

        Raises
        ------
        RunError
            It is a finished recording, or cannot be continued.
        """
        if self._live is None:
            if self._over:
                raise RunError(_OVER)
            self._live = LiveRun.resume(self.path, self.scenario.spec.run.ticks, watch, self._code, self._taken)
        return self._live

    def step(self) -> Frame:
        """Do one tick, and return it as it was recorded, without its messages.

        Raises
        ------
        RunError
            It has ended.
        """
        live = self.catch_up()
        if self.ended:
            raise RunError(_OVER)
        live.step()
        self.record.ticks, self.record.commands = live.simulation.tick, list(live.simulation.commands)
        frame = next(self.record.states(self.last, self.ticks))
        self.said.append(messages_in(frame))
        return frame

    def reach(self, tick: int, seconds: float = float("inf")) -> int:
        """Do ticks until there is this one, for so many seconds at most; return the nearest that there is."""
        end = time.monotonic() + seconds
        try:
            while tick > self.last and not self.ended:
                self.step()
                if time.monotonic() >= end:
                    break
        except USER_ERRORS as error:  # what was recorded until then can still be looked at
            self.failed = str(error)
        return max(min(tick, self.last), 0)

    def judge(self) -> None:
        """Find what became of it; a no-op unless it has ended and that is not known yet."""
        if self._live is not None and self.ended and self.result is None:
            self._judged = evaluate(self.scenario, self._live.simulation)
            self.result = self._judged.to_dict()

    # Otherwise -------------------------------------------------------------------------------------------------------

    @property
    def schedule(self) -> list[Fault]:
        """Every fault that has acted, acts or will act, as of now."""
        simulation = self.simulation
        if simulation is None:
            simulation = go_to(self.record, self.ticks, code=self._code).simulation
        return simulation.transport.schedule.faults

    @property
    def active_faults(self) -> list[Fault]:
        """Those that act in the next tick, while the run is going on."""
        return [] if self._live is None else [fault for fault in self.schedule if fault.active(self.ticks)]

    def change(self, add: Sequence[Fault], end: Sequence[str]) -> None:
        """Change the faults from the next tick on.

        Raises
        ------
        FaultError, RunError
            One is refused; or a fault of the scenario is to end before it has begun, which no schedule can say.
        """
        simulation = self.catch_up().simulation
        if self.ended:
            raise RunError(_OVER)
        early = [one for one in self.initial_faults if one.name in end and one.start >= simulation.tick]
        if early:
            raise RunError(f"fault {early[0].name!r} begins in tick {early[0].start}: it can be ended after that")
        simulation.change_faults(add=add, end=end)
        self.record.commands = list(simulation.commands)

    def branch(self, tick: int, folder: Path) -> Playback:
        """Return another run, which goes on from before a tick; what was changed from then on is left out.

        Raises
        ------
        RunError
            The record does not reach to this tick, or the branch cannot be written.
        """
        if not 0 < tick <= self.ticks:
            raise RunError(f"tick {tick}: this run holds ticks 0 to {self.last}")
        fork(self.record, folder / UNFINISHED, tick, None, {})
        branch = Playback(folder / UNFINISHED, self.record.scenario(self._code), trust=self.trust)
        branch.world = self.world
        return branch

    # Ending ----------------------------------------------------------------------------------------------------------

    def rest(self) -> None:
        """Let go of the simulation; the record tells how to go on."""
        if self._live is not None:
            self._over = self.ended
            self.record.close()  # which would keep the writer from leaving one file
            self._live.finish()
            self._live = None
            self.record = Record(self.path)
            self._frames.clear()  # frames look messages up in the record that they were read from

    def close(self, *, keep: bool = False) -> None:
        """Stop writing; with `keep` the record becomes a run's folder where the run has ended."""
        if keep and self._over and not self.fixed:
            self._over = False
            self.catch_up()
        if self._live is not None and keep and self.ended:
            result = self._judged or evaluate(self.scenario, self._live.simulation)
            folder = RunFolder(self.path.parent, self.scenario, self.record.header["command"])
            self._live.settle(folder, result, self.record)
            return
        self.record.close()
        if self._live is not None:
            self._live.finish()


@contextmanager
def play_scenario(scenario: Scenario) -> Iterator[Playback]:
    """Start a run of a scenario, recorded as long as it is looked at and forgotten afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="gridparley-") as folder,
        Playback.begin(Path(folder), scenario) as playback,
    ):
        yield playback

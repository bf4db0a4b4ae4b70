"""One line of a watched run: its record on disk and, as long as it may go on, the simulation that writes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...environment import Fate
from ...environment.faults import Fault
from ..common.errors import RunError
from ..page.data import Span
from ..page.feeder import PageFeeder, feeder_of
from ..page.overview import Overview
from ..record.folder import RunFolder
from ..record.reading import Record
from ..record.record import UNFINISHED
from ..record.recorder import Recorder
from ..record.resume.branch import fork
from ..record.resume.replay import go_to
from ..result.result import Result, evaluate
from ..scenario.scenario import Scenario
from ..simulation.simulation import Simulation
from .schedule import command_text

__all__ = ["Line"]

RECENT = 256
"""Ticks of which it is remembered how much was said."""
SPAN_MESSAGES = 12_000
"""Messages that one frame for the page holds, but for the least number of ticks."""
SPAN_TICKS = 240
LEAST_TICKS = 3
"""That a frame holds however much is said in them: for causes, and for what is on its way."""

_OVER = "this run has ended; a branch from one of its ticks goes on"

Watch = Callable[[Simulation], None]


class Line:
    """A run that is looked at, and may go on.

    Parameters
    ----------
    path : of the record
    scenario
    fixed : a finished recording: it is only read, and goes on in branches alone

    Attributes
    ----------
    record : open for reading
    simulation : None until it goes on
    result : of `Result.to_dict`, once it has ended
    said : messages said in each of the last ticks
    reasons : why messages were lost, by the number that the page knows
    world : what the page knows of who is there, once it was found: places take seconds in a large market
    """

    def __init__(self, path: Path, scenario: Scenario, *, fixed: bool = False) -> None:
        self.path, self.scenario, self.fixed = path, scenario, fixed
        self.record = Record(path)
        self.simulation: Simulation | None = None
        self.result: dict[str, Any] | None = None
        self.reasons = [""]
        self.world: dict[str, Any] | None = None
        self._judged: Result | None = None
        self._over = fixed
        self.said: deque[int] = deque(maxlen=RECENT)
        self._recorder: Recorder | None = None
        self._initial: list[Fault] | None = None

    @classmethod
    def begin(cls, folder: Path, scenario: Scenario, command: Sequence[str]) -> Line:
        """Start a run, with its record in a folder.

        Raises
        ------
        RunError, ScenarioError
            The record cannot be written, or the scenario cannot be built.
        """
        simulation = scenario.simulation()
        recorder = Recorder.start(folder / UNFINISHED, scenario, simulation, command=command)
        try:
            line = cls(folder / UNFINISHED, scenario)
        except BaseException:
            recorder.finish(simulation)
            raise
        line.simulation, line._recorder = simulation, recorder
        return line

    # What is known of it ---------------------------------------------------------------------------------------------

    @property
    def ticks(self) -> int:
        """Ticks done."""
        return self.record.ticks

    @cached_property
    def feeder(self) -> PageFeeder | None:
        """What the page shows of its feeder, if it has one."""
        return feeder_of(self.record, self.scenario, self.simulation)

    @property
    def commands(self) -> list[dict[str, Any]]:
        """What was changed while it was going."""
        return self.record.commands if self.simulation is None else self.simulation.commands

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to do."""
        simulation = self.simulation
        if simulation is None:
            return self._over
        return simulation.finished or simulation.broken or simulation.tick >= self.scenario.spec.run.ticks

    @property
    def initial(self) -> list[Fault]:
        """The faults of the schedule that it began with."""
        if self._initial is None:
            self._initial = self.scenario.faults()
        return self._initial

    @property
    def schedule(self) -> list[Fault]:
        """Every fault that has acted, acts or will act, as of now."""
        if self.simulation is not None:
            return self.simulation.transport.schedule.faults
        return go_to(self.record, self.ticks).simulation.transport.schedule.faults

    @property
    def active(self) -> list[Fault]:
        """Those that act in the next tick, while the run is going on."""
        return [] if self.simulation is None else [one for one in self.schedule if one.active(self.ticks)]

    def told_commands(self) -> list[dict[str, Any]]:
        """Return the command log for people: tick and text of each."""
        return [{"tick": one["tick"], "text": command_text(one)} for one in self.commands]

    # Going on --------------------------------------------------------------------------------------------------------

    def wake(self, watch: Watch | None = None) -> Simulation:
        """Return the simulation, brought to where the record ends where that is still to be done.

        Raises
        ------
        RunError
            It is a finished recording, or cannot be continued.
        """
        if self.simulation is None:
            if self._over:
                raise RunError(_OVER)
            record = Record(self.path, writing=True)
            try:
                restored = go_to(record, record.ticks, watch)
            except BaseException:
                record.close()
                raise
            self.simulation = restored.simulation
            self._recorder = Recorder(self.path, record.base, restored.reader, record.commands)
            self._recorder.forget(self.simulation)
        return self.simulation

    def step(self, overview: Overview, speaker: int | None = None) -> dict[str, Any]:
        """Do one tick and record it.

        Returns
        -------
        what may stop a run in it: lost (messages), residual (kW), spoke (whether `speaker` said anything)
        """
        simulation = self.wake()
        recorder = self._recorder
        if recorder is None or self.ended:
            raise RunError(_OVER)
        simulation.step()
        rows = simulation.journal.rows
        counts = [row[1:] for row in rows]
        overview.note(simulation.tick - 1, simulation.observer.latest, counts, simulation.state.price)
        self.said.append(sum(number for _, fate, _, number in counts if fate in (Fate.SENT, Fate.COPIED)))
        told = {
            "lost": sum(number for _, fate, _, number in counts if fate is Fate.LOST),
            "residual": simulation.observer.latest["primal_residual"],
            "spoke": speaker is not None and _spoke(simulation, speaker),
        }
        recorder.watch(simulation)
        recorder.forget(simulation)
        self.record.ticks, self.record.commands = simulation.tick, list(simulation.commands)
        return told

    def change(self, add: Sequence[Fault], end: Sequence[str]) -> None:
        """Change the faults from the next tick on.

        Raises
        ------
        FaultError, RunError
            One is refused; or a fault of the scenario is to end before it has begun, which no schedule can say.
        """
        simulation = self.wake()
        if self.ended:
            raise RunError(_OVER)
        early = [one for one in self.initial if one.name in end and one.start >= simulation.tick]
        if early:
            raise RunError(f"fault {early[0].name!r} begins in tick {early[0].start}: it can be ended after that")
        simulation.change_faults(add=add, end=end)
        self.record.commands = list(simulation.commands)

    def judge(self) -> None:
        """Find what became of it; a no-op unless it has ended and that is not known yet."""
        if self.simulation is not None and self.ended and self.result is None:
            self._judged = evaluate(self.scenario, self.simulation)
            self.result = self._judged.to_dict()

    def branch(self, tick: int, folder: Path) -> Line:
        """Return a line of its own that goes on from before a tick; what was changed from then on is left out.

        Raises
        ------
        RunError
            The record does not reach to this tick, or the branch cannot be written.
        """
        if not 0 < tick <= self.ticks:
            raise RunError(f"tick {tick}: this run holds ticks 0 to {self.ticks - 1}")
        fork(self.record, folder / UNFINISHED, tick, None, {})
        line = Line(folder / UNFINISHED, self.scenario)
        line.world = self.world
        return line

    def rest(self) -> None:
        """Let go of the simulation; the record tells how to go on."""
        if self.simulation is not None and self._recorder is not None:
            self._over = self.ended
            self.record.close()  # which would keep the writer from leaving one file
            self._recorder.finish(self.simulation)
            self.simulation = self._recorder = None
            self.record = Record(self.path)

    def close(self, *, keep: bool) -> None:
        """Stop writing; with `keep` the record becomes a run's folder where the run has ended."""
        if keep and self._over and not self.fixed:
            self._over = False
            self.wake()
        if self.simulation is not None and self._recorder is not None:
            if keep and self.ended:
                self._settle(self.simulation, self._recorder)
            else:
                self.record.close()
                self._recorder.finish(self.simulation)
        self.record.close()

    def _settle(self, simulation: Simulation, recorder: Recorder) -> None:
        """Write the files that a run's folder holds beside its record."""
        whole = go_to(self.record, self.ticks)  # with the past that was let go of
        result = self._judged or evaluate(self.scenario, simulation)
        command = self.record.header["command"]
        self.record.close()
        recorder.finish(simulation)
        folder = RunFolder(self.path.parent, self.scenario, command)
        recorder.settle(folder.write(replace(result, simulation=whole.simulation), whole.prices))

    # What is shown of it ---------------------------------------------------------------------------------------------

    def newest(self, first: int) -> Span:
        """Return the last ticks from `first` on, as many as one frame holds."""
        last, room, start = self.ticks, SPAN_MESSAGES, self.ticks
        for said in list(self.said)[::-1][:SPAN_TICKS]:
            room -= said
            if start <= first or (room < 0 and start <= last - LEAST_TICKS):
                break
            start -= 1
        return Span(max(start, first), last) if start < last else Span(max(last - 1, 0), last)

    def around(self, tick: int) -> Span:
        """Return ticks on both sides of one, as many as one frame holds; at least two before it, for what is on its way."""
        tick = min(max(tick, 0), self.ticks - 1)
        low, high = max(tick - SPAN_TICKS // 2, 0), min(tick + SPAN_TICKS // 2, self.ticks)
        said = [
            sum(n for _, fate, _, n in f.counts if fate in ("sent", "copied")) for f in self.record.states(low, high)
        ]
        first, last, room = tick, tick + 1, SPAN_MESSAGES - said[tick - low]
        while first > low or last < high:
            before = said[first - 1 - low] if first > low else None
            after = said[last - low] if last < high else None
            backward = before is not None and (after is None or tick - first <= last - tick)
            more = before if backward else after
            if more is None or (more > room and tick - first >= LEAST_TICKS - 1):
                break
            room -= more
            first, last = (first - 1, last) if backward else (first, last + 1)
        return Span(first, last)


def _spoke(simulation: Simulation, agent: int) -> bool:
    sender = simulation.market.topology.channels.sender
    events = simulation.journal.events or []
    return any(bool(np.any(sender[e.batch.channel] == agent)) for e in events if e.fate is Fate.SENT)

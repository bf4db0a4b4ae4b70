"""What is recorded of a run, as far as it has gone, and what its scenario says besides."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from ...environment.faults import Fault
from ..record.fault_windows import FaultWindow, windows_of
from ..record.files.own_files import Code
from ..record.files.result_file import result_of
from ..record.frames import Frame
from ..record.reading import Record
from ..record.record import RECORD
from ..scenario.scenario import Scenario
from ..simulation.simulation import Simulation
from .block import Column
from .feeder import PageFeeder, feeder_of
from .world import world_columns

__all__ = ["Recording"]

KEPT_FRAMES = 64


class Recording:
    """What is recorded of a run: everything that is shown of it, so that it is the same live and recorded.

    Parameters
    ----------
    path : of the record
    scenario : by default the one in the record
    trust : run the user's code that the record names; by default looking at it runs none

    Attributes
    ----------
    path
    trust
    record : open for reading
    result : as `Result.to_dict`, of a run that has ended
    """

    def __init__(self, path: Path, scenario: Scenario | None = None, *, trust: bool = False) -> None:
        self.path, self.trust = path, trust
        self.record = Record(path)
        self.result: dict[str, Any] | None = result_of(path)
        self._mine = scenario is not None
        if scenario is not None:
            self.scenario = scenario
        self._frames: OrderedDict[int, Frame] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the record."""
        self.record.close()

    # What the scenario says ------------------------------------------------------------------------------------------

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario of the run.

        Raises
        ------
        RunError, ScenarioError
            This release cannot read it; when something is built, a type in it may not be run or is not there any more.
        """
        return self.record.scenario(Code.ANY if self.trust else Code.NONE)

    @cached_property
    def unstarted(self) -> Simulation:
        """The simulation as it was before its first tick, for what agents know by themselves.

        Raises
        ------
        RunError, ScenarioError
            As `scenario`.
        """
        return self.scenario.simulation()

    @cached_property
    def initial_faults(self) -> list[Fault]:
        """The faults that it began with."""
        return self.scenario.faults()

    @cached_property
    def feeder(self) -> PageFeeder | None:
        """What the page shows of its feeder, if it has one."""
        return feeder_of(self.record, lambda: self.unstarted)

    # What happened ---------------------------------------------------------------------------------------------------

    @cached_property
    def world(self) -> dict[str, Column]:
        """The agents and their places, which the page needs once: finding places takes seconds in a large market."""
        return world_columns(self.record)

    @property
    def ticks(self) -> int:
        """Ticks done."""
        return self.record.ticks

    @property
    def last(self) -> int:
        """The last tick there is."""
        return self.record.ticks - 1

    @property
    def outcome(self) -> str:
        """How it ended, in a word."""
        if self.result is not None:
            return str(self.result["outcome"])
        return "no result" if self.path.name == RECORD else "not ended"

    @property
    def windows(self) -> list[FaultWindow]:
        """When each fault acts, by its start."""
        found = windows_of(self.record, Code.ANY if self.trust or self._mine else Code.NONE)
        return sorted(found, key=lambda window: window.start)

    def frame(self, tick: int) -> Frame:
        """Return a tick that there is."""
        if tick not in self._frames:
            self._frames[tick] = self.record.frame(tick)
            if len(self._frames) > KEPT_FRAMES:
                self._frames.popitem(last=False)
        self._frames.move_to_end(tick)
        return self._frames[tick]

    def period(self, tick: int) -> int:
        """Return the period that is open in a tick; 0 where there is no clock."""
        for before in range(tick, max(tick - KEPT_FRAMES, -1), -1):
            if (period := self.record.period(self.frame(before))) >= 0:
                return period
        return 0

    def speaks(self, agent: int, tick: int) -> bool:
        """Tell whether an agent says anything in a tick."""
        sender = self.record.channels["sender"]
        return any(bool(np.any(sender[said.channel] == agent)) for said in self.record.frame(tick).said.values())

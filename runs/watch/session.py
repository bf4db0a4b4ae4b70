"""A session: one page, one thread, one run that it watches and steers, and a folder that goes when the page goes."""

from __future__ import annotations

import json
import queue
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..common.errors import USER_ERRORS, RunError
from ..page.overview import Overview
from ..page.report import result_of
from ..record.folder import prepare_folder
from ..record.reading import Record
from ..scenario.catalog import catalog
from ..scenario.fault_text import read_fault_table
from ..scenario.scenario import Scenario, load_scenario
from ..simulation.simulation import Simulation
from . import commands as ask
from .playback import Line
from .schedule import schedule_text
from .shown import open_frame, private_state, ticks_frame
from .source import Outbox, Source

__all__ = ["Session"]

FRAME_SECONDS = 0.1
"""Frames of a run that plays come no faster than this."""
AGAIN_SECONDS = 0.3
"""What takes longer than this to do again says how far it has come."""
AHEAD = 2
"""Frames that may be on their way to a page before it has drawn one."""
WAITING = 200
"""Commands that may wait."""


class _Closed(Exception):
    """The page is gone."""


class Session:
    """Does what a page asks for, in a thread of its own.

    Parameters
    ----------
    source
    outbox : takes text (JSON) and frames (bytes) from the thread
    done : called at the very end

    Start its `thread`.
    """

    def __init__(self, source: Source, outbox: Outbox, done: Callable[[Session], None]) -> None:
        self._source, self._outbox, self._send, self._done = source, outbox, outbox.put, done
        self._inbox: queue.Queue[Any] = queue.Queue(WAITING)
        self._closing = threading.Event()
        self._lines: list[Line] = []
        self._command = list(source.command)
        self._overview: Overview | None = None
        self._now = self._told = self._period = self._unseen = 0
        self._play: ask.Play | None = None
        self._due = self._shown = 0.0
        self._why = ""
        self.thread = threading.Thread(target=self._work, name="gridparley watch", daemon=True)

    # From the server -------------------------------------------------------------------------------------------------

    def give(self, text: str) -> None:
        """Take a command; what is wrong with it is answered at once."""
        try:
            command = ask.read_command(text)
            self._inbox.put_nowait(command)
        except RunError as error:
            self._tell(error=str(error))
        except queue.Full:
            self._tell(re=command.id, error=f"{WAITING} commands are waiting already")

    def leave(self) -> None:
        """End the session as soon as it can; its thread writes what is to be kept, and clears up."""
        self._closing.set()

    # In the thread ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="gridparley-watch-") as folder:
                self._folder = Path(folder)
                try:
                    self._begin()
                    while True:
                        self._turn()
                finally:
                    for k, line in enumerate(self._lines):
                        line.close(keep=k == 0 and self._source.out is not None)
        except _Closed:
            pass
        except USER_ERRORS as error:
            self._tell(fatal=str(error))
        except Exception as error:
            traceback.print_exc()
            self._tell(fatal=f"{type(error).__name__}: {error}")
        finally:
            self._done(self)

    def _begin(self) -> None:
        source = self._source
        if source.run is not None:
            with Record.open(source.run) as record:
                scenario, path = record.scenario(), record.path
            self._lines.append(Line(path, scenario, fixed=True))
            self._lines[0].result = result_of(path)
            self._show(0)
        elif source.scenario is not None:
            self._start(source.scenario)
        else:
            self._tell(catalogue=[[one["name"], one["title"]] for one in catalog()["scenarios"]])

    def _start(self, scenario: Scenario) -> None:
        folder = self._folder / "0" if self._source.out is None else self._source.out
        prepare_folder(folder)
        words = ["gridparley", "watch", *self._command[2:], *self._source.faults]
        self._lines.append(Line.begin(folder, scenario, words))
        self._lines[0].step(Overview(self._lines[0].record))  # what is said before anything was heard
        self._show(0)

    def _turn(self) -> None:
        """Wait for a command, or do a tick when one is due."""
        if self._closing.is_set():
            raise _Closed
        if self._outbox.full():
            time.sleep(0.02)
            return
        wait = 0.2 if self._play is None else max(min(self._due - time.monotonic(), 0.2), 0.0)
        try:
            command = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
        except queue.Empty:
            if self._play is not None and time.monotonic() >= self._due:
                self._advance(self._play)
            return
        if isinstance(command, ask.Seen):
            self._unseen = max(self._unseen - 1, 0)
            return
        try:
            self._tell(re=command.id, **self._answer(command))
        except USER_ERRORS as error:
            self._tell(re=command.id, error=str(error))

    def _answer(self, command: Any) -> dict[str, Any]:
        if isinstance(command, ask.OpenScenario):
            return self._choose(command)
        line = self._line()
        match command:
            case ask.Step():
                self._play = None
                self._steps(line, command.ticks)
            case ask.Play():
                self._shown = time.monotonic()
                line.wake(self._progress)
                self._play, self._due, self._shown = command, time.monotonic(), 0.0
            case ask.Pause():
                self._play = None
                self._frame(line)
            case ask.Window():
                told = {"what": "window", "running": self._play is not None, "asked": command.tick}
                self._send(ticks_frame(line, line.around(command.tick), 0, told)[0])
            case ask.Inspect():
                if command.agent >= len(line.record.agents):
                    raise RunError(f"agent {command.agent}: there are {len(line.record.agents)}")
                return private_state(line, command.agent, command.tick)
            case ask.Fault():
                self._change(line, command)
                self._frame(line)
            case ask.Branch():
                self._branch(line, command.tick)
            case ask.ShowLine():
                if command.line >= len(self._lines):
                    raise RunError(f"line {command.line}: there are {len(self._lines)}")
                self._show(command.line)
            case ask.Schedule():
                text = schedule_text(line.schedule, self._command)
                return {"schedule": text, "name": f"{line.scenario.name}-faults.toml"}
        return {}

    def _line(self) -> Line:
        if not self._lines:
            raise RunError("no scenario is open")
        return self._lines[self._now]

    def _choose(self, command: ask.OpenScenario) -> dict[str, Any]:
        if self._lines or self._source.run is not None:
            raise RunError("a scenario is open already")
        names = [one["name"] for one in catalog()["scenarios"]]
        if command.scenario not in names:
            raise RunError(f"scenario = {command.scenario!r}; wanted one of {', '.join(names)}")
        self._command = ["gridparley", "run", command.scenario, "--seed", str(command.seed)]
        self._start(load_scenario(command.scenario, [f"run.seed={command.seed}"]))
        return {}

    def _change(self, line: Line, command: ask.Fault) -> None:
        if not command.add and not command.end:
            raise RunError("nothing to add and nothing to end")
        tables = [{"from": line.ticks, **table} for table in command.add]
        line.wake(self._progress)
        line.change([read_fault_table(table, "fault") for table in tables], command.end)

    def _branch(self, line: Line, tick: int) -> None:
        self._play, self._shown = None, time.monotonic()
        folder = self._folder / str(len(self._lines))
        folder.mkdir()
        branch = line.branch(tick + 1, folder)
        branch.wake(self._progress)
        self._lines.append(branch)
        self._show(len(self._lines) - 1)

    # What is sent ----------------------------------------------------------------------------------------------------

    def _tell(self, **told: Any) -> None:
        self._send(json.dumps(told))

    def _show(self, number: int) -> None:
        """Let the page begin with a line."""
        if number != self._now:
            self._lines[self._now].rest()
        self._now, self._play = number, None
        line = self._lines[number]
        self._overview = Overview(line.record)
        self._overview.read(line.record)
        self._told = line.ticks
        told: dict[str, Any] = {"line": number, "lines": len(self._lines), "running": False}
        told |= {"scenario": line.scenario.name, "lesson": self._source.lesson}
        self._send(open_frame(line, self._overview, told))

    def _steps(self, line: Line, ticks: int) -> None:
        line.wake(self._progress)
        if line.ended:
            line.step(self._overview_now())  # says why not
        for _ in range(ticks):
            if line.ended or self._closing.is_set():
                break
            line.step(self._overview_now())
        self._why = ""
        self._frame(line)
        self._judge(line)

    def _advance(self, play: ask.Play) -> None:
        """Do the tick that is due."""
        line, until = self._line(), play.until
        if line.ended:
            self._play = None
        else:
            try:
                found = line.step(self._overview_now(), until.speaks)
            except USER_ERRORS as error:
                self._play = None
                self._tell(re=0, error=str(error))
                return
            self._why = until.holds(found, line.ticks - 1)
            if self._why or line.ended:
                self._play = None
        now = time.monotonic()
        self._due = now if play.speed is None else max(self._due + 1 / play.speed, now - 0.5)
        if self._play is None or (now - self._shown >= FRAME_SECONDS * 0.95 and self._unseen < AHEAD):
            self._shown = now
            self._frame(line)
        if self._play is None:
            self._judge(line)

    def _judge(self, line: Line) -> None:
        if line.ended and line.result is None:
            line.judge()
            self._frame(line)

    def _frame(self, line: Line) -> None:
        """Send what the page has not seen yet: all of it in the overview, and the last ticks in full."""
        # Where nothing is new but what was commanded, or judged, the last tick carries it.
        span = line.newest(min(self._told, line.ticks - 1))
        told = {"what": "ticks", "running": self._play is not None, "why": self._why}
        block, self._period = ticks_frame(line, span, self._period, told, self._overview_now())
        self._told = line.ticks
        self._unseen += 1
        self._send(block)

    def _overview_now(self) -> Overview:
        if self._overview is None:
            raise RunError("no scenario is open")
        return self._overview

    def _progress(self, simulation: Simulation) -> None:
        """Tell how far a recorded run has been done again."""
        if self._closing.is_set():
            raise _Closed
        if time.monotonic() - self._shown >= AGAIN_SECONDS:
            self._shown = time.monotonic()
            self._tell(again=simulation.tick)

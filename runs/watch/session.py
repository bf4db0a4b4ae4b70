"""A session: one page, one thread, one run and its branches, and a folder that goes when the page goes."""

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
from ..page.playback import Playback
from ..record.files.prepare import prepare_folder
from ..record.files.taken import Taken
from ..scenario.catalog import catalog
from ..scenario.fault_text import read_fault_table
from ..scenario.scenario import Scenario, load_scenario
from . import commands as ask
from .player import Closed, Player
from .private_state import private_state
from .schedule import schedule_text
from .source import Outbox, Source

__all__ = ["Session"]

WAITING = 200
"""Commands that may wait."""


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
        self._source, self._outbox, self._done = source, outbox, done
        self._inbox: queue.Queue[Any] = queue.Queue(WAITING)
        self._closing = threading.Event()
        self._player = Player(outbox, self._closing)
        self._playbacks: list[Playback] = []
        self._now = 0
        self._taken: Taken | None = None
        self._command = list(source.command)
        self.thread = threading.Thread(target=self._work, name="gridparley watch", daemon=True)

    # From the server -------------------------------------------------------------------------------------------------

    def give(self, text: str) -> None:
        """Take a command; what is wrong with it is answered at once."""
        try:
            command = ask.read_command(text)
            self._inbox.put_nowait(command)
        except RunError as error:
            self._send(error=str(error))
        except queue.Full:
            self._send(re=command.id, error=f"{WAITING} commands are waiting already")

    def leave(self) -> None:
        """End the session as soon as it can; its thread writes what is to be kept, and clears up."""
        self._closing.set()

    # In the thread ---------------------------------------------------------------------------------------------------

    def _send(self, **message: Any) -> None:
        self._outbox.put(json.dumps(message))

    def _work(self) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="gridparley-watch-") as folder:
                self._folder = Path(folder)
                try:
                    self._begin()
                    while True:
                        self._turn()
                finally:
                    self._close()
        except Closed:
            pass
        except USER_ERRORS as error:
            if self._source.traceback:
                traceback.print_exc()
            self._send(fatal=str(error))
        except Exception as error:
            traceback.print_exc()
            self._send(fatal=f"{type(error).__name__}: {error}")
        finally:
            self._done(self)

    def _close(self) -> None:
        try:
            for k, playback in enumerate(self._playbacks):
                playback.close(keep=k == 0 and self._source.out is not None)
        finally:
            if self._taken is not None:
                self._taken.release()

    def _begin(self) -> None:
        source = self._source
        if source.run is not None:
            self._playbacks.append(Playback.open(source.run, trust=source.trust))
            self._show(0)
        elif source.scenario is not None:
            self._start(source.scenario)
        else:
            self._send(catalogue=[[one["name"], one["title"]] for one in catalog()["scenarios"]])

    def _start(self, scenario: Scenario) -> None:
        folder = self._folder / "0" if self._source.out is None else self._source.out
        taken = self._taken = prepare_folder(folder)
        words = ["gridparley", "watch", *self._command[2:], *self._source.faults]
        self._playbacks.append(Playback.begin(folder, scenario, words, taken))
        self._show(0)

    def _turn(self) -> None:
        """Wait for a command, or do a tick when one is due."""
        if self._closing.is_set():
            raise Closed
        if self._outbox.full():
            time.sleep(0.02)
            return
        wait = self._player.wait_seconds
        try:
            command = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
        except queue.Empty:
            self._player.advance()
            return
        if isinstance(command, ask.Seen):
            self._player.seen()
            return
        try:
            self._send(re=command.id, **self._answer(command))
        except USER_ERRORS as error:
            self._send(re=command.id, error=str(error))

    # What is asked for -----------------------------------------------------------------------------------------------

    def _answer(self, command: Any) -> dict[str, Any]:
        if isinstance(command, ask.OpenScenario):
            self._choose(command)
            return {}
        if not self._playbacks:
            raise RunError("no scenario is open")
        playback = self._playbacks[self._now]
        match command:
            case ask.Step():
                self._player.step(command.ticks)
            case ask.Play():
                self._player.play(command)
            case ask.Pause():
                self._player.pause()
            case ask.Window():
                self._player.show_around(command.tick)
            case ask.Inspect():
                if command.agent >= len(playback.record.agents):
                    raise RunError(f"agent {command.agent}: there are {len(playback.record.agents)}")
                return private_state(playback, command.agent, command.tick)
            case ask.Fault():
                self._change(playback, command)
            case ask.Branch():
                self._branch(playback, command.tick)
            case ask.ShowRun():
                if command.run >= len(self._playbacks):
                    raise RunError(f"run {command.run}: there are {len(self._playbacks)}")
                self._show(command.run)
            case ask.Schedule():
                text = schedule_text(playback.schedule, self._command)
                return {"schedule": text, "name": f"{playback.scenario.name}-faults.toml"}
        return {}

    def _choose(self, command: ask.OpenScenario) -> None:
        if self._playbacks or self._source.run is not None:
            raise RunError("a scenario is open already")
        names = [one["name"] for one in catalog()["scenarios"]]
        if command.scenario not in names:
            raise RunError(f"scenario = {command.scenario!r}; wanted one of {', '.join(names)}")
        self._command = ["gridparley", "run", command.scenario, "--seed", str(command.seed)]
        self._start(load_scenario(command.scenario, [f"run.seed={command.seed}"]))

    def _change(self, playback: Playback, command: ask.Fault) -> None:
        if not command.add and not command.end:
            raise RunError("nothing to add and nothing to end")
        tables = [{"from": playback.ticks, **table} for table in command.add]
        playback.catch_up(self._player.progress)
        playback.change([read_fault_table(table, "fault") for table in tables], command.end)
        self._player.show_newest()

    def _branch(self, playback: Playback, tick: int) -> None:
        self._player.halt()
        folder = self._folder / str(len(self._playbacks))
        folder.mkdir()
        branch = playback.branch(tick + 1, folder)
        branch.catch_up(self._player.progress)
        self._playbacks.append(branch)
        self._show(len(self._playbacks) - 1)

    def _show(self, number: int) -> None:
        """Let the page begin with a run."""
        if number != self._now:
            self._playbacks[self._now].rest()
        self._now = number
        playback = self._playbacks[number]
        facts: dict[str, Any] = {"run": number, "runs": len(self._playbacks), "running": False}
        facts |= {"scenario": playback.scenario.name, "lesson": self._source.lesson}
        self._player.open(playback, facts)

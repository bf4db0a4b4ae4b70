"""Playing a run for a page: when the next tick is due, where to stop, and which frames are sent."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from ..common.errors import USER_ERRORS, RunError
from ..page.playback import Playback
from ..simulation.simulation import Simulation
from .commands import Play
from .page_view import PageView
from .source import Outbox

__all__ = ["Closed", "Player"]

FRAME_SECONDS = 0.1
"""Frames of a run that plays come no faster than this."""
AGAIN_SECONDS = 0.3
"""What takes longer than this to do again says how far it has come."""
AHEAD = 2
"""Frames that may be on their way to a page before it has drawn one."""
WAIT_SECONDS = 0.2
"""How long a session waits for a command before it looks whether the page has gone."""


class Closed(Exception):
    """The page is gone."""


class Player:
    """Steps and plays the run that a page looks at, and sends what is new.

    Parameters
    ----------
    outbox : takes text (JSON) and frames (bytes)
    closing : set when the page is gone
    """

    def __init__(self, outbox: Outbox, closing: threading.Event) -> None:
        self._send, self._closing = outbox.put, closing
        self._view: PageView | None = None
        self._play: Play | None = None
        self._due = self._sent = 0.0
        self._unseen = 0
        self._why = ""

    @property
    def view(self) -> PageView:
        """The run that is looked at.

        Raises
        ------
        RunError
            There is none yet.
        """
        if self._view is None:
            raise RunError("no scenario is open")
        return self._view

    @property
    def wait_seconds(self) -> float:
        """How long to wait for a command; 0 where a tick is due."""
        return WAIT_SECONDS if self._play is None else max(min(self._due - time.monotonic(), WAIT_SECONDS), 0.0)

    # What is sent ----------------------------------------------------------------------------------------------------

    def open(self, playback: Playback, facts: dict[str, Any]) -> None:
        """Let the page begin with a run."""
        self._play, self._view = None, PageView(playback)
        self._send(self._view.opening(**facts))

    def show_around(self, tick: int) -> None:
        """Send the ticks around one."""
        self._send(self.view.around(tick, running=self._play is not None))

    def show_newest(self) -> None:
        """Send what the page has not seen yet."""
        self._send(self.view.newest(running=self._play is not None, why=self._why))
        self._unseen += 1

    def seen(self) -> None:
        """Note that the page has drawn a frame."""
        self._unseen = max(self._unseen - 1, 0)

    def progress(self, simulation: Simulation) -> None:
        """Tell how far a recorded run has been done again.

        Raises
        ------
        Closed
            The page is gone.
        """
        if self._closing.is_set():
            raise Closed
        if time.monotonic() - self._sent >= AGAIN_SECONDS:
            self._sent = time.monotonic()
            self._send(json.dumps({"again": simulation.tick}))

    # Going on --------------------------------------------------------------------------------------------------------

    def step(self, ticks: int) -> None:
        """Do some ticks, or as many as there still are."""
        self._play = None
        view, playback = self.view, self.view.playback
        playback.catch_up(self.progress)
        if playback.ended:
            playback.step()  # says why not
        for _ in range(ticks):
            if playback.ended or self._closing.is_set():
                break
            view.note(playback.step())
        self._why = ""
        self.show_newest()
        self._judge()

    def play(self, command: Play) -> None:
        """Go on until something stops it."""
        self._sent = time.monotonic()
        self.view.playback.catch_up(self.progress)
        self._play, self._due, self._sent = command, time.monotonic(), 0.0

    def pause(self) -> None:
        """Stop playing."""
        self._play = None
        self.show_newest()

    def halt(self) -> None:
        """Stop playing, and say nothing of it: another run is opened."""
        self._play, self._sent = None, time.monotonic()

    def advance(self) -> None:
        """Do the tick that is due, if one is."""
        if self._play is None or time.monotonic() < self._due:
            return
        view, playback, play = self.view, self.view.playback, self._play
        if playback.ended:
            self._play = None
        else:
            try:
                frame = playback.step()
            except USER_ERRORS as error:
                self._play = None
                self._send(json.dumps({"re": 0, "error": str(error)}))
                return
            view.note(frame)
            self._why = play.until.holds(playback, frame)
            if self._why or playback.ended:
                self._play = None
        now = time.monotonic()
        self._due = now if play.speed is None else max(self._due + 1 / play.speed, now - 0.5)
        if self._play is None or (now - self._sent >= FRAME_SECONDS * 0.95 and self._unseen < AHEAD):
            self._sent = now
            self.show_newest()
        if self._play is None:
            self._judge()

    def _judge(self) -> None:
        """Find what became of a run that has ended, and send it."""
        playback = self.view.playback
        if playback.ended and playback.result is None:
            playback.judge()
            self.show_newest()

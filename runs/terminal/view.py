"""The terminal view: transport, network, charts and messages, in a window of 80 columns and 24 lines or more."""

from __future__ import annotations

import sys
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.widgets import Footer, Input

from ..common.errors import RunError
from ..common.palette import TERMINAL
from ..page.playback import Playback
from .lines import Lines, fitted
from .messages import Wanted, read_wanted
from .panels import charts, clock_line, messages, network
from .series import Series

__all__ = ["TerminalView", "watch_terminal"]

SPEEDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0)
"""Ticks a second."""
BEAT_SECONDS = 0.2
"""From one picture to the next while it plays: a slow line carries no more."""
CELLS_A_BEAT = 6000
"""In a larger window there are fewer pictures, for the same reason."""
WORK_SECONDS = 0.15
"""Of these, what a simulation may take at most, so that keys are heard."""


class TerminalView(App[None]):
    """A run in a terminal.

    Parameters
    ----------
    playback
    """

    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None  # keys are for the view until a question is asked
    CSS = f"""
    Screen {{ layout: vertical; }}
    #clock {{ height: 2; }}
    #upper {{ height: 10; border-bottom: solid ansi_{TERMINAL["border"]}; }}
    #network {{ width: 1fr; margin-right: 2; }}
    #charts {{ width: 35%; }}
    #messages {{ height: 1fr; }}
    #ask {{ height: 1; border: none; padding: 0; display: none; }}
    #said {{ height: 1; }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play"),
        Binding("left", "step(-1)", "Back"),
        Binding("right", "step(1)", "Step"),
        Binding("shift+left,pageup", "step(-10)", "Back 10", show=False),
        Binding("shift+right,pagedown", "step(10)", "Step 10", show=False),
        Binding("home", "go(0)", "First", show=False),
        Binding("end", "go(1000000000)", "Last", show=False),
        Binding("plus,equals_sign", "speed(1)", "Faster", key_display="+"),
        Binding("minus", "speed(-1)", "Slower", key_display="-"),
        Binding("up", "choose(-1)", "Microgrid above", show=False),
        Binding("down", "choose(1)", "Microgrid below", show=False),
        # With priority they are done before the next key is looked at: on a slow line an answer comes in one piece with them.
        Binding("g", "ask('tick')", "Go to", priority=True),
        Binding("slash", "ask('filter')", "Filter", key_display="/", priority=True),
        Binding("l", "only('lost')", "Lost"),
        Binding("t", "only('late')", "Late"),
        Binding("escape", "close", "Close", show=False),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, playback: Playback) -> None:
        super().__init__(ansi_color=True)
        self.playback = playback
        self.series = Series(playback.record)
        self.tick = 0
        self.playing, self.speed = False, 2.0
        self.wanted = Wanted()
        self.chosen = 0
        self._goal: int | None = None
        self._due, self._beats = 0.0, 0
        self._asked, self._said = "", ""

    def compose(self) -> ComposeResult:
        """Lay the panels out."""
        yield Lines(id="clock")
        with Horizontal(id="upper"):
            yield Lines(id="network")
            yield Lines(id="charts")
        yield Lines(id="messages")
        yield Lines(id="said")
        yield Input(id="ask")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Start the clock that playing and long ways go by."""
        self.theme = "ansi-dark"
        self.set_interval(BEAT_SECONDS, self._beat)
        self.call_after_refresh(self.draw)

    def on_resize(self, _: Resize) -> None:
        """Fill the new window."""
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Show the tick that is chosen."""
        playback, series, frame = self.playback, self.series, self.playback.frame(self.tick)
        pane = {name: self.query_one(f"#{name}", Lines) for name in ("clock", "network", "charts", "messages", "said")}
        size = {name: each.size for name, each in pane.items()}
        pane["clock"].show(clock_line(playback, frame, self._doing(), size["clock"].width))
        pane["network"].show(network(playback, series, frame, self.chosen, *size["network"]))
        pane["charts"].show(charts(playback, series, self.tick, self.chosen, *size["charts"]))
        pane["messages"].show(messages(playback, self.tick, self.wanted, *size["messages"]))
        said = self._said or (f"filter: {self.wanted.text}" if self.wanted.text else "")
        pane["said"].show([((fitted(said, size["said"].width), "fault"),)])

    def _doing(self) -> str:
        if self._goal is not None:
            return f"going to tick {self._goal}"
        return f"{'playing' if self.playing else 'paused'} {self.speed:g}/s"

    def _beat(self) -> None:
        if self._goal is not None:
            self._move(self._goal)
        elif self.playing:
            self._due += self.speed * BEAT_SECONDS
            self._beats += 1
            ticks = 0 if self._beats % -(-self.size.area // CELLS_A_BEAT) else int(self._due)
            self._due -= ticks
            if ticks:
                self._move(self.tick + ticks, wait=False)

    def _move(self, tick: int, *, wait: bool = True) -> None:
        """Show a tick, or the nearest there is; `wait`: go on until it is there."""
        self.tick = self.playback.reach(tick, WORK_SECONDS)
        self.series.catch_up()
        at_end = self.playback.ended and self.tick >= self.playback.last
        self._goal = tick if wait and self.tick < tick and not at_end else None
        self.playing = self.playing and not at_end
        self._said = self.playback.failed if at_end else ""
        self.draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """While a question is open, keys are its answer."""
        return action != "ask" or not self.query_one("#ask", Input).display

    def action_play(self) -> None:
        """Play or pause; from the end, play again."""
        at_end = self.playback.ended and self.tick >= self.playback.last
        self._goal, self._due, self.playing = None, 0.0, not self.playing
        if self.playing and at_end:
            self.tick = 0
        self.draw()

    def action_step(self, ticks: int) -> None:
        """Go some ticks on, or back."""
        self.playing = False
        self._move(max(self.tick + ticks, 0))

    def action_go(self, tick: int) -> None:
        """Go to a tick, or to the last one."""
        self.playing = False
        self._move(min(tick, self.playback.last) if self.playback.ended else tick)

    def action_speed(self, by: int) -> None:
        """Play faster or slower."""
        self.speed = SPEEDS[min(max(SPEEDS.index(self.speed) + by, 0), len(SPEEDS) - 1)]
        self.draw()

    def action_choose(self, by: int) -> None:
        """Choose the microgrid below or above, whose price is shown."""
        self.chosen = min(max(self.chosen + by, 0), len(self.playback.record.header["homes"]) - 1)
        self.draw()

    def action_only(self, fate: str) -> None:
        """Show lost or late messages only, or all again."""
        words = [word for word in self.wanted.text.split() if word not in ("lost", "late")]
        self._filter(" ".join([*words, *([] if fate in self.wanted.fates else [fate])]))

    def action_ask(self, what: str) -> None:
        """Ask for a tick, or for a filter."""
        ask = self.query_one("#ask", Input)
        self._asked = what
        ask.placeholder = "tick" if what == "tick" else "agents, kinds, lost, late, delivered, ...; nothing for all"
        ask.value = self.wanted.text if what == "filter" else ""
        ask.cursor_blink = False  # a slow line carries better things
        ask.display = True
        self.screen.set_focus(ask)  # at once: the next key may be here already

    def action_close(self) -> None:
        """Close the question, or stop on the way to a tick."""
        self._goal = None
        self._close()

    def _close(self) -> None:
        ask = self.query_one("#ask", Input)
        ask.display = False
        self.set_focus(None)
        self.draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take an answer."""
        self._close()
        if self._asked == "filter":
            self._filter(event.value)
        elif event.value.strip().isdecimal():
            self.action_go(int(event.value))
        else:
            self._say(f"{event.value!r} is no tick; wanted a whole number")

    def _filter(self, text: str) -> None:
        kinds = list(self.playback.record.shape.labels)
        try:
            self.wanted = read_wanted(text, kinds, self.playback.record.agents)
        except ValueError as error:
            self._say(str(error))
            return
        self._say("")

    def _say(self, text: str) -> None:
        self._said = text
        self.draw()


def watch_terminal(playback: Playback) -> None:
    """Show a run in this terminal until it is left.

    Raises
    ------
    RunError
        This is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise RunError("--terminal needs a terminal to write to and to read keys from; gridparley report writes a page")
    TerminalView(playback).run()

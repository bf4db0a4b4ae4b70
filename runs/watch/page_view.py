"""What a page is shown of a run: frames of binary columns, each with what is new in it."""

from __future__ import annotations

from typing import Any

from ..page.block import Column, page_block
from ..page.data import page_meta, tick_columns, window_facts
from ..page.messages import MessageColumns
from ..page.overview import Overview
from ..page.playback import Playback
from ..page.spans import Span, newest_span, span_around
from ..record.fault_windows import command_label, fault_label
from ..record.frames import Frame
from .schedule import table_of

__all__ = ["PageView"]


class PageView:
    """Makes the frames of one run for one page, and remembers how far the page has been brought.

    Parameters
    ----------
    playback
    """

    def __init__(self, playback: Playback) -> None:
        self.playback = playback
        self._overview = Overview(playback.record)
        self._overview.read(playback.record)
        self._reasons = [""]
        self._period = 0
        self._shown = playback.ticks

    def note(self, frame: Frame) -> None:
        """Keep a new tick for the overview."""
        self._overview.note(frame)

    def opening(self, **facts: Any) -> bytes:
        """Return all that the page needs to begin with: the agents, the last ticks, and an overview of all."""
        playback = self.playback
        span = span_around(playback.record, playback.last)
        messages = MessageColumns(playback.record, self._reasons)
        columns = playback.world | tick_columns(playback.record, span, messages, answers=False)
        meta = page_meta(playback, span, self._reasons, None)
        meta |= {"prices": self._overview.names, "ticks_max": playback.scenario.spec.run.ticks}
        if playback.feeder is not None:
            meta["feeder"] = playback.feeder.meta()
        columns |= self._overview.take() | self._feeder(span)
        return page_block(meta | self._state() | facts | {"what": "open"}, columns)

    def newest(self, **facts: Any) -> bytes:
        """Return what the page has not seen yet: all of it in the overview, and the last ticks in full."""
        playback = self.playback
        # Where nothing is new but what was commanded, or judged, the last tick carries it.
        span = newest_span(min(self._shown, playback.last), playback.ticks, playback.said)
        columns = self._columns(span, self._period) | self._overview.take()
        self._period, self._shown = int(columns["period"][-1]), playback.ticks
        return self._ticks(span, columns, {"what": "ticks"} | facts)

    def around(self, tick: int, **facts: Any) -> bytes:
        """Return the ticks around one."""
        span = span_around(self.playback.record, tick)
        return self._ticks(span, self._columns(span, 0), {"what": "window", "asked": tick} | facts)

    def _columns(self, span: Span, period: int) -> dict[str, Column]:
        record = self.playback.record
        messages = MessageColumns(record, self._reasons)
        columns = tick_columns(record, span, messages, answers=False, period=period)
        return columns | messages.older() | self._feeder(span)

    def _ticks(self, span: Span, columns: dict[str, Column], facts: dict[str, Any]) -> bytes:
        meta = {"first": span.first, "last": span.last, "reasons": self._reasons}
        return page_block(meta | self._state() | facts, columns)

    def _feeder(self, span: Span) -> dict[str, Column]:
        feeder = self.playback.feeder
        return {} if feeder is None else feeder.columns(self.playback.record.states(span.first, span.last))

    def _state(self) -> dict[str, Any]:
        playback = self.playback
        commands = playback.record.commands
        return {
            "ticks": playback.ticks,
            "ended": playback.ended,
            "fixed": playback.fixed,
            "commands": [{"tick": one["tick"], "text": command_label(one)} for one in commands],
            "faults": window_facts(playback.windows),
            "active": [table_of(fault) | {"label": fault_label(fault)} for fault in playback.active_faults],
            "outcome": playback.result,
        }

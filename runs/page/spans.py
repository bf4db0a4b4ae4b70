"""Which ticks of a run a page shows in full: as many as it can hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..common.errors import RunError
from ..record.frames import Frame
from ..record.reading import Record
from ..record.tables.tick_tables import X_MAX

__all__ = ["RECENT", "Span", "messages_in", "newest_span", "span_around", "span_of"]

MESSAGES_MAX = 150_000
"""Messages and copies that one report holds: beyond, it shows fewer ticks in full."""
NUMBERS_MAX = 2_000_000
"""Prices, and likewise numbers that agents propose, which one report holds, all ticks together."""
RECENT = 256
"""Ticks of a live run of which it is remembered how much was said."""
SPAN_MESSAGES = 12_000
"""Messages that one frame for the live page holds, but for the least number of ticks."""
SPAN_TICKS = 240
LEAST_TICKS = 3
"""That a frame holds however much is said in them: for causes, and for what is on its way."""


@dataclass(frozen=True)
class Span:
    """The ticks that a page shows, first <= tick < last."""

    first: int
    last: int


def messages_in(frame: Frame) -> int:
    """Return how many messages, and copies of them, were sent in a tick."""
    return sum(count for _, fate, _, count in frame.counts if fate in ("sent", "copied"))


def span_of(record: Record, first: int = 0, last: int | None = None) -> Span:
    """Return the ticks that a report can hold in full, from `first` on and before `last`.

    Raises
    ------
    RunError
        The record has no such ticks.
    """
    end = record.ticks if last is None else min(last, record.ticks)
    if not 0 <= first < end:
        raise RunError(f"ticks {first} to {end}: the record holds {record.ticks} ticks")
    shape, said = record.shape, 0
    prices, answers = shape.balances * shape.periods, sum(shape.rows) * shape.periods
    if answers > X_MAX:  # more than that is not in the record
        answers = 0
    end = min(end, *(first + max(NUMBERS_MAX // max(each, 1), 1) for each in (prices, answers)))
    for frame in record.states(first, end):
        said += messages_in(frame)
        if said > MESSAGES_MAX and frame.tick > first:
            return Span(first, frame.tick)
    return Span(first, end)


def newest_span(first: int, last: int, said: Sequence[int]) -> Span:
    """Return the last ticks of first <= tick < last, as many as one frame holds, and at least one.

    Parameters
    ----------
    first, last
    said : messages in each of the ticks before `last`, as far as it is known
    """
    room, start = SPAN_MESSAGES, last
    for count in list(said)[::-1][:SPAN_TICKS]:
        room -= count
        if start <= first or (room < 0 and start <= last - LEAST_TICKS):
            break
        start -= 1
    return Span(max(start, first), last) if start < last else Span(max(last - 1, 0), last)


def span_around(record: Record, tick: int) -> Span:
    """Return ticks on both sides of one, as many as one frame holds; at least two before it, for what is on its way."""
    tick = min(max(tick, 0), record.ticks - 1)
    low, high = max(tick - SPAN_TICKS // 2, 0), min(tick + SPAN_TICKS // 2, record.ticks)
    said = [messages_in(frame) for frame in record.states(low, high)]
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

"""Memory: the newest message heard on each channel. The one place where staleness is decided."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ...environment import Kind, MessageBatch
from ...environment.remembered import Remembered, fixed

__all__ = ["Memory"]

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


_TILE = 16_384
"""Numbers that are moved at once: so many stay in the processor's cache between reading and writing."""
_MANY = 100_000
"""Messages from which on each batch is looked at by itself: what all of them take together would leave the cache."""


class Memory:
    """What one role has heard of one kind, a slot a channel.

    Hearing only writes: a message newer than the one in its slot replaces it, any other is stale. So copies, reordering
    and restarts change nothing.

    Parameters
    ----------
    kind
    channel : (n,) int32, the channels that this role listens to, in the order of its slots
    channels : number of channels in the topology
    about : (channels,) what each is about (`Channels.about`), for a kind whose labels depend on it

    Attributes
    ----------
    sent : (n,) int32, the tick in which the newest message was sent, -1 before the first
    heard : (n,) int32, the tick in which it was heard, -1 before the first
    values : (n, kind.width)
    news : whether anything was written since the role last acted on all of it
    """

    def __init__(self, kind: Kind, channel: Ints, channels: int, about: npt.NDArray[np.integer] | None = None) -> None:
        self.kind = kind
        self._labels = max(len(kind.labels), 1)
        self._about = None if about is None or not kind.labels else about[channel]
        self._none = np.zeros(self._labels, dtype=np.int64)
        sorts = [] if self._about is None else np.unique(self._about).tolist()
        self._only = sorts[0] if len(sorts) == 1 else None
        self._runs: Remembered[Counts] = Remembered(self._count_run)
        self.channel = channel
        self._slot = np.full(channels, -1, dtype=np.int32)
        self._slot[channel] = np.arange(len(channel), dtype=np.int32)
        fixed(self._slot)
        self._ends = (int(channel.min()), int(channel.max()) + 1) if len(channel) else (0, 0)
        self._run = Remembered(self._find_run)
        # Where its channels follow one another without a gap, a slot is a difference, and none in between is another's.
        self._gapless = bool(len(channel)) and bool((np.diff(channel) == 1).all())
        self.news = False
        self._complete = False
        self._round = kind.part("round").start
        self.sent = np.full(len(channel), -1, dtype=np.int32)
        self.heard = np.full(len(channel), -1, dtype=np.int32)
        self.values = np.zeros((len(channel), kind.width))

    def __len__(self) -> int:
        return len(self.channel)

    def part(self, name: str) -> Floats:
        """(n, width): one field of the newest messages."""
        return self.values[:, self.kind.part(name)]

    @property
    def round(self) -> Floats:
        """(n,): the round of the newest messages, -1 before the first."""
        rounds = self.values[:, self._round]
        self._complete = self._complete or bool(len(self) and self.sent.min() >= 0)
        return rounds if self._complete else np.where(self.sent < 0, -1.0, rounds)

    def forget(self, slots: npt.NDArray[np.bool_]) -> None:
        """Empty some slots, (n,) bool, as if nothing had ever been heard there."""
        self.sent[slots] = -1
        self.heard[slots] = -1
        self.values[slots] = 0.0
        self._complete = False

    def snapshot(self) -> dict[str, Any]:
        """Return what it holds: arrays and whether there was news."""
        return {"sent": self.sent, "heard": self.heard, "values": self.values, "news": self.news}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up what `snapshot` returned for the same channels."""
        self.sent, self.heard, self.values, self.news = (kept[name] for name in ("sent", "heard", "values", "news"))
        self._complete = False

    def write(self, tick: int, *batches: MessageBatch) -> tuple[Counts, Counts]:
        """Hear batches of this kind, the oldest first; messages on other channels are left alone.

        Returns
        -------
        how many were written and how many were stale, (labels,) each: by what their channel is about
        """
        news, stale = np.zeros(self._labels, dtype=np.int64), np.zeros(self._labels, dtype=np.int64)
        rest: list[MessageBatch] = []
        for batch in filter(len, batches):  # a garbled batch may be left without messages
            run = None if batch.copy is not None or batch.channel.flags.writeable else self._run(batch.channel)
            if run is None or rest or self.sent[run[1]].max(initial=-1) >= batch.sent:
                rest.append(batch)
            else:
                self._write_run(tick, batch, *run)
                news += self._runs(batch.channel)
        for some in [rest] if sum(map(len, rest)) < _MANY else [[batch] for batch in rest]:
            if some and len(self):
                written, old = self._write_apart(tick, some)
                news, stale = news + written, stale + old
        self.news = self.news or bool(news.any())
        return news, stale

    def _write_run(self, tick: int, batch: MessageBatch, heard: slice, slots: slice) -> None:
        """Write in one go: one message for each of some slots in a row, and all are news."""
        if batch.row is None:
            self.values[slots] = batch.payload[heard]
        else:  # other modes than clip go through a buffer
            np.take(batch.payload, batch.row[heard], axis=0, out=self.values[slots], mode="clip")
        self.sent[slots] = batch.sent
        self.heard[slots] = tick

    def _write_apart(self, tick: int, batches: Sequence[MessageBatch]) -> tuple[Counts, Counts]:
        """Find which messages are news, and write them: all batches at once, for small ones cost as much as large ones."""
        low, high = self._ends
        starts, stops, channels, end = [], [], [], 0
        for batch in batches:
            channel = batch.channel
            # What has some batches' first and last messages for itself need not look for them.
            first = 0 if channel[0] >= low else int(channel.searchsorted(low))
            last = len(channel) if channel[-1] < high else int(channel.searchsorted(high))
            channels.append(channel if last - first == len(channel) else channel[first:last])
            starts.append(first - end)
            end += last - first
            stops.append(end)
        one = len(batches) == 1
        channel = channels[0] if one else np.concatenate(channels)
        slot = channel - np.int32(low) if self._gapless else self._slot.take(channel)
        sent: Any = batches[0].sent  # one number, or one a message
        if not one:
            sent = np.empty(end, dtype=np.int32)
            for batch, first, last in zip(batches, [0, *stops], stops, strict=False):
                sent[first:last] = batch.sent
        news = self.sent.take(slot) < sent
        if not self._gapless:
            news &= slot >= 0
        if any(batch.copy is not None for batch in batches):
            # Two copies in one batch meet the same slot: the first is news, the others are stale.
            again = channel[1:] == channel[:-1]
            if not one:
                again &= sent[1:] == sent[:-1]
            again &= news[:-1]
            news[1:] &= ~again
        which = news.nonzero()[0]
        stale = self._stale(slot, news) if len(slot) > len(which) else self._none
        if not len(which):
            return self._none, stale
        slot = slot.take(which)
        first = 0
        for batch, start, last in zip(batches, starts, which.searchsorted(stops).tolist(), strict=True):
            if last > first:
                heard = which[first:last] + start
                self._copy(slot[first:last], batch.payload, heard if batch.row is None else batch.row.take(heard))
            first = last
        # Where one slot has several, the last is the newest, and stays.
        self.sent[slot] = sent if one else sent.take(which)
        self.heard[slot] = tick
        return self._count(slot), stale

    def _stale(self, slot: Ints, news: npt.NDArray[np.bool_]) -> Counts:
        old = slot.take((~news).nonzero()[0])
        return self._count(old if self._gapless else old[old >= 0])

    def _count(self, slots: Ints) -> Counts:
        """(labels,): how many of some slots there are by what they are about."""
        if self._about is None:
            return np.array([len(slots)] + [0] * (self._labels - 1))
        if self._only is not None:
            found = self._none.copy()
            found[self._only] = len(slots)
            return found
        about = self._about.take(slots)  # small numbers: one pass for each is faster than sorting them into bins
        return np.array([np.count_nonzero(about == k) for k in range(self._labels)])

    def _count_run(self, channel: Ints) -> Counts:
        run = self._run(channel)
        slots = slice(0, 0) if run is None else run[1]
        return self._count(np.arange(slots.start, slots.stop, dtype=np.int32))

    def _copy(self, slot: Ints, payload: Floats, row: npt.NDArray[np.integer]) -> None:
        mine, theirs, size = _cells(self.values), _cells(payload), max(1, _TILE // self.kind.width)
        if len(slot) <= size:
            mine[slot] = theirs.take(row)
            return
        for first in range(0, len(slot), size):
            some = slice(first, first + size)
            mine[slot[some]] = theirs.take(row[some])

    def _find_run(self, channel: Ints) -> tuple[slice, slice] | None:
        """Return which of the messages on these channels are for which slots, where both are in a row; else None."""
        slot = self._slot[channel]
        mine = np.flatnonzero(slot >= 0)
        if not len(mine):
            return slice(0, 0), slice(0, 0)
        first, last, slots = int(mine[0]), int(mine[-1]) + 1, slot[mine]
        if last - first != len(mine) or (np.diff(slots) != 1).any():
            return None
        return slice(first, last), slice(int(slots[0]), int(slots[0]) + len(mine))


def _cells(rows: Floats) -> npt.NDArray[np.void]:
    """(n,): each row as one thing, which numpy moves three times as fast as the numbers one by one."""
    whole = rows if rows.flags.c_contiguous else np.ascontiguousarray(rows)
    return whole.view(_cell(rows.shape[1]))[:, 0]


@cache
def _cell(width: int) -> np.dtype[np.void]:
    return np.dtype((np.void, 8 * width))

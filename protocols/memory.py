"""Memory: the newest message heard on each channel. The one place where staleness is decided."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from ..environment import Kind, MessageBatch
from ..environment.remembered import Remembered, fixed

__all__ = ["Memory"]

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


_TILE = 16_384
"""Numbers that are moved at once: so many stay in the processor's cache between reading and writing."""


class Memory:
    """What one role has heard of one kind, a slot a channel.

    Hearing only writes: a message newer than the one in its slot replaces it, any other is stale. So copies, reordering
    and restarts change nothing.

    Parameters
    ----------
    kind
    channel : (n,) int32, the channels that this role listens to, in the order of its slots
    channels : number of channels in the topology

    Attributes
    ----------
    sent : (n,) int32, the tick in which the newest message was sent, -1 before the first
    heard : (n,) int32, the tick in which it was heard, -1 before the first
    values : (n, kind.width)
    news : whether anything was written since the role last acted on all of it
    """

    def __init__(self, kind: Kind, channel: Ints, channels: int) -> None:
        self.kind = kind
        self.channel = channel
        self._slot = np.full(channels, -1, dtype=np.int32)
        self._slot[channel] = np.arange(len(channel), dtype=np.int32)
        fixed(self._slot)
        self._ends = np.array([channel.min(), channel.max() + 1] if len(channel) else [0, 0], dtype=np.int32)
        self._run = Remembered(self._find_run)
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

    def write(self, tick: int, batch: MessageBatch) -> tuple[int, int]:
        """Hear a batch; messages on other channels are somebody else's.

        Returns
        -------
        how many were written and how many were stale
        """
        run = None if batch.copy is not None or batch.channel.flags.writeable else self._run(batch.channel)
        if run is not None and self.sent[run[1]].max(initial=-1) < batch.sent:
            # One message for each of some slots in a row, and all are news: they are written in one go.
            heard, slots = run
            if batch.row is None:
                self.values[slots] = batch.payload[heard]
            else:  # other modes than clip go through a buffer
                np.take(batch.payload, batch.row[heard], axis=0, out=self.values[slots], mode="clip")
            self.news = self.news or slots.stop > slots.start
            self.sent[slots] = batch.sent
            self.heard[slots] = tick
            return slots.stop - slots.start, 0
        if not len(self):
            return 0, 0
        first, last = batch.channel.searchsorted(self._ends)
        channel = batch.channel[first:last]
        copy, row = (None if a is None else a[first:last] for a in (batch.copy, batch.row))
        slot = self._slot.take(channel)
        news = slot >= 0
        total = int(np.count_nonzero(news))
        if not total:
            return 0, 0
        news &= self.sent.take(slot) < batch.sent
        if copy is not None:
            # Two copies in one batch meet the same slot: the first is news, the others are stale.
            news[1:] &= (channel[1:] != channel[:-1]) | ~news[:-1]
        which = news.nonzero()[0]
        slot = slot.take(which)
        row = which + first if row is None else row.take(which)
        mine, theirs, size = _cells(self.values), _cells(batch.payload), max(1, _TILE // self.kind.width)
        for first in range(0, len(slot), size):
            some = slice(first, first + size)
            mine[slot[some]] = theirs.take(row[some])
        self.news = self.news or len(slot) > 0
        self.sent[slot] = batch.sent
        self.heard[slot] = tick
        return len(slot), total - len(slot)

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

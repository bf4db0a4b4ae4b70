"""Memory: the newest message heard on each channel. The one place where staleness is decided."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..environment import Kind, MessageBatch
from ..environment.remembered import Remembered, fixed

__all__ = ["Memory"]

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


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
    """

    def __init__(self, kind: Kind, channel: Ints, channels: int) -> None:
        self.kind = kind
        self.channel = channel
        self._slot = np.full(channels, -1, dtype=np.int32)
        self._slot[channel] = np.arange(len(channel), dtype=np.int32)
        fixed(self._slot)
        self._sources = Remembered(self._find_sources)
        self._rows = Remembered(_rows_of)
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
        return rounds if len(self) and self.sent.min() >= 0 else np.where(self.sent < 0, -1.0, rounds)

    def forget(self, slots: npt.NDArray[np.bool_]) -> None:
        """Empty some slots, (n,) bool, as if nothing had ever been heard there."""
        self.sent[slots] = -1
        self.heard[slots] = -1
        self.values[slots] = 0.0

    def write(self, tick: int, batch: MessageBatch) -> tuple[int, int]:
        """Hear a batch; messages on other channels are somebody else's.

        Returns
        -------
        how many were written and how many were stale
        """
        sources = None if batch.copy is not None else self._sources(batch.channel)
        if sources is not None and len(self) and self.sent.max() < batch.sent:
            # Every slot gets one message, and all are news: the whole memory is written in one go.
            source = sources if batch.row is None else self._rows(batch.row, sources)
            np.take(batch.payload, source, axis=0, out=self.values, mode="clip")  # other modes go through a buffer
            self.sent.fill(batch.sent)
            self.heard.fill(tick)
            return len(self), 0
        slot = self._slot[batch.channel]
        mine = slot >= 0
        total = int(np.count_nonzero(mine))
        if not total:
            return 0, 0
        fresh = mine & (self.sent[slot] < batch.sent)
        # Two copies in one batch meet the same slot: the first is news, the others are stale.
        fresh[1:] &= (batch.channel[1:] != batch.channel[:-1]) | ~fresh[:-1]
        slot = slot[fresh]
        row = np.flatnonzero(fresh) if batch.row is None else batch.row[fresh]
        self.values[slot] = batch.payload[row]
        self.sent[slot] = batch.sent
        self.heard[slot] = tick
        return len(slot), total - len(slot)

    def _find_sources(self, channel: Ints) -> Ints | None:
        """(n,): which of the messages on these channels is for each slot; None unless there is exactly one for each."""
        if len(channel) < len(self) or not (channel[1:] > channel[:-1]).all():
            return None
        slot = self._slot[channel]
        mine = np.flatnonzero(slot >= 0)
        if len(mine) != len(self):
            return None
        sources = np.empty(len(self), dtype=np.int32)
        sources[slot[mine]] = mine
        return fixed(sources)


def _rows_of(row: Ints, sources: Ints) -> Ints:
    return fixed(row[sources])

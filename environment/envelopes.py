"""Mail: the envelopes of everything that is said in one tick, for faults that treat all messages alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .messages import MessageBatch

__all__ = ["Mail"]

_LONG = 2_000
"""(ticks of delay x batches) from which on they are not sorted together."""


@dataclass(frozen=True)
class Mail(MessageBatch):
    """Several batches of one tick, one behind the other, as if they were one.

    Handling a few messages costs as much as handling a few thousand, so a fault that acts on each message by itself,
    whatever its kind, is better asked once a tick than once a kind. `kind` and `payload` are those of the first batch and
    mean nothing here; everything else is as in a batch, but that channels ascend within each batch only.

    Attributes
    ----------
    part : (n,) int16, the batch that each message belongs to
    batches : as they were said
    """

    part: npt.NDArray[np.int16] = field(default_factory=lambda: np.empty(0, dtype=np.int16))
    batches: Sequence[MessageBatch] = ()

    @classmethod
    def of(cls, batches: Sequence[MessageBatch]) -> Mail:
        """Put batches that nothing has happened to yet into one mail."""
        first = batches[0]
        rows = [np.arange(len(b)) if b.row is None else b.row for b in batches]
        return cls(
            kind=first.kind,
            sent=first.sent,
            channel=np.concatenate([b.channel for b in batches]),
            payload=first.payload,
            row=np.concatenate(rows),
            part=np.repeat(np.arange(len(batches), dtype=np.int16), [len(b) for b in batches]),
            batches=batches,
        )

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.integer] | slice) -> Mail:
        """Return the messages picked by a mask, a slice or positions (repeats allowed)."""
        if isinstance(which, slice):
            which = np.arange(len(self))[which]
        at: Any = which.nonzero()[0] if which.dtype == np.bool_ else which
        assert self.row is not None
        return Mail(
            self.kind,
            self.sent,
            self.channel.take(at),
            self.payload,
            self.row.take(at),
            None if self.due is None else self.due.take(at),
            None if self.copy is None else self.copy.take(at),
            self.part.take(at),
            self.batches,
        )

    def each(self, of_kind: Callable[[str], Any]) -> Any:
        """Return what belongs to the kind of each message, (n,)."""
        known = {batch.kind.name: of_kind(batch.kind.name) for batch in self.batches}
        return np.array([known[batch.kind.name] for batch in self.batches]).take(self.part)

    @property
    def order(self) -> tuple[npt.NDArray[np.integer], ...]:
        """What messages are sorted by before their copies."""
        return self.channel, self.part

    @cached_property
    def sizes(self) -> npt.NDArray[np.integer]:
        """How many messages of each batch are left, copies counted, (batches,)."""
        return np.bincount(self.part, minlength=len(self.batches))

    def split(self) -> list[tuple[int, MessageBatch]]:
        """Return the messages by due tick, the earliest first, and by batch."""
        count, first = len(self.batches), self.sent + 1
        late = np.zeros(len(self), dtype=np.int32) if self.due is None else self.due - np.int32(first)
        if self.due is not None and len(self) and int(late.max()) * count >= _LONG:
            pieces = [self._piece(k, np.flatnonzero(self.part == k)) for k in range(count)]
            return sorted((pair for piece in pieces for pair in piece.split()), key=lambda pair: pair[0])
        key = late.astype(np.int16) * np.int16(count) + self.part
        size = np.bincount(key)
        order = key.argsort(kind="stable")  # of small numbers: sorted by their digits
        mail = self if self.due is None else self.take(order)
        found, stop = [], 0
        for number in size.nonzero()[0].tolist():
            start, stop = stop, stop + int(size[number])
            found.append((first + number // count, mail._piece(number % count, slice(start, stop))))
        return found

    def _piece(self, number: int, at: Any) -> MessageBatch:
        """Return some messages of one batch as a batch."""
        assert self.row is not None
        batch = self.batches[number]
        due, copy = (None if column is None else column[at] for column in (self.due, self.copy))
        return MessageBatch(batch.kind, self.sent, self.channel[at], batch.payload, self.row[at], due, copy)

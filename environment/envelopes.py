"""Envelopes: all messages of one tick, as faults see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import MessageError
from .keys import Keys
from .messages import MessageBatch

__all__ = ["Envelopes"]

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

_SMALL = 16_384
"""Messages of a tick up to which their arrays are sorted whole, which is faster, and stay in memory whole."""


@dataclass(frozen=True)
class Envelopes:
    """All messages that are sent, or that arrive, in one tick: what a fault takes and returns.

    Messages stand batch by batch, within a batch by channel, and copies behind their original. Payloads stay where they
    are: each message knows its row in the payload block of its batch. A fault that acts on some kinds or agents only is a
    mask over these columns.

    Attributes
    ----------
    batches : what was said, each batch of one kind and one tick; a batch stays here when all its messages are lost
    start : (batches + 1,) integers; messages ``start[k]`` up to, not including, ``start[k + 1]`` are those of batch k
    channel : (n,) int32, hence sender and receiver
    row : (n,) integers, the payload row of each message in its batch; None: all messages of all batches, in their order
    due : (n,) int32, the tick in which each arrives; None: the tick after it was sent
    copy : (n,) uint64, 0 for an original, else which copy it is; None: all are originals

    Examples
    --------
    >>> from gridparley.environment import Field, Kind
    >>> bid, news = (Kind(name, (), (Field("x", 1, "kW"),)) for name in ("bid", "news"))
    >>> said = [MessageBatch(kind, 3, np.arange(2, dtype=np.int32), np.ones((2, 1))) for kind in (bid, news)]
    >>> envelopes = Envelopes.of(said)
    >>> is_bid = envelopes.each([batch.kind.name == "bid" for batch in envelopes.batches])
    >>> left = envelopes.take(is_bid | (envelopes.channel > 0))
    >>> left.channel.tolist(), left.sizes.tolist()
    ([0, 1, 1], [2, 1])
    >>> left.delay(np.array([0, 2, 0])).due_ticks.tolist()
    [4, 6, 4]
    """

    batches: Sequence[MessageBatch]
    start: npt.NDArray[np.integer]
    channel: Ints
    row: npt.NDArray[np.integer] | None = None
    due: Ints | None = None
    copy: Keys | None = None

    @classmethod
    def of(cls, batches: Sequence[MessageBatch]) -> Envelopes:
        """Return the messages of some batches (at least one), in the order of the batches."""
        start = np.array([*accumulate(map(len, batches), initial=0)])
        if len(batches) == 1:
            (batch,) = batches
            return cls(batches, start, batch.channel, batch.row, batch.due, batch.copy)
        plain, timely, original = (
            all(getattr(batch, column) is None for batch in batches) for column in ("row", "due", "copy")
        )
        return cls(
            batches,
            start,
            np.concatenate([batch.channel for batch in batches]),
            None if plain else np.concatenate([np.arange(len(b)) if b.row is None else b.row for b in batches]),
            None if timely else np.concatenate([batch.due_ticks for batch in batches]),
            None if original else np.concatenate([batch.copies for batch in batches]),
        )

    def __len__(self) -> int:
        return len(self.channel)

    @cached_property
    def sizes(self) -> npt.NDArray[np.integer]:
        """(batches,): how many messages of each batch there are, copies counted."""
        return self.start[1:] - self.start[:-1]

    @cached_property
    def slices(self) -> list[slice]:
        """Where the messages of each batch stand."""
        return [slice(a, b) for a, b in pairwise(self.start.tolist())]

    def each(self, of_batch: Sequence[Any] | npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(n,): what belongs to the batch of each message, given one value for each batch."""
        return np.repeat(np.asarray(of_batch), self.sizes)

    @property
    def sent(self) -> Ints:
        """(n,) int32: the tick in which each was sent; on sending this is the tick itself."""
        ticks = [batch.sent for batch in self.batches]
        if ticks.count(ticks[0]) == len(ticks):
            return np.full(len(self), ticks[0], dtype=np.int32)
        return np.asarray(self.each(np.array(ticks, dtype=np.int32)))

    @property
    def due_ticks(self) -> Ints:
        """(n,) int32: the tick in which each arrives."""
        return self.sent + np.int32(1) if self.due is None else self.due

    @property
    def copies(self) -> Keys:
        """(n,) uint64: which copy each is, 0 for an original."""
        return np.zeros(len(self), dtype=np.uint64) if self.copy is None else self.copy

    @cached_property
    def copied(self) -> list[int]:
        """How many of the messages of each batch are copies."""
        copy = self.copy
        return [0] * len(self.batches) if copy is None else [int(np.count_nonzero(copy[at])) for at in self.slices]

    @cached_property
    def distinct(self) -> bool:
        """Whether no message is there twice: two of one batch and channel are different copies."""
        same = self.channel[1:] == self.channel[:-1]
        if self.copy is not None:
            same &= self.copy[1:] == self.copy[:-1]
        if not same.any():
            return True
        between = self.start[(self.start > 0) & (self.start < len(self))] - 1
        same[between] = False
        return not same.any()

    @property
    def place(self) -> npt.NDArray[np.int64]:
        """(n,) int64: batch and channel of each in one number, ascending; copies of a message have the same."""
        return np.asarray(self.each(np.arange(len(self.batches), dtype=np.int64) << 32) + self.channel)

    @property
    def rows(self) -> npt.NDArray[np.integer]:
        """(n,) integers: the payload row of each message in its batch."""
        if self.row is not None:
            return self.row
        every = np.arange(len(self))
        return every if len(self.batches) == 1 else every - self.each(self.start[:-1])

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.integer] | slice) -> Envelopes:
        """Return the messages picked by a mask, a slice or positions (repeats allowed); batches stay in their order.

        Raises
        ------
        MessageError
            A mask is not one value for each message.
        """
        if isinstance(which, slice):
            which = np.arange(len(self))[which]
        if which.dtype == np.bool_ and which.shape != (len(self),):
            raise MessageError(f"a mask of shape {which.shape}: wanted one value for each of {len(self)} messages")
        at: Any = which.nonzero()[0] if which.dtype == np.bool_ else which  # positions are faster than masks
        if at is which and (at[1:] < at[:-1]).any():
            at = at[self.start.searchsorted(at, side="right").argsort(kind="stable")]
        return Envelopes(
            self.batches,
            at.searchsorted(self.start),
            self.channel.take(at),
            at if self.row is None and len(self.batches) == 1 else self.rows.take(at),  # the same result, faster
            None if self.due is None else self.due.take(at),
            None if self.copy is None else self.copy.take(at),
        )

    def delay(self, ticks: npt.NDArray[np.integer]) -> Envelopes:
        """Return the same messages, each later by that many ticks.

        Raises
        ------
        MessageError
            `ticks` are not whole numbers, negative, or not one for each message.
        """
        ticks = np.asarray(ticks)
        if ticks.shape not in ((), (len(self),)) or ticks.dtype.kind not in "iu":
            what = f"delays of shape {ticks.shape} and type {ticks.dtype}"
            raise MessageError(f"{what}: wanted whole numbers, one for each of {len(self)} messages")
        if len(self) and ticks.min() < 0:
            raise MessageError(f"a delay of {ticks.min()} ticks: wanted 0 or more")
        return replace(self, due=(self.due_ticks + ticks).astype(np.int32))

    def piece(self, number: int) -> MessageBatch:
        """Return what is left of one of the batches, as a batch: its kind, channels and ``values`` (payloads)."""
        if self.row is None and self.due is None and self.copy is None:
            return self.batches[number]
        batch, at = self.batches[number], self.slices[number]
        return MessageBatch(
            batch.kind,
            batch.sent,
            self.channel[at],
            batch.payload,
            None if self.row is None else self.row[at],
            None if self.due is None else self.due[at],
            None if self.copy is None else self.copy[at],
        )

    def pieces(self) -> list[MessageBatch]:
        """Return what is left of each batch, in their order, without those of which nothing is."""
        return [self.piece(k) for k in self.sizes.nonzero()[0].tolist()]

    def rewrite(self, change: Callable[[MessageBatch, slice], Floats | None]) -> Envelopes:
        """Return the same messages with other payloads; what others hold of the old ones stays as it is.

        Parameters
        ----------
        change : called with what is left of a batch (see `piece`) and where its m messages stand among all; returns their
            new payloads, (m, kind.width), or None where nothing changes

        Raises
        ------
        MessageError
            Payloads of another shape came back.
        """
        batches, row = list(self.batches), None if self.row is None else self.row.copy()
        for number in self.sizes.nonzero()[0].tolist():
            piece, at = self.piece(number), self.slices[number]
            values = change(piece, at)
            if values is None:
                continue
            wanted = len(piece), piece.kind.width
            if values.shape != wanted:
                raise MessageError(
                    f"payloads of shape {values.shape} for {piece.kind.name!r}: wanted {wanted}, a row for each message"
                )
            batches[number] = replace(piece, payload=values, row=None)
            if row is not None:
                row[at] = np.arange(len(piece))
        return replace(self, batches=batches, row=row)

    def join(self, other: Envelopes) -> Envelopes:
        """Return these messages and others of the same batches, each in its place; none is in both.

        Payload blocks are stacked only where one of the two was rewritten.
        """
        if not len(self) or not len(other):
            return self if len(self) else other
        batches, shift = list(self.batches), np.zeros(len(self.batches), dtype=np.intp)
        for k, (mine, theirs) in enumerate(zip(self.batches, other.batches, strict=True)):
            if mine.payload is not theirs.payload:
                batches[k] = replace(mine, payload=np.concatenate([mine.payload, theirs.payload]))
                shift[k] = len(mine.payload)
        both = self, other
        order = np.concatenate([part.place for part in both]).argsort(kind="stable")
        rows = [part.rows for part in both]
        if shift.any():
            rows[1] = rows[1] + other.each(shift)
        timely, original = self.due is other.due is None, self.copy is other.copy is None
        return Envelopes(
            batches,
            self.start + other.start,
            np.concatenate([part.channel for part in both]).take(order),
            np.concatenate(rows).take(order),
            None if timely else np.concatenate([part.due_ticks for part in both]).take(order),
            None if original else np.concatenate([part.copies for part in both]).take(order),
        )

    def by_due(self) -> list[tuple[int, MessageBatch]]:
        """Return the messages as batches by the tick in which they are due, the earliest first; all were sent in one tick."""
        if self.due is None:
            return [(piece.sent + 1, piece) for piece in self.pieces()]
        if not len(self):
            return []
        count, first = len(self.batches), int(self.due.min())
        key = (self.due - np.int32(first)) * np.int32(count) + self.each(np.arange(count, dtype=np.int32))
        key = key.astype(np.min_scalar_type(key.max()))
        order = key.argsort(kind="stable")  # small numbers sort by their digits
        key = key.take(order)
        start = np.concatenate([[0], (key[1:] != key[:-1]).nonzero()[0] + 1])
        small = len(self) < _SMALL
        columns: list[Any] = [self.channel, self.rows, self.copy]
        pieces: list[tuple[int, MessageBatch]] = []
        if small:
            columns = [None if column is None else column.take(order) for column in columns]
        for number, (a, b) in zip(key[start].tolist(), pairwise([*start.tolist(), len(self)]), strict=True):
            # Of many, each piece has arrays of its own: a slice would keep all in memory until the last of them is due.
            cut: list[Any] = [
                None if column is None else column[a:b] if small else column.take(order[a:b]) for column in columns
            ]
            channel, row, copy = cut
            tick, batch = first + number // count, self.batches[number % count]
            due = np.full(b - a, tick, dtype=np.int32)
            pieces.append((tick, MessageBatch(batch.kind, batch.sent, channel, batch.payload, row, due, copy)))
        return pieces

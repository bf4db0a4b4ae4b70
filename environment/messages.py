"""Messages in columns: kinds with their units, batches of envelopes apart from payloads, and the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import MessageError
from .keys import Keys
from .remembered import Remembered, fixed
from .topology.channels import Link

__all__ = ["Field", "Kind", "MessageBatch", "Outbox"]

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Field:
    """One named part of a payload: `width` numbers in `unit` ("1" for a plain number), each at least `low`, at most `high`.

    Receivers refuse what is outside, and of a field that counts also what is not `whole`.
    """

    name: str
    width: int
    unit: str
    low: float = -1e15
    high: float = 1e15
    whole: bool = False

    def __post_init__(self) -> None:
        if self.width < 1:
            raise MessageError(f"field {self.name!r} has width {self.width}; wanted at least 1")
        if not self.low <= self.high:
            raise MessageError(f"field {self.name!r} has low = {self.low}, high = {self.high}; wanted low <= high")


@dataclass(frozen=True)
class Kind:
    """What may be said: a name, the links that may carry it, and the fields of its payload.

    Messages are counted, and chosen by faults, under `labels`: one for each sort of balance that a channel may be about
    (``Channels.about``), several of which may share one. Without labels all go by the name of the kind.

    >>> bid = Kind("bid", (Link.UP,), (Field("x", 24, "kW"), Field("round", 1, "1")))
    >>> bid.width, bid.part("round")
    (25, slice(24, 25, None))
    """

    name: str
    links: tuple[Link, ...]
    fields: tuple[Field, ...]
    labels: tuple[str, ...] = ()

    @cached_property
    def width(self) -> int:
        """Numbers in one payload."""
        return sum(field.width for field in self.fields)

    @cached_property
    def _parts(self) -> dict[str, slice]:
        ends = np.cumsum([0, *(field.width for field in self.fields)]).tolist()
        return {field.name: slice(a, b) for field, a, b in zip(self.fields, ends[:-1], ends[1:], strict=True)}

    @cached_property
    def low(self) -> Floats:
        """(width,): the least that each number of a payload can truly be."""
        return self._each([field.low for field in self.fields])

    @cached_property
    def high(self) -> Floats:
        """(width,): the most that each number of a payload can truly be."""
        return self._each([field.high for field in self.fields])

    @cached_property
    def whole(self) -> npt.NDArray[np.bool_]:
        """(width,): which numbers of a payload count, and so are whole."""
        return self._each([field.whole for field in self.fields])

    def _each(self, of_field: Sequence[Any]) -> npt.NDArray[Any]:
        return np.repeat(np.array(of_field), [field.width for field in self.fields])

    def has(self, name: str) -> bool:
        """Tell whether the payload has a field of this name."""
        return name in self._parts

    def part(self, name: str) -> slice:
        """Return the payload columns of a field."""
        try:
            return self._parts[name]
        except KeyError:
            raise MessageError(f"kind {self.name!r} has no field {name!r}; it has {', '.join(self._parts)}") from None


@dataclass(frozen=True)
class MessageBatch:
    """Many messages of one kind, sent in one tick: what an outbox makes and what a memory hears.

    Attributes
    ----------
    kind, sent : shared by all
    channel : (n,) int32, hence sender and receiver; ascending
    payload : (rows, kind.width) float64, shared and never written to
    row : (n,) integers, the payload row of each message; None: message k has row k
    due : (n,) int32, the tick at which each arrives; None: the tick after `sent`
    copy : (n,) uint64, 0 for an original, else which copy it is; None: all are originals
    """

    kind: Kind
    sent: int
    channel: Ints
    payload: Floats
    row: npt.NDArray[np.integer] | None = None
    due: Ints | None = None
    copy: Keys | None = None

    def __len__(self) -> int:
        return len(self.channel)

    @property
    def values(self) -> Floats:
        """(n, kind.width): the payload of each message."""
        return self.payload if self.row is None else self.payload[self.row]

    @property
    def due_ticks(self) -> Ints:
        """(n,) int32: the tick at which each message arrives."""
        return np.full(len(self), self.sent + 1, dtype=np.int32) if self.due is None else self.due

    @property
    def copies(self) -> Keys:
        """(n,) uint64: which copy each message is, 0 for an original."""
        return np.zeros(len(self), dtype=np.uint64) if self.copy is None else self.copy

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.integer] | slice) -> MessageBatch:
        """Return the messages picked by a mask, a slice or positions (repeats allowed): payloads stay where they are."""
        if isinstance(which, slice):
            which = np.arange(len(self))[which]
        at: Any = which.nonzero()[0] if which.dtype == np.bool_ else which  # positions are faster than masks
        return MessageBatch(
            self.kind,
            self.sent,
            self.channel.take(at),
            self.payload,
            at if self.row is None else self.row.take(at),
            None if self.due is None else self.due.take(at),
            None if self.copy is None else self.copy.take(at),
        )

    def sound(self) -> npt.NDArray[np.bool_]:
        """Tell which messages a receiver can believe: finite, in the declared range of every field, and whole where it counts."""
        kind, values = self.kind, self.values
        good = ((values >= kind.low) & (values <= kind.high)).all(axis=1)  # NaN fails both
        if kind.whole.any():
            counts = values[:, kind.whole]
            good &= (counts == np.floor(counts)).all(axis=1)
        return np.asarray(good)

    @staticmethod
    def join(parts: Sequence[MessageBatch]) -> MessageBatch:
        """Put batches of one kind together, by channel, as they were said: nothing has happened to any of them yet.

        Payload blocks are stacked only where the parts do not share one.
        """
        if len(parts) == 1:
            return parts[0]
        first = parts[0]
        shared = all(part.payload is first.payload for part in parts)
        offset = np.cumsum([0, *(0 if shared else len(part.payload) for part in parts[:-1])])
        order, channel = _merged(*(part.channel for part in parts))
        row: npt.NDArray[np.integer] = order  # stacked payloads lie as the channels did
        if shared or any(part.row is not None for part in parts):
            rows = [(np.arange(len(p)) if p.row is None else p.row) + a for p, a in zip(parts, offset, strict=True)]
            row = np.concatenate(rows).astype(np.int32)[order]
        payload = first.payload if shared else np.concatenate([part.payload for part in parts])
        return MessageBatch(first.kind, first.sent, channel, payload, row)


_LARGE = 2_048
"""Messages of a batch, on average, from which on batches of one kind are not joined.

Measured: joining costs less than what a batch more costs later (some 20 us) up to about so many messages of 25 numbers.
"""


def _find_order(channel: Ints) -> Ints | None:
    """Return what sorts channels; None where they ascend already."""
    if len(channel) < 2 or (channel[1:] > channel[:-1]).all():
        return None
    return fixed(np.argsort(channel, kind="stable").astype(np.int32))


def _merge(*channels: Ints) -> tuple[Ints, Ints]:
    """Return what sorts channels put one after the other, and them sorted."""
    channel = np.concatenate(channels)
    order = np.argsort(channel, kind="stable").astype(np.int32)
    return fixed(order), fixed(channel[order])


def _meet_nowhere(*channels: Ints) -> bool:
    """Tell whether no channel is there twice."""
    channel = np.sort(np.concatenate(channels), kind="stable")  # merges what ascends
    return bool((channel[1:] > channel[:-1]).all())


# Roles speak on the same channels tick after tick; only those that are silent, and asked again, differ.
_order: Remembered[Ints | None] = Remembered(_find_order)
_merged: Remembered[tuple[Ints, Ints]] = Remembered(_merge)
_disjoint: Remembered[bool] = Remembered(_meet_nowhere)
_picked: Remembered[npt.NDArray[Any]] = Remembered(lambda array, order: fixed(array[order]))
_range: Remembered[tuple[int, int]] = Remembered(lambda row: (int(row.min()), int(row.max())))


class Outbox:
    """What is said in one tick, before any fault. The order of speaking makes no difference: `batches` is in one fixed order."""

    def __init__(self, tick: int) -> None:
        self.tick = tick
        self._said: dict[str, list[MessageBatch]] = {}

    def send(self, kind: Kind, channel: Ints, payload: Floats, row: npt.NDArray[np.integer] | None = None) -> None:
        """Say one message on each channel.

        Parameters
        ----------
        kind
        channel : (n,) int32
        payload : (rows, kind.width) float64; not to be changed afterwards
        row : (n,) integers, the payload row of each message, so that a broadcast is stored once; None: row k for channel k

        Raises
        ------
        MessageError
            The payload has another width than its kind or not one row for each message, or another kind of this name
            was said before.
        """
        if not len(channel):
            return
        if payload.ndim != 2 or payload.shape[1] != kind.width:
            raise MessageError(f"payload of shape {payload.shape} for kind {kind.name!r}: wanted (rows, {kind.width})")
        if row is None and len(payload) != len(channel):
            raise MessageError(f"{len(payload)} payload rows for {len(channel)} messages of kind {kind.name!r}")
        if row is not None and len(row) != len(channel):
            raise MessageError(f"{len(row)} row numbers for {len(channel)} messages of kind {kind.name!r}")
        first, last = (0, -1) if row is None else _range(row)
        if first < 0 or last >= len(payload):
            bad = first if first < 0 else last
            raise MessageError(f"kind {kind.name!r} has no payload row {bad}: wanted 0 to {len(payload) - 1}")
        said = self._said.setdefault(kind.name, [])
        if said and said[0].kind != kind:
            raise MessageError(f"two kinds are called {kind.name!r}: {said[0].kind} and {kind}")
        order = _order(channel)
        if order is not None:
            channel, row = _picked(channel, order), order if row is None else _picked(row, order)
        said.append(MessageBatch(kind, self.tick, channel, payload, row))

    def batches(self) -> list[MessageBatch]:
        """Return what was said, kinds by name: one batch a kind, messages by channel.

        Large batches stay apart, in the order of their first channels: joined, all their payloads would be copied.
        """
        said: list[MessageBatch] = []
        for name in sorted(self._said):
            parts = self._said[name]
            large = len(parts) > 1 and sum(map(len, parts)) >= _LARGE * len(parts)
            if large and _disjoint(*(part.channel for part in parts)):
                said += sorted(parts, key=lambda part: int(part.channel[0]))
            else:
                said.append(MessageBatch.join(parts))
        return said

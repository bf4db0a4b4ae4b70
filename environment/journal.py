"""The journal: what was said, what became of it, and the proof that no message was created or lost on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from .envelopes import Envelopes
from .errors import ConservationError
from .messages import MessageBatch

__all__ = ["Event", "Fate", "Journal"]


class Fate(StrEnum):
    """What became of a message. `SENT` and `COPIED` put messages into the world, the others take them out; `LATE` only tells."""

    SENT = "sent"
    COPIED = "copied"
    DELIVERED = "delivered"
    LOST = "lost"
    STOPPED = "stopped"
    STALE = "stale"
    REFUSED = "refused"
    LATE = "late"


_INTO = (Fate.SENT, Fate.COPIED)
_OUT = (Fate.DELIVERED, Fate.LOST, Fate.STOPPED, Fate.STALE, Fate.REFUSED)


@dataclass(frozen=True)
class Event:
    """What became of some messages in one tick.

    Attributes
    ----------
    fate : None for those that went on their way
    reason : the name of a fault, or ""
    batch
    """

    fate: Fate | None
    reason: str
    batch: MessageBatch


class Journal:
    """Counts by tick, kind, fate and reason; on request every message too.

    Attributes
    ----------
    totals : Counter over `Fate`
    rows : list of (tick, kind, fate, reason, count), the reason being the name of the fault, or ""
    said, heard : with ``keep_messages``, every batch accepted and every (tick, batch) delivered, in order
    events : what became of each message since somebody emptied the list; None, and at no cost, unless somebody wants it
    """

    def __init__(self, *, keep_messages: bool = False) -> None:
        self.totals: Counter[Fate] = Counter()
        self.by_kind: Counter[tuple[str, Fate]] = Counter()
        self.rows: list[tuple[int, str, Fate, str, int]] = []
        self.keep_messages = keep_messages
        self.said: list[MessageBatch] = []
        self.heard: list[tuple[int, MessageBatch]] = []
        self.events: list[Event] | None = None

    def count(self, tick: int, kind: str, fate: Fate, number: int, reason: str = "") -> None:
        """Note that `number` messages of a kind met a fate in this tick."""
        if number:
            self.totals[fate] += number
            self.by_kind[kind, fate] += number
            self.rows.append((tick, kind, fate, reason, number))

    def count_change(self, tick: int, before: Envelopes, after: Envelopes, fate: Fate, reason: str) -> None:
        """Note which messages a fault took away, by the fate they met, and how many copies it added."""
        for kind, more, less in _changes(before, after):
            self.count(tick, kind, Fate.COPIED, more, reason)
            self.count(tick, kind, fate, less, reason)
        if self.events is not None:
            for k in range(len(before.batches)):
                self.tell_change(before.piece(k), after.piece(k), fate, reason)

    def tell(self, fate: Fate | None, batch: MessageBatch, reason: str = "") -> None:
        """Note which messages met a fate, where somebody wants to know."""
        if self.events is not None and len(batch):
            self.events.append(Event(fate, reason, batch))

    def tell_change(self, before: MessageBatch, after: MessageBatch, fate: Fate, reason: str) -> None:
        """Note which messages a fault took away."""
        if self.events is not None and after is not before:
            self.tell(fate, before.take(_missing(before, after)), reason)

    def check(self, tick: int, in_flight: int) -> None:
        """Compare what went in with what came out and with what the calendar holds.

        Parameters
        ----------
        tick
        in_flight : messages counted in the calendar, not inferred from the other numbers

        Raises
        ------
        ConservationError
            sent + copied differs from delivered + lost + stopped + stale + refused + in flight.
        """
        into = sum(self.totals[fate] for fate in _INTO)
        out = sum(self.totals[fate] for fate in _OUT)
        if into != out + in_flight:
            seen = ", ".join(f"{fate} {self.totals[fate]}" for fate in (*_INTO, *_OUT))
            raise ConservationError(
                f"tick {tick}: {seen}, in flight {in_flight}: {into} went in, {out + in_flight} are accounted for"
            )


def _changes(before: Envelopes, after: Envelopes) -> list[tuple[str, int, int]]:
    """Return, batch by batch, the kind, how many messages were added and how many taken away."""
    if after.channel is before.channel:
        return []
    if before.distinct and after.distinct:
        copies = after.copied - before.copied
        originals = after.sizes - before.sizes - copies
        more, less = (np.maximum(f * copies, 0) + np.maximum(f * originals, 0) for f in (1, -1))
    else:  # a copy that bears no mark of its own can only be told by its channel
        more, less = np.transpose([_by_channel(before, after, k) for k in range(len(before.batches))])
    kinds = [batch.kind.name for batch in before.batches]
    return list(zip(kinds, more.tolist(), less.tolist(), strict=True))


def _by_channel(before: Envelopes, after: Envelopes, number: int) -> tuple[int, int]:
    """Return how many more messages of a batch channels carry, and how many less others do."""
    was, now = (envelopes.channel[envelopes.slices[number]] for envelopes in (before, after))
    size = max(was.max(initial=-1), now.max(initial=-1)) + 1
    change = np.bincount(now, minlength=size) - np.bincount(was, minlength=size)
    return int(change[change > 0].sum()), int(-change[change < 0].sum())


def _missing(before: MessageBatch, after: MessageBatch) -> npt.NDArray[np.bool_]:
    """(n,): which messages of the one batch are not in the other, by channel and copy."""
    if before.copy is None and after.copy is None:
        return ~np.isin(before.channel, after.channel)
    n = len(before)
    channel = np.concatenate([before.channel, after.channel])
    none = [np.zeros(len(b), dtype=np.uint64) if b.copy is None else b.copy for b in (before, after)]
    copy = np.concatenate(none)
    order = np.lexsort((np.arange(len(channel)) >= n, copy, channel))
    same = (channel[order][1:] == channel[order][:-1]) & (copy[order][1:] == copy[order][:-1])
    found = np.zeros(len(channel), dtype=bool)
    found[order[:-1][same]] = True
    return ~found[:n]

"""The journal: what was said, what became of it, and the proof that no message was created or lost on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

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
    """Counts by tick, label, fate and reason; on request every message too.

    Attributes
    ----------
    totals : Counter over `Fate`
    by_label : Counter over (label, `Fate`); the label is the name of a kind, or what `Kind.labels` says instead
    rows : list of (tick, label, fate, reason, count), the reason being the name of the fault, or ""
    said, heard : with ``keep_messages``, every batch accepted and every (tick, batch) delivered, in order
    events : what became of each message since the list was last emptied; None, and at no cost, unless it is asked for
    """

    def __init__(self, *, keep_messages: bool = False) -> None:
        self.totals: Counter[Fate] = Counter()
        self.by_label: Counter[tuple[str, Fate]] = Counter()
        self.rows: list[tuple[int, str, Fate, str, int]] = []
        self.keep_messages = keep_messages
        self.said: list[MessageBatch] = []
        self.heard: list[tuple[int, MessageBatch]] = []
        self.events: list[Event] | None = None

    def count(self, tick: int, label: str, fate: Fate, number: int, reason: str = "") -> None:
        """Note that `number` messages of a label met a fate in this tick."""
        if number:
            self.totals[fate] += number
            self.by_label[label, fate] += number
            self.rows.append((tick, label, fate, reason, number))

    def tell(self, fate: Fate | None, batch: MessageBatch, reason: str = "") -> None:
        """Note which messages met a fate, if that is asked for."""
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

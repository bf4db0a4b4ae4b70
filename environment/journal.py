"""The journal: what was said, what became of it, and the proof that no message was created or lost on the way."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from .errors import ConservationError
from .messages import MessageBatch

__all__ = ["Fate", "Journal"]


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


class Journal:
    """Counts by tick, kind, fate and reason; on request every message too.

    Attributes
    ----------
    totals : Counter over `Fate`
    rows : list of (tick, kind, fate, reason, count), the reason being the name of the fault, or ""
    said, heard : with ``keep_messages``, every batch accepted and every (tick, batch) delivered, in order
    """

    def __init__(self, *, keep_messages: bool = False) -> None:
        self.totals: Counter[Fate] = Counter()
        self.by_kind: Counter[tuple[str, Fate]] = Counter()
        self.rows: list[tuple[int, str, Fate, str, int]] = []
        self.keep_messages = keep_messages
        self.said: list[MessageBatch] = []
        self.heard: list[tuple[int, MessageBatch]] = []

    def count(self, tick: int, kind: str, fate: Fate, number: int, reason: str = "") -> None:
        """Note that `number` messages of a kind met a fate in this tick."""
        if number:
            self.totals[fate] += number
            self.by_kind[kind, fate] += number
            self.rows.append((tick, kind, fate, reason, number))

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

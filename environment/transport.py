"""The transport: accept what is said, let the faults act, keep it in flight, deliver what is due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from .code import Culprit
from .envelopes import Envelopes
from .errors import FaultCodeError, MessageError
from .faults import Fault, FaultSchedule, Stage
from .journal import Fate, Journal
from .labels import Labels
from .messages import Kind, MessageBatch, Outbox
from .remembered import Remembered, fixed
from .topology.channels import Link
from .topology.topology import Topology

__all__ = ["Transport"]


class Transport:
    """Carries messages over a topology; every one takes at least one tick.

    Parameters
    ----------
    topology
    kinds : the kinds that a protocol declares
    faults : in any order; each acts at its own stage (see `faults.Stage`)
    seed : of every draw
    journal : filled on the way
    check : verify at every tick that no message was created or lost

    Raises
    ------
    FaultError
        A fault names an agent, channel or kind that is not there, or two faults share a name.
    """

    def __init__(
        self,
        topology: Topology,
        kinds: Iterable[Kind],
        faults: Sequence[Fault] = (),
        *,
        seed: int = 0,
        journal: Journal | None = None,
        check: bool = True,
    ) -> None:
        self.topology = topology
        self.kinds = {kind.name: kind for kind in kinds}
        self.schedule = FaultSchedule(faults, topology, tuple(self.kinds.values()), seed)
        self.labels = Labels(topology, tuple(self.kinds.values()))
        self.journal = Journal() if journal is None else journal
        self.check = check
        self._carried = {kind.name: fixed(np.isin(list(Link), kind.links)) for kind in self.kinds.values()}
        self._calendar: dict[int, list[MessageBatch]] = {}

    @property
    def in_flight(self) -> int:
        """Messages accepted and not yet due."""
        return sum([len(batch.channel) for batches in self._calendar.values() for batch in batches])

    @property
    def last_due(self) -> int:
        """The last tick in which anything is due that is in flight, -1 if nothing is."""
        return max(self._calendar, default=-1)

    def accept(self, outbox: Outbox) -> None:
        """Take what was said in a tick, let the sending faults act on it, and enter it at its due ticks.

        Raises
        ------
        MessageError
            A channel that does not exist or may not carry the kind, or two messages of one kind on one channel.
        FaultError
            A fault makes a message arrive before the next tick.
        """
        batches = outbox.batches()
        for batch in batches:
            self._check_entitled(batch)
            self.count(batch.sent, batch, Fate.SENT)
            if self.journal.keep_messages:
                self.journal.said.append(batch)
            self.journal.tell(Fate.SENT, batch)
        if batches:
            self._send(batches, outbox.tick)
        if self.check:
            self.journal.check(outbox.tick, self.in_flight)

    def deliver(self, tick: int) -> list[MessageBatch]:
        """Return what is due, minus what a fault stops on arrival: kinds by name, within a kind the oldest first."""
        arrived = sorted(self._calendar.pop(tick, []), key=lambda batch: (batch.kind.name, batch.sent))
        if arrived and self.schedule.at_delivery:
            left = self._afflicted(Envelopes.of(arrived), self.schedule.at_delivery, tick, Fate.STOPPED)
            arrived = arrived if left is None else left.pieces()
        if self.journal.keep_messages:
            self.journal.heard += [(tick, batch) for batch in arrived]
        return arrived

    def count(self, tick: int, batch: MessageBatch, fate: Fate, reason: str = "") -> None:
        """Note in the journal, by label, that all messages of a batch met a fate in this tick."""
        for label, number in self.labels.count(batch.kind, batch.channel).items():
            self.journal.count(tick, label, fate, number, reason)

    def _send(self, batches: Sequence[MessageBatch], tick: int) -> None:
        """Let the sending faults act on what was said, and enter what is left."""
        found, late = [(tick + 1, batch) for batch in batches], Counter[str]()
        if self.schedule.at_send:
            left = self._afflicted(Envelopes.of(batches), self.schedule.at_send, tick, Fate.LOST)
            if left is not None:
                found = left.by_due()
                late.update(self.labels.total(left) if left.due is not None else ())
                batches = left.pieces() if self.journal.events is not None else ()
        for batch in batches:
            self.journal.tell(None, batch)
        for due, batch in found:
            self._enter(due, batch)
            if late and due == tick + 1:
                late.subtract(self.labels.count(batch.kind, batch.channel))
        for label, number in late.items():
            self.journal.count(tick, label, Fate.LATE, number)

    def _enter(self, due: int, batch: MessageBatch) -> None:
        """Keep messages until they are due."""
        self._calendar.setdefault(due, []).append(batch)

    def _afflicted(self, envelopes: Envelopes, faults: Iterable[Fault], tick: int, end: Fate) -> Envelopes | None:
        """Return the messages that faults leave, and note in the journal what became of the others.

        None if nothing happened to any. Nobody else holds `envelopes`, so that what one fault has dealt with is gone from
        memory when the next one acts.
        """
        touched = False
        for fault in faults:
            after = self.schedule.apply(fault, envelopes, tick)
            if after is not envelopes:
                self._note(tick, envelopes, after, end, fault)
                _check(envelopes, after, fault, tick)
                envelopes, touched = after, True
        return envelopes if touched else None

    def _note(self, tick: int, before: Envelopes, after: Envelopes, end: Fate, fault: Fault) -> None:
        """Note in the journal what a fault took away and what it added."""
        for label, more, less in self.labels.changes(before, after):
            self.journal.count(tick, label, Fate.COPIED, more, fault.name)
            self.journal.count(tick, label, end, less, fault.name)
        if self.journal.events is not None:
            for k in range(len(before.batches)):
                self.journal.tell_change(before.piece(k), after.piece(k), end, fault.name)

    def _check_entitled(self, batch: MessageBatch) -> None:
        channels, channel = self.topology.channels, batch.channel
        kind = batch.kind
        known = self.kinds.get(kind.name)
        if known is not kind and known != kind:  # comparing all fields takes longer
            raise MessageError(f"kind {kind.name!r} is not one of this protocol's: {', '.join(self.kinds)}")
        if channel[0] < 0 or channel[-1] >= len(channels):
            bad = channel[0] if channel[0] < 0 else channel[-1]
            raise MessageError(f"{kind.name!r} on channel {bad}: this topology has channels 0 to {len(channels) - 1}")
        if _twice(channel):
            twice = channel[1:] == channel[:-1]
            c = int(channel[int(np.argmax(twice))])
            raise MessageError(
                f"two messages of kind {kind.name!r} in tick {batch.sent} on {self._channel_name(c)}: one is allowed"
            )
        if not _all_in(self._carried[kind.name], channels.link, channel):
            wrong = ~np.isin(channels.link[channel], kind.links)
            c = int(channel[int(np.argmax(wrong))])
            raise MessageError(f"kind {kind.name!r} may not travel on {self._channel_name(c)}")

    def _channel_name(self, channel: int) -> str:
        c = self.topology.channels
        return f"{self.topology.name(int(c.sender[channel]))} -> {self.topology.name(int(c.receiver[channel]))}"


_all_in: Remembered[bool] = Remembered(lambda allowed, link, channel: bool(allowed.take(link.take(channel)).all()))
_twice: Remembered[bool] = Remembered(lambda channel: bool((channel[1:] == channel[:-1]).any()))


def _check(before: Envelopes, after: Envelopes, fault: Fault, tick: int) -> None:
    """Refuse what a fault of this stage may not do to messages, and what would not be noticed later.

    Raises
    ------
    FaultCodeError
        A message is due before the next tick, or says something else though receivers are not told to look twice.
    """
    due, kind, method = after.due, type(fault), Stage(fault.stage).calls
    wrong = ""
    if fault.stage < Stage.PARTITION and due is not None and len(due) and due.min() <= tick:
        wrong = f"a message sent in tick {tick} is due in tick {due.min()}; wanted {tick + 1} or later"
    elif fault.stage is not Stage.CORRUPTION and any(
        new.payload is not old.payload for old, new in zip(before.batches, after.batches, strict=True)
    ):
        wrong = f"{kind.__name__}.{method} rewrites messages; only a fault of stage CORRUPTION may, so that receivers look twice"
    if wrong:
        raise FaultCodeError(f"fault {fault.name!r}: {wrong}", Culprit.of(kind, method, f"fault {fault.name!r}"))

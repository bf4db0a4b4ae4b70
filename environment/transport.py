"""The transport: accept what is said, let the faults act, keep it in flight, deliver what is due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from .channels import Link
from .envelopes import Mail
from .errors import FaultError, MessageError
from .faults import Fault, FaultSchedule
from .journal import Fate, Journal
from .messages import Kind, MessageBatch, Outbox
from .remembered import Remembered, fixed
from .topology import Topology

__all__ = ["Transport"]

_MANY = 50_000
"""Messages of a tick up to which all kinds go through the faults together."""


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
        self.schedule = FaultSchedule(faults, topology, tuple(self.kinds), seed)
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
            self.journal.count(batch.sent, batch.kind.name, Fate.SENT, len(batch))
            if self.journal.keep_messages:
                self.journal.said.append(batch)
            self.journal.tell(Fate.SENT, batch)
        for batch in [Mail.of(batches)] if self._alike(batches) else batches:
            for fault in self.schedule.at_send:
                before = batch
                batch = self.schedule.apply_send(fault, batch)
                self._note(outbox.tick, before, batch, Fate.LOST, fault)
                _check_due(batch, fault)
            self.journal.tell(None, batch)
            self._enter(batch)
        if self.check:
            self.journal.check(outbox.tick, self.in_flight)

    def deliver(self, tick: int) -> list[MessageBatch]:
        """Return what is due, minus what a fault stops on arrival: kinds by name, within a kind the oldest first."""
        due = self._calendar.pop(tick, [])
        arrived: list[MessageBatch] = []
        for batch in sorted(due, key=lambda b: (b.kind.name, b.sent)):
            for fault in self.schedule.at_delivery:
                before = batch
                batch = self.schedule.apply_deliver(fault, batch, tick)
                self._note(tick, before, batch, Fate.STOPPED, fault)
            if len(batch):
                arrived.append(batch)
                if self.journal.keep_messages:
                    self.journal.heard.append((tick, batch))
        return arrived

    def _alike(self, batches: Sequence[MessageBatch]) -> bool:
        """Tell whether the faults may be given all kinds at once, and whether that is faster."""
        # Of many messages each kind is better handled while it is in the processor's cache.
        few = len(batches) > 1 and sum(map(len, batches)) < _MANY
        return few and self.journal.events is None and self.schedule.any_kind

    def _note(self, tick: int, before: MessageBatch, batch: MessageBatch, end: Fate, fault: Fault) -> None:
        self.journal.tell_change(before, batch, end, fault.name)
        if isinstance(before, Mail) and isinstance(batch, Mail):
            if len(batch) != len(before):
                for part, number in zip(before.batches, (batch.sizes - before.sizes).tolist(), strict=True):
                    self.journal.count(tick, part.kind.name, Fate.COPIED, max(number, 0), fault.name)
                    self.journal.count(tick, part.kind.name, end, max(-number, 0), fault.name)
            return
        change = len(batch) - len(before)
        more, less = max(change, 0), max(-change, 0)
        if batch is not before and not type(fault).__module__.startswith(__package__):
            # A fault of this package drops or copies; a user's may do both in one call.
            channels = len(self.topology.channels)
            each = np.bincount(batch.channel, minlength=channels) - np.bincount(before.channel, minlength=channels)
            more, less = int(each[each > 0].sum()), int(-each[each < 0].sum())
        self.journal.count(tick, batch.kind.name, Fate.COPIED, more, fault.name)
        self.journal.count(tick, batch.kind.name, end, less, fault.name)

    def _enter(self, batch: MessageBatch) -> None:
        if not len(batch):
            return
        late: Counter[str] = Counter()
        for due, part in batch.split():
            self._calendar.setdefault(due, []).append(part)
            if due > batch.sent + 1:
                late[part.kind.name] += len(part)
        for kind, number in late.items():
            self.journal.count(batch.sent, kind, Fate.LATE, number)

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


def _check_due(batch: MessageBatch, fault: Fault) -> None:
    if batch.due is not None and len(batch) and batch.due.min() <= batch.sent:
        raise FaultError(
            f"fault {fault.name!r}: a message sent in tick {batch.sent} is due in tick {batch.due.min()}; "
            f"wanted {batch.sent + 1} or later"
        )

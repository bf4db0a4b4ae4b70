"""A fault under test, and the messages that it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..environment import Kind, MessageBatch, Topology
from ..environment.envelopes import Envelopes
from ..environment.faults import Chance, Fault, FaultSchedule, Stage
from .error import ConformanceError

__all__ = ["FaultSubject", "columns_of", "copied"]

TICKS = 12
"""Ticks in which a fault is tried, from the start of its window."""


@dataclass(frozen=True)
class FaultSubject:
    """A fault under test, and the messages that it is given."""

    fault: Fault
    topology: Topology
    kinds: Sequence[Kind]
    seed: int

    @property
    def sends(self) -> bool:
        """Whether it acts when messages are sent, rather than when they arrive."""
        return self.fault.stage < Stage.PARTITION

    @cached_property
    def schedule(self) -> FaultSchedule:
        """The fault in its scope, as a transport would have it."""
        return FaultSchedule([self.fault], self.topology, self.kinds, self.seed)

    @cached_property
    def trials(self) -> list[Envelopes]:
        """By tick, messages of every kind on every channel that may carry it, plain and as other faults leave them."""
        rng = np.random.default_rng(self.seed)
        made = []
        for age in range(TICKS):
            said = []
            for kind in self.kinds:
                channel = np.flatnonzero(np.isin(self.topology.channels.link, kind.links)).astype(np.int32)
                if len(channel):
                    payload = rng.standard_normal((len(channel), kind.width))
                    plain = MessageBatch(kind, self.fault.start + age, channel, payload)
                    said.append(_used(plain, rng) if age % 3 == 2 else plain)
            made.append(Envelopes.of(said))
        return made

    def act(self, given: Envelopes, schedule: FaultSchedule | None = None) -> Envelopes:
        """Let the fault act on a copy of some messages, and return what it gives back, once it is envelopes at all.

        Raises
        ------
        ConformanceError
            Of the check `gives_back_envelopes`, whoever asks.
        """
        return self.act_on(copied(given), schedule)

    def act_on(self, given: Envelopes, schedule: FaultSchedule | None = None) -> Envelopes:
        """Do the same with the envelopes themselves."""
        schedule = self.schedule if schedule is None else schedule
        schedule.memory.clear()  # every tick is the first: what it remembers of others is not what is checked here
        tick = self.fault.start if not len(given) else int(given.sent[0]) + (0 if self.sends else 1)
        try:
            after = schedule.apply(self.fault, given, tick)
        except Exception as error:
            raise self.error("gives_back_envelopes", given, f"{type(error).__name__}: {error}", "envelopes") from error
        if [(b.kind, b.sent) for b in after.batches] != [(b.kind, b.sent) for b in given.batches]:
            got = f"messages of {len(after.batches)} batches"
            raise self.error("gives_back_envelopes", given, got, "the same kinds and ticks, in their order")
        sizes = {name: len(column) for name, column in columns_of(after).items() if column is not None}
        parts = sizes.pop("start"), int(after.start[-1])
        if set(sizes.values()) != {len(after)} or parts != (len(given.batches) + 1, len(after)):
            got = f"{sizes} values, for {parts[1]} messages in {parts[0] - 1} batches"
            raise self.error("gives_back_envelopes", given, got, "one value a message")
        rows = np.array([len(batch.payload) for batch in after.batches])
        if (after.rows >= after.each(rows)).any():
            got = f"payload rows up to {int(after.rows.max())}, where there are {rows.tolist()}"
            raise self.error("gives_back_envelopes", given, got, "a payload row for each message")
        return after

    def chance(self, given: Envelopes) -> Chance:
        """Return what the fault is handed with envelopes."""
        return Chance(self.topology, self.seed, self.fault.name, given.batches[0].sent, {})

    def acted(self) -> Iterator[tuple[Envelopes, Envelopes]]:
        """Yield all messages of a tick and what became of them."""
        for given in self.trials:
            yield given, self.act(given)

    def error(self, check: str, given: Envelopes, got: str, wanted: str) -> ConformanceError:
        """Return the error of a check."""
        told = f"{len(given)} messages sent in tick {given.batches[0].sent}, seed {self.seed}"
        return ConformanceError(check, repr(self.fault), given=told, got=got, wanted=wanted)


def _used(batch: MessageBatch, rng: np.random.Generator) -> MessageBatch:
    """Return a batch as it comes out of other faults: copies among it, late, its payload rows shared."""
    channel = np.repeat(batch.channel, 2)
    copy = np.tile(np.array([0, 12345], dtype=np.uint64), len(batch))
    row = np.repeat(rng.permutation(len(batch)), 2).astype(np.int32)
    due = (batch.sent + 1 + rng.integers(0, 4, len(channel))).astype(np.int32)
    return replace(batch, channel=channel, row=row, due=due, copy=copy)


def copied(given: Envelopes) -> Envelopes:
    """Return the same messages in arrays of their own."""

    def own(messages: Any) -> Any:
        columns = columns_of(messages).items()
        return replace(messages, **{name: None if column is None else column.copy() for name, column in columns})

    return replace(own(given), batches=[own(batch) for batch in given.batches])


def columns_of(messages: Envelopes | MessageBatch) -> dict[str, Any]:
    """Return the columns of some messages, by name."""
    names = ("start",) if isinstance(messages, Envelopes) else ("payload",)
    return {name: getattr(messages, name) for name in (*names, "channel", "row", "due", "copy")}

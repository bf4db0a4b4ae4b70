"""A fault under test, and the messages that it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..environment import Kind, MessageBatch, Topology
from ..environment.faults import Chance, Fault, FaultSchedule, Stage
from .error import ConformanceError

__all__ = ["FaultSubject", "columns_of"]

TICKS = 12
"""Ticks in which a fault is tried, from the start of its window."""


@dataclass(frozen=True)
class FaultSubject:
    """A fault under test, and the batches that it is given."""

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
        return FaultSchedule([self.fault], self.topology, [kind.name for kind in self.kinds], self.seed)

    @cached_property
    def batches(self) -> list[MessageBatch]:
        """Messages of every kind on every channel that may carry it, plain and as other faults leave them."""
        rng = np.random.default_rng(self.seed)
        made = []
        for age in range(TICKS):
            for kind in self.kinds:
                channel = np.flatnonzero(np.isin(self.topology.channels.link, kind.links)).astype(np.int32)
                if len(channel):
                    payload = rng.standard_normal((len(channel), kind.width))
                    plain = MessageBatch(kind, self.fault.start + age, channel, payload)
                    made.append(_used(plain, rng) if age % 3 == 2 else plain)
        return made

    def act(self, batch: MessageBatch, schedule: FaultSchedule | None = None) -> MessageBatch:
        """Let the fault act on a copy of a batch, and return what it gives back, once it is a batch at all.

        Raises
        ------
        ConformanceError
            Of the check `gives_back_a_batch`, whoever asks.
        """
        columns: dict[str, Any] = {
            name: None if column is None else column.copy() for name, column in columns_of(batch).items()
        }
        return self.act_on(replace(batch, **columns), schedule)

    def act_on(self, batch: MessageBatch, schedule: FaultSchedule | None = None) -> MessageBatch:
        """Do the same with the batch itself."""
        schedule = self.schedule if schedule is None else schedule
        schedule.memory.clear()  # every batch is the first: what it remembers of others is not what is checked here
        act: Callable[..., Any] = schedule.apply_send if self.sends else schedule.apply_deliver
        at = () if self.sends else (batch.sent + 1,)
        try:
            after = act(self.fault, batch, *at)
        except Exception as error:
            raise self.error("gives_back_a_batch", batch, f"{type(error).__name__}: {error}", "a batch") from error
        if not isinstance(after, MessageBatch):
            raise self.error("gives_back_a_batch", batch, repr(after), "a MessageBatch")
        if after.kind != batch.kind or after.sent != batch.sent:
            got = f"messages {after.kind.name!r} sent in tick {after.sent}"
            raise self.error("gives_back_a_batch", batch, got, "the same kind and tick")
        sizes = {name: len(v) for name, v in columns_of(after).items() if name != "payload" and v is not None}
        rows = np.arange(len(after)) if after.row is None else after.row
        if set(sizes.values()) != {len(after)} or (len(rows) and rows.max() >= len(after.payload)):
            got = f"{sizes} values, {len(after.payload)} payload rows"
            raise self.error("gives_back_a_batch", batch, got, "one value a message, and a payload row for each")
        return after

    def chance(self, batch: MessageBatch) -> Chance:
        """Return what the fault is handed with a batch."""
        return Chance(self.topology.channels.key, self.seed, self.fault.name, batch.sent, {})

    def acted(self) -> Iterator[tuple[MessageBatch, MessageBatch]]:
        """Yield every batch and what became of it."""
        for batch in self.batches:
            yield batch, self.act(batch)

    def error(self, check: str, batch: MessageBatch, got: str, wanted: str) -> ConformanceError:
        """Return the error of a check."""
        given = f"{len(batch)} messages {batch.kind.name!r} sent in tick {batch.sent}, seed {self.seed}"
        return ConformanceError(check, repr(self.fault), given=given, got=got, wanted=wanted)


def _used(batch: MessageBatch, rng: np.random.Generator) -> MessageBatch:
    """Return a batch as it comes out of other faults: copies among it, late, its payload rows shared."""
    channel = np.repeat(batch.channel, 2)
    copy = np.tile(np.array([0, 12345], dtype=np.uint64), len(batch))
    row = np.repeat(rng.permutation(len(batch)), 2).astype(np.int32)
    due = (batch.sent + 1 + rng.integers(0, 4, len(channel))).astype(np.int32)
    return replace(batch, channel=channel, row=row, due=due, copy=copy)


def columns_of(batch: MessageBatch) -> dict[str, Any]:
    """Return the columns of a batch, by name."""
    return {f.name: getattr(batch, f.name) for f in fields(batch) if f.name not in ("kind", "sent")}

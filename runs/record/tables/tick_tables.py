"""What a record holds of one tick, in columns: the state of all agents on one side, messages on the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ....environment import Fate, MessageBatch
from ....environment.faults import Crash, Fault, Partition
from ....environment.journal import Event
from ...judge.metrics import METRICS
from ...simulation.simulation import Simulation
from ..causality import Causality
from .column_codec import Array, Block, Packer, Steps

__all__ = ["FATES", "X_MAX", "TickReader", "column_names", "labels_of"]

TickColumns = dict[str, Array | Steps]

FATES = tuple(Fate)
X_MAX = 4096
"""Numbers beyond which the agents' proposals are not written out each tick: checkpoint and replay give them."""


class TickReader:
    """Turns each tick of a simulation into two blocks, ``state`` and ``messages``.

    Parameters
    ----------
    simulation : between two ticks; from now on its journal tells what becomes of each message
    packer : of the record

    Attributes
    ----------
    packer
    causality : numbers and causes
    """

    def __init__(self, simulation: Simulation, packer: Packer | None = None) -> None:
        self._journal = simulation.journal
        self._journal.events = []
        self._counted = len(self._journal.rows)
        self._kinds = sorted(simulation.kinds)
        self._labels = [label for label, _ in labels_of(simulation)]
        self._covers: dict[Fault, npt.NDArray[np.intp]] = {}
        self.packer = Packer(column_names(simulation)) if packer is None else packer
        self.causality = Causality(simulation.market.topology)

    def skip(self) -> None:
        """Pass over what the journal counts already: it was read before."""
        self._counted = len(self._journal.rows)

    def read(self, simulation: Simulation) -> tuple[int, int, Block, Block]:
        """Read the tick that has just ended.

        Returns
        -------
        first, since : the number of its first message, and the oldest tick from which something is on its way after it
        state, messages : blocks
        """
        tick, first = simulation.tick - 1, self.causality.number
        events, self._journal.events = self._journal.events or [], []
        messages = self._messages(events)
        since = self.causality.rest(tick, simulation.transport.schedule.asleep(tick))
        return first, since, self.packer.pack(self._state(simulation, tick)), self.packer.pack(messages)

    def _state(self, simulation: Simulation, tick: int) -> TickColumns:
        state, schedule = simulation.state, simulation.transport.schedule
        columns: TickColumns = {
            "metric": np.array([float(simulation.observer.latest[name]) for name in METRICS]),
            "round": state.round,
            "stopped": state.stopped,
            "price": state.price.ravel(),
        }
        if state.row_price is not None:
            columns["row_price"] = state.row_price.ravel()
        if sum(x.size for x in state.x) <= X_MAX:
            columns |= {f"x.{k}": x.ravel() for k, x in enumerate(state.x)}
        counts = self._journal.rows[self._counted :]
        self._counted = len(self._journal.rows)
        if counts:
            columns["count.label"] = np.array([self._labels.index(row[1]) for row in counts], dtype=np.uint8)
            columns["count.fate"] = np.array([FATES.index(row[2]) for row in counts], dtype=np.uint8)
            columns["count.reason"] = np.array([row[3] for row in counts], dtype=object)
            columns["count"] = np.array([row[4] for row in counts], dtype=np.int64)
        asleep = schedule.asleep(tick)
        if asleep is not None:
            columns["asleep"] = Steps(np.flatnonzero(asleep))
        resting = schedule.resting(tick)
        if resting is not None:
            columns["resting"] = Steps(np.flatnonzero(resting))
        cut = [
            self._covered(fault, simulation)
            for fault in schedule.faults
            if isinstance(fault, Partition | Crash) and fault.message is None and fault.active(tick)
        ]
        if cut:
            columns["cut"] = Steps(np.unique(np.concatenate(cut)))
        bad = {name: np.flatnonzero(kept["bad"]) for name, kept in sorted(schedule.memory.items()) if "bad" in kept}
        if bad:
            columns["bad.fault"] = np.array(list(bad), dtype=object)
            columns["bad.count"] = np.array([len(channel) for channel in bad.values()], dtype=np.int64)
            columns["bad.channel"] = Steps(np.concatenate(list(bad.values())))
        return columns

    def _covered(self, fault: Partition | Crash, simulation: Simulation) -> npt.NDArray[np.intp]:
        if fault not in self._covers:
            covered = fault.covers(simulation.market.topology)
            self._covers[fault] = np.empty(0, dtype=np.intp) if covered is None else np.flatnonzero(covered)
        return self._covers[fault]

    def _messages(self, events: list[Event]) -> TickColumns:
        """Return what was heard, said and lost.

        ``said.KIND.`` channel, cause (how many messages ago; 0 for none), payload (field by field) and row (where payloads
        are shared); ``way.KIND.`` what went on its way: place among what was said, late (ticks), copy; left out where it is
        everything, in the next tick, or the originals. ``end.`` what left the world in this tick, batch by batch, and
        ``gone.`` place and copy of each of these messages, for batches that are not a whole kind of a whole tick.
        ``garbled.`` what was heard in place of what was said. Places, channels, rows and causes are stored as steps.
        """
        ended: list[Event] = []
        # What is said of one kind may come in several parts, each with payloads of its own.
        said: dict[str, list[MessageBatch]] = {}
        went: dict[str, list[MessageBatch]] = {}
        for event in events:
            if event.fate is Fate.SENT:
                said.setdefault(event.batch.kind.name, []).append(event.batch)
            elif event.fate is None:
                went.setdefault(event.batch.kind.name, []).append(event.batch)
                self.causality.carry(event.batch)
            else:
                ended.append(event)
                if event.fate is Fate.DELIVERED:
                    self.causality.hear(event.batch)
        columns: TickColumns = {}
        for name, parts in said.items():
            columns |= self._said(name, parts)
            left = went.get(name, [])
            if not _untouched(parts, left):
                columns |= self._way(name, left)
        if ended:
            columns |= self._ends(ended) | self._garbled([e.batch for e in ended if e.fate is Fate.DELIVERED])
        return columns

    def _said(self, kind: str, parts: list[MessageBatch]) -> TickColumns:
        name, cause = f"said.{kind}", self.causality.say(parts)
        number = np.arange(self.causality.number - len(cause), self.causality.number)
        # Field by field, which compresses better.
        payload = np.concatenate([part.payload.T for part in parts], axis=1)
        columns: TickColumns = {
            f"{name}.channel": Steps(np.concatenate([part.channel for part in parts])),
            f"{name}.cause": Steps(np.where(cause < 0, 0, number - cause)),
            f"{name}.payload": payload.astype(np.float64, copy=False).ravel(),
        }
        if any(part.row is not None for part in parts):
            start = np.cumsum([0, *(len(part.payload) for part in parts)])
            rows = [np.arange(len(part)) if part.row is None else part.row for part in parts]
            columns[f"{name}.row"] = Steps(np.concatenate([row + at for row, at in zip(rows, start, strict=False)]))
        return columns

    def _way(self, kind: str, parts: list[MessageBatch]) -> TickColumns:
        name = f"way.{kind}"
        if not parts:  # nothing was left of them
            return {f"{name}.place": np.empty(0, dtype=np.int32)}
        columns: TickColumns = {f"{name}.place": Steps(np.concatenate([self.causality.places(part) for part in parts]))}
        if any(part.due is not None for part in parts):
            late = np.concatenate([part.due_ticks - np.int32(part.sent + 1) for part in parts])
            # Random delays take less room as they are than as differences.
            columns[f"{name}.late"] = late.astype(np.uint8 if late.max(initial=0) < 256 else np.int32)
        if any(part.copy is not None for part in parts):
            columns[f"{name}.copy"] = np.concatenate([_copies(part) for part in parts])
        return columns

    def _garbled(self, heard: list[MessageBatch]) -> TickColumns:
        """Return what was heard in place of what was said, batch by batch."""
        each = [(batch, self.causality.garbled(batch)) for batch in heard]
        found = [batch.take(which) for batch, which in each if which is not None]
        if not found:
            return {}
        return {
            "garbled.kind": np.array([self._kinds.index(batch.kind.name) for batch in found], dtype=np.uint8),
            "garbled.count": np.array([len(batch) for batch in found], dtype=np.int64),
            "garbled.number": np.concatenate([self.causality.numbers(batch) for batch in found]),
            "garbled.copy": np.concatenate([_copies(batch) for batch in found]),
            "garbled.payload": np.concatenate([batch.values.ravel() for batch in found]),
        }

    def _ends(self, ended: list[Event]) -> TickColumns:
        reasons = sorted({event.reason for event in ended})
        whole = [self.causality.is_whole(event.batch) for event in ended]
        columns: TickColumns = {
            "end.kind": np.array([self._kinds.index(e.batch.kind.name) for e in ended], dtype=np.uint8),
            "end.sent": np.array([e.batch.sent for e in ended], dtype=np.int32),
            "end.fate": np.array([FATES.index(e.fate) for e in ended if e.fate], dtype=np.uint8),
            "end.reason": np.array([reasons.index(e.reason) for e in ended], dtype=np.uint16),
            "end.first": np.array([self.causality.first(e.batch) for e in ended], dtype=np.int64),
            "end.count": np.array([len(e.batch) for e in ended], dtype=np.int64),
            "end.whole": np.array(whole),
            "end.reasons": np.array(reasons, dtype=object),
        }
        parts = [event.batch for event, all_of_it in zip(ended, whole, strict=True) if not all_of_it]
        if parts:
            columns["gone.place"] = Steps(np.concatenate([self.causality.places(batch) for batch in parts]))
            if any(batch.copy is not None for batch in parts):
                columns["gone.copy"] = np.concatenate([_copies(batch) for batch in parts])
        return columns


def labels_of(simulation: Simulation) -> list[tuple[str, str]]:
    """Return the names of messages, by label and kind of message: ask and answer by what they are about."""
    kinds = [kind for _, kind in sorted(simulation.kinds.items())]
    return [(label, kind.name) for kind in kinds for label in dict.fromkeys(kind.labels or (kind.name,))]


def column_names(simulation: Simulation) -> list[str]:
    """Return every column that a record of this simulation may have."""
    names = ["agent.name", "agent.home", "home.balance"]
    names += [f"balance.{name}" for name in ("kind", "coordinator", "end")]
    names += [f"row.{name}" for name in ("agent", "place", "balance")]
    names += [f"channel.{name}" for name in ("sender", "receiver", "balance", "link", "about")]
    names += ["metric", "round", "stopped", "price", "row_price", "asleep", "resting", "cut"]
    for k in range(len(simulation.market.populations)):
        names += [f"population.{k}.address", f"population.{k}.row_start", f"x.{k}"]
    names += ["count", *(f"count.{name}" for name in ("label", "fate", "reason"))]
    names += [f"bad.{name}" for name in ("fault", "count", "channel")]
    for kind in sorted(simulation.kinds):
        names += [f"said.{kind}.{name}" for name in ("channel", "cause", "payload", "row")]
        names += [f"way.{kind}.{name}" for name in ("place", "late", "copy")]
    names += [f"end.{name}" for name in ("kind", "sent", "fate", "reason", "first", "count", "whole", "reasons")]
    names += [f"gone.{name}" for name in ("place", "copy")]
    return names + [f"garbled.{name}" for name in ("kind", "count", "number", "copy", "payload")]


def _untouched(said: list[MessageBatch], left: list[MessageBatch]) -> bool:
    """Tell whether all of what was said goes on its way in time; a schedule that did nothing may have cut it anew."""
    return len(said) == len(left) and all(
        one is other or (other.due is None and other.copy is None and np.array_equal(one.channel, other.channel))
        for one, other in zip(said, left, strict=True)
    )


def _copies(batch: MessageBatch) -> npt.NDArray[np.uint64]:
    return np.zeros(len(batch), dtype=np.uint64) if batch.copy is None else batch.copy

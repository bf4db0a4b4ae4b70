"""A schedule of faults, resolved against a topology: who acts on which messages, in which order, with which draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FaultError
from ..messages import MessageBatch
from ..topology import Topology
from .base import Chance, Fault, Stage

__all__ = ["FaultSchedule"]

Mask = npt.NDArray[np.bool_]


class FaultSchedule:
    """Faults in their fixed order, each with its scope turned into a mask over channels.

    Parameters
    ----------
    faults, topology
    kinds : names of the message kinds that exist
    seed : of every draw

    Attributes
    ----------
    faults : in the order in which they act
    memory : by fault, the arrays that it keeps from tick to tick

    Raises
    ------
    FaultError
        Two faults share a name (and so their luck), or one names an agent, channel or kind that is not there.
    """

    def __init__(self, faults: Sequence[Fault], topology: Topology, kinds: Sequence[str], seed: int) -> None:
        names = [fault.name for fault in faults]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise FaultError(
                f"two faults are called {twice!r} and would share their luck: give one a name, as in name=other"
            )
        self.seed = seed
        self.kinds = tuple(kinds)
        self._topology = topology
        for fault in faults:
            if fault.message is not None and fault.message not in kinds:
                raise FaultError(
                    f"fault {fault.name!r}: no message is called {fault.message!r}; "
                    f"this protocol has {', '.join(kinds)}"
                )
        self._scopes = {fault.name: fault.covers(topology) for fault in faults}
        # The order is fixed by stage and name, so that a schedule means the same in whatever order it is written.
        self.faults = ordered = sorted(faults, key=lambda fault: (fault.stage, fault.name))
        self.memory: dict[str, dict[str, npt.NDArray[Any]]] = {}
        self.sleepers = [fault for fault in ordered if type(fault).puts_to_sleep is not Fault.puts_to_sleep]
        self._agents = {fault.name: fault.marked(fault.agent or "*", topology) for fault in self.sleepers}
        self.at_send = [fault for fault in ordered if fault.stage < Stage.PARTITION]
        self.at_delivery = [fault for fault in ordered if fault.stage >= Stage.PARTITION]

    @property
    def corrupting(self) -> bool:
        """Whether payloads may change on the way, so that receivers have to look at them twice."""
        return any(fault.stage is Stage.CORRUPTION for fault in self.faults)

    @property
    def any_kind(self) -> bool:
        """Whether all that act on sending may be given all kinds of a tick at once: they say so, and none has a scope."""
        # What a subclass does it has to say again.
        alike = (type(f).__dict__.get("any_kind", False) and f.message is None for f in self.at_send)
        return bool(self.at_send) and all(alike) and all(self._scopes[f.name] is None for f in self.at_send)

    def changed(self, faults: Sequence[Fault]) -> FaultSchedule:
        """Return a schedule of other faults that goes on with the memory of those that stay."""
        schedule = FaultSchedule(faults, self._topology, self.kinds, self.seed)
        schedule.memory = {name: kept for name, kept in self.memory.items() if name in schedule._scopes}
        return schedule

    def apply_send(self, fault: Fault, batch: MessageBatch) -> MessageBatch:
        """Let one fault act on the messages in its scope as they are sent; the others pass by untouched."""
        inside = self._inside(fault, batch, batch.sent)
        if inside is None:
            return batch
        if isinstance(inside, bool):
            return _batch(fault.on_send(batch, self._chance(fault, batch.sent)), fault, "on_send")
        touched = fault.on_send(batch.take(inside), self._chance(fault, batch.sent))
        return MessageBatch.join([batch.take(~inside), _batch(touched, fault, "on_send")])

    def apply_deliver(self, fault: Fault, batch: MessageBatch, tick: int) -> MessageBatch:
        """Let one fault act on the messages in its scope as they arrive."""
        inside = self._inside(fault, batch, tick)
        if inside is None:
            return batch
        if isinstance(inside, bool):
            return _batch(fault.on_deliver(batch, self._chance(fault, tick)), fault, "on_deliver")
        touched = fault.on_deliver(batch.take(inside), self._chance(fault, tick))
        return MessageBatch.join([batch.take(~inside), _batch(touched, fault, "on_deliver")])

    def _inside(self, fault: Fault, batch: MessageBatch, tick: int) -> Mask | bool | None:
        """Return which messages the fault may touch: None for none, True for all."""
        if not len(batch) or not fault.active(tick):
            return None
        if fault.message is not None and fault.message != batch.kind.name:
            return None
        scope = self._scopes[fault.name]
        if scope is None:
            return True
        inside: Mask = scope[batch.channel]
        return inside if inside.any() else None

    def asleep(self, tick: int) -> Mask | None:
        """Return which agents neither solve nor speak in a tick, (agents,) bool; None: all are awake."""
        return self._together([f for f in self.sleepers if f.active(tick) and f.puts_to_sleep(tick)])

    def forgetting(self, tick: int) -> Mask | None:
        """Return which agents wake up in this tick without any memory, (agents,) bool; None: nobody."""
        return self._together([f for f in self.sleepers if f.wipes_memory(tick)])

    def _together(self, faults: list[Fault]) -> Mask | None:
        return np.any([self._agents[fault.name] for fault in faults], axis=0) if faults else None

    def _chance(self, fault: Fault, tick: int) -> Chance:
        return Chance(self._topology.channels.key, self.seed, fault.name, tick, self.memory.setdefault(fault.name, {}))


def _batch(returned: Any, fault: Fault, method: str) -> MessageBatch:
    if not isinstance(returned, MessageBatch):
        raise FaultError(
            f"fault {fault.name!r}: {type(fault).__name__}.{method} returned {type(returned).__name__}; "
            "wanted a MessageBatch, the one it was given if nothing happens"
        )
    return returned

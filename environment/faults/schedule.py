"""A schedule of faults, resolved against a topology: who acts on which messages, in which order, with which draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import FaultError, TopologyError
from ..keys import salt, uniform
from ..messages import MessageBatch
from ..topology import Topology
from .base import Chance, Fault, Stage

__all__ = ["FaultSchedule"]


class FaultSchedule:
    """Faults in their fixed order, each with its scope turned into a mask over channels.

    Parameters
    ----------
    faults, topology
    kinds : names of the message kinds that exist
    seed : of every draw

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
        self._keys = topology.channels.key
        self._scopes = {fault.name: _scope(fault, topology, kinds) for fault in faults}
        ordered = sorted(faults, key=lambda fault: (fault.stage, fault.name))
        self.at_send = [fault for fault in ordered if fault.stage < Stage.PARTITION]
        self.at_delivery = [fault for fault in ordered if fault.stage >= Stage.PARTITION]

    def apply_send(self, fault: Fault, batch: MessageBatch) -> MessageBatch:
        """Let one fault act on the messages in its scope as they are sent; the others pass by untouched."""
        inside = self._inside(fault, batch, batch.sent)
        if inside is None:
            return batch
        if isinstance(inside, bool):
            return fault.on_send(batch, self._chance(fault, batch.sent))
        touched = fault.on_send(batch.take(inside), self._chance(fault, batch.sent))
        return MessageBatch.join([batch.take(~inside), touched])

    def apply_deliver(self, fault: Fault, batch: MessageBatch, tick: int) -> MessageBatch:
        """Let one fault act on the messages in its scope as they arrive."""
        inside = self._inside(fault, batch, tick)
        if inside is None:
            return batch
        if isinstance(inside, bool):
            return fault.on_deliver(batch, self._chance(fault, tick))
        touched = fault.on_deliver(batch.take(inside), self._chance(fault, tick))
        return MessageBatch.join([batch.take(~inside), touched])

    def _inside(self, fault: Fault, batch: MessageBatch, tick: int) -> npt.NDArray[np.bool_] | bool | None:
        """Return which messages the fault may touch: None for none, True for all."""
        if not len(batch) or tick < fault.start or (fault.end is not None and tick >= fault.end):
            return None
        if fault.message is not None and fault.message != batch.kind.name:
            return None
        scope = self._scopes[fault.name]
        if scope is None:
            return True
        inside: npt.NDArray[np.bool_] = scope[batch.channel]
        return inside if inside.any() else None

    def _chance(self, fault: Fault, tick: int) -> Chance:
        draws: dict[str, int] = {}

        def chance(batch: MessageBatch) -> npt.NDArray[np.float64]:
            # A fault may draw several times; the number of the draw within its own tick keeps them apart.
            turn = draws[batch.kind.name] = draws.get(batch.kind.name, -1) + 1
            stream = salt(self.seed, fault.name, batch.kind.name, batch.sent, tick, turn)
            return uniform(self._keys[batch.channel], stream, batch.copy)

        return chance


def _scope(fault: Fault, topology: Topology, kinds: Sequence[str]) -> npt.NDArray[np.bool_] | None:
    """Return which channels the fault covers, None for all."""
    if fault.message is not None and fault.message not in kinds:
        raise FaultError(
            f"fault {fault.name!r}: no message is called {fault.message!r}; this protocol has {', '.join(kinds)}"
        )
    channels = topology.channels
    mask: npt.NDArray[np.bool_] | None = None
    if fault.agent is not None:
        here = _marked(fault, fault.agent, topology)
        mask = here[channels.sender] | here[channels.receiver]
    if fault.channel is not None:
        both = "<->" in fault.channel
        source, arrow, target = fault.channel.partition("<->" if both else "->")
        if not arrow:
            raise FaultError(
                f"fault {fault.name!r}: channel {fault.channel!r}; write A.virtual->B.virtual, or <-> for both ways"
            )
        one, two = (_marked(fault, name.strip(), topology) for name in (source, target))
        covered = one[channels.sender] & two[channels.receiver]
        if both:
            covered |= two[channels.sender] & one[channels.receiver]
        if not covered.any():
            raise FaultError(f"fault {fault.name!r}: there is no channel {fault.channel}")
        mask = covered if mask is None else mask & covered
        if not mask.any():
            raise FaultError(f"fault {fault.name!r}: no channel {fault.channel} is one of {fault.agent}")
    return mask


def _marked(fault: Fault, pattern: str, topology: Topology) -> npt.NDArray[np.bool_]:
    mask = np.zeros(topology.size, dtype=bool)
    try:
        mask[topology.addresses(pattern)] = True
    except TopologyError as error:
        raise FaultError(f"fault {fault.name!r}: {error}") from None
    return mask

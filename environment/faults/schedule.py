"""A schedule of faults, resolved against a topology: which fault acts on which messages, in which order and by which draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..code import Culprit, ended_from_outside, raised
from ..envelopes import Envelopes
from ..errors import FaultCodeError, FaultError
from ..labels import Labels
from ..messages import Kind
from ..topology.topology import Topology
from .base import Chance, Fault, Stage
from .crash import Crash

__all__ = ["FaultSchedule"]

Mask = npt.NDArray[np.bool_]


class FaultSchedule:
    """Faults in their fixed order, each with its scope turned into a mask over channels.

    Parameters
    ----------
    faults, topology
    kinds : the message kinds that exist
    seed : of every draw

    Attributes
    ----------
    faults : in the order in which they act
    memory : by fault, the arrays that it keeps from tick to tick
    acted : by fault, the first tick in which it changed what became of any message, or put an agent to sleep

    Raises
    ------
    FaultError
        Two faults share a name (and so their luck), or one names an agent, channel or kind that is not there.
    """

    def __init__(self, faults: Sequence[Fault], topology: Topology, kinds: Sequence[Kind], seed: int) -> None:
        names = [fault.name for fault in faults]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise FaultError(
                f"two faults are called {twice!r} and would share their luck: give one a name, as in name=other"
            )
        self.seed = seed
        self.kinds = tuple(kinds)
        self._topology = topology
        labels = Labels(topology, kinds)
        for fault in faults:
            if fault.message is not None and fault.message not in labels.names:
                raise FaultError(
                    f"fault {fault.name!r}: no message is called {fault.message!r}; "
                    f"this protocol has {', '.join(labels.names)}"
                )
        self._scopes = {fault.name: _scope(fault, fault.covers(topology), labels, kinds) for fault in faults}
        # The order is fixed by stage and name, so that a schedule means the same in whatever order it is written.
        self.faults = ordered = sorted(faults, key=lambda fault: (fault.stage, fault.name))
        self.memory: dict[str, dict[str, npt.NDArray[Any]]] = {}
        self.acted: dict[str, int] = {}
        self.sleepers = [fault for fault in ordered if type(fault).puts_to_sleep is not Fault.puts_to_sleep]
        self._agents = {fault.name: fault.marked(fault.agent or "*", topology) for fault in self.sleepers}
        self.at_send = [fault for fault in ordered if fault.stage < Stage.PARTITION]
        self.at_delivery = [fault for fault in ordered if fault.stage >= Stage.PARTITION]

    @property
    def corrupting(self) -> bool:
        """Whether payloads may change on the way, so that receivers have to look at them twice."""
        return any(fault.stage is Stage.CORRUPTION for fault in self.faults)

    def changed(self, faults: Sequence[Fault]) -> FaultSchedule:
        """Return a schedule of other faults that goes on with the memory of those that stay."""
        schedule = FaultSchedule(faults, self._topology, self.kinds, self.seed)
        schedule.memory = {name: kept for name, kept in self.memory.items() if name in schedule._scopes}
        schedule.acted = {name: tick for name, tick in self.acted.items() if name in schedule._scopes}
        return schedule

    def apply(self, fault: Fault, envelopes: Envelopes, tick: int) -> Envelopes:
        """Let one fault act on the messages in its scope, as they are sent or as they arrive; the others pass by untouched.

        Raises
        ------
        FaultCodeError
            The fault raised, or returned something else than envelopes of the same batches.
        """
        inside = self._inside(fault, envelopes, tick)
        if inside is None:
            return envelopes
        touched = envelopes if isinstance(inside, bool) else envelopes.take(inside)
        memory = self.memory.setdefault(fault.name, {})
        chance = Chance(self._topology, self.seed, fault.name, tick, memory)
        left = _act(fault, touched, chance)
        if fault.name not in self.acted and _differ(touched, left):
            self.acted[fault.name] = tick
        return left if isinstance(inside, bool) else envelopes.take(~inside).join(left)

    def _inside(self, fault: Fault, envelopes: Envelopes, tick: int) -> Mask | bool | None:
        """Return which messages the fault may touch, (n,) bool: None for none, True for all."""
        if not len(envelopes) or not fault.active(tick):
            return None
        scope = self._scopes[fault.name]
        masks = [scope[batch.kind.name] for batch in envelopes.batches]
        if all(mask is masks[0] for mask in masks):
            inside = masks[0] if isinstance(masks[0], bool) else masks[0].take(envelopes.channel)
        else:
            inside = np.empty(len(envelopes), dtype=bool)
            for at, mask in zip(envelopes.slices, masks, strict=True):
                inside[at] = mask if isinstance(mask, bool) else mask.take(envelopes.channel[at])
        if isinstance(inside, bool):
            return inside or None
        number = np.count_nonzero(inside)
        return inside if 0 < number < len(envelopes) else (True if number else None)

    def asleep(self, tick: int) -> Mask | None:
        """Return which agents neither solve nor speak in a tick, (agents,) bool; None: all are awake."""
        active = [f for f in self.sleepers if f.active(tick) and f.puts_to_sleep(tick)]
        for fault in active:
            if fault.name not in self.acted and self._agents[fault.name].any():
                self.acted[fault.name] = tick
        return self._together(active)

    def resting(self, tick: int) -> Mask | None:
        """Return which of those asleep in a tick are not down, and so hear what comes, (agents,) bool; None: no agent."""
        active = [f for f in self.sleepers if f.active(tick) and f.puts_to_sleep(tick)]
        resting = self._together([f for f in active if not isinstance(f, Crash)])
        down = self._together([f for f in active if isinstance(f, Crash)])
        return resting if resting is None or down is None else resting & ~down

    def forgetting(self, tick: int) -> Mask | None:
        """Return which agents wake up in this tick without any memory, (agents,) bool; None: no agent."""
        return self._together([f for f in self.sleepers if f.wipes_memory(tick)])

    def _together(self, faults: list[Fault]) -> Mask | None:
        return np.any([self._agents[fault.name] for fault in faults], axis=0) if faults else None


def _scope(fault: Fault, covered: Mask | None, labels: Labels, kinds: Sequence[Kind]) -> dict[str, Mask | bool]:
    """Return, by kind, on which channels a fault touches its messages: (channels,) bool, or the same answer for all."""
    found: dict[str, Mask | bool] = {}
    for kind in kinds:
        meant = fault.message is None or labels.chosen(fault.message, kind)
        if covered is None or meant is False:
            found[kind.name] = meant
        else:
            found[kind.name] = covered if meant is True else covered & meant
    return found


def _act(fault: Fault, given: Envelopes, chance: Chance) -> Envelopes:
    """Let a fault act, and check what comes back as far as that takes no time."""
    method = Stage(fault.stage).calls
    try:
        returned: Any = getattr(fault, method)(given, chance)
    except BaseException as error:
        if ended_from_outside(error):
            raise
        raise _failure(fault, method, raised(error), error) from error
    if not isinstance(returned, Envelopes):
        got = f"returned {type(returned).__name__}; wanted Envelopes, those it was given if nothing happens"
        raise _failure(fault, method, got)
    if returned is given:
        return given
    if len(returned.batches) != len(given.batches):
        got = f"returned messages of {len(returned.batches)} batches; wanted those of the {len(given.batches)} it was given"
        raise _failure(fault, method, got)
    n = len(returned)
    shapes = {
        name: np.shape(column)
        for name in ("channel", "row", "due", "copy")
        if (column := getattr(returned, name)) is not None
    }
    if int(returned.start[-1]) != n or any(shape != (n,) for shape in shapes.values()):
        told = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
        raise _failure(
            fault, method, f"returned {told}; wanted one value for each of {int(returned.start[-1])} messages"
        )
    return returned


def _failure(fault: Fault, method: str, what: str, error: BaseException | None = None) -> FaultCodeError:
    kind = type(fault)
    text = f"fault {fault.name!r}: {kind.__name__}.{method} {what}"
    return FaultCodeError(text, Culprit.of(kind, method, f"fault {fault.name!r}", error=error))


def _differ(before: Envelopes, after: Envelopes) -> bool:
    """Tell whether a fault changed anything: which messages there are, when they are due, or what they say."""
    if after is before:
        return False
    if len(after) != len(before) or not np.array_equal(after.channel, before.channel):
        return True
    if after.due is not before.due and not np.array_equal(after.due_ticks, before.due_ticks):
        return True
    if after.copy is not before.copy and not np.array_equal(after.copies, before.copies):
        return True
    pairs = [
        (before.piece(k).values, after.piece(k).values)
        for k in range(len(before.batches))
        if _rewritten(before, after, k)
    ]
    return any(not np.array_equal(one, two, equal_nan=True) for one, two in pairs)


def _rewritten(before: Envelopes, after: Envelopes, k: int) -> bool:
    return after.batches[k].payload is not before.batches[k].payload

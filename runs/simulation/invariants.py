"""Invariants of a run: what must hold in every tick, whatever the network does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...environment import MessageBatch
from ...environment.errors import ConservationError
from ...environment.faults import Crash, Delay, Duplicate, Fault, Partition, RateLimit, Reorder
from ...environment.faults.base import Stage
from ..common.errors import RunError
from .simulation import Simulation

__all__ = ["InvariantError", "Invariants"]


class InvariantError(AssertionError):
    """Something happened that no network may do: says what, to which message, in which tick."""


class Invariants:
    """Watches a simulation, as the `watch` of `Simulation.run`.

    In every tick: sent + copies = delivered + lost + stopped + stale + refused + in flight; nothing arrives before the
    tick after it was sent, nor later than the faults can hold it back; nothing crosses an active partition, reaches an
    agent that is down, or comes from one; and every payload that is said is finite. (Who may send what the transport
    checks in any case.)

    Parameters
    ----------
    simulation : made with ``keep_messages=True``

    Raises
    ------
    RunError
        The simulation keeps no messages, so there is nothing to look at.
    """

    def __init__(self, simulation: Simulation) -> None:
        if not simulation.journal.keep_messages:
            raise RunError("invariants are checked on the messages themselves: run with keep_messages=True")
        self._said = self._heard = 0

    def __call__(self, simulation: Simulation) -> None:
        """Check the tick that was just done.

        Raises
        ------
        InvariantError
        """
        tick, journal = simulation.tick - 1, simulation.journal
        try:
            journal.check(tick, simulation.transport.in_flight)
        except ConservationError as error:
            raise InvariantError(str(error)) from error
        for batch in journal.said[self._said :]:
            self._check_said(simulation, tick, batch)
        for when, batch in journal.heard[self._heard :]:
            self._check_heard(simulation, when, batch)
        self._said, self._heard = len(journal.said), len(journal.heard)

    def _check_said(self, simulation: Simulation, tick: int, batch: MessageBatch) -> None:
        asleep = simulation.transport.schedule.asleep(tick)
        _none(simulation, tick, batch, np.asarray(~np.isfinite(batch.values).all(axis=1)), "is not finite")
        if asleep is not None:
            sender = simulation.market.topology.channels.sender[batch.channel]
            _none(simulation, tick, batch, np.asarray(asleep[sender]), "comes from an agent that is down or resting")

    def _check_heard(self, simulation: Simulation, tick: int, batch: MessageBatch) -> None:
        schedule = simulation.transport.schedule
        always = np.ones(len(batch), dtype=bool)
        _none(simulation, tick, batch, np.logical_and(always, tick < batch.sent + 1), "arrives before the next tick")
        longest = [longest_hold(fault) for fault in schedule.faults]
        if None not in longest:
            late = tick > batch.sent + 1 + sum(hold or 0 for hold in longest)
            _none(
                simulation,
                tick,
                batch,
                np.logical_and(always, late),
                "arrives later than all delays together allow",
            )
        for fault in schedule.faults:
            if isinstance(fault, Partition | Crash) and fault.active(tick):
                covered = fault.covers(simulation.market.topology)
                if covered is None:
                    continue
                if fault.message is not None:
                    covered = covered & simulation.transport.labels.chosen(fault.message, batch.kind)
                _none(simulation, tick, batch, covered[batch.channel], f"passes the active fault {fault.name!r}")


def longest_hold(fault: Fault) -> int | None:
    """Return by how many ticks a fault can hold a message back at most, None where that is not known."""
    if isinstance(fault, Delay):
        return fault.longest
    if isinstance(fault, Reorder):
        return fault.window
    if isinstance(fault, Duplicate):
        return int(fault.delay.high)
    if isinstance(fault, RateLimit):
        return int(np.ceil((fault.queue + fault.rate) / fault.rate))
    built_in = type(fault).__module__.startswith(Fault.__module__.rpartition(".")[0])
    return 0 if built_in or fault.stage >= Stage.PARTITION else None


def _none(simulation: Simulation, tick: int, batch: MessageBatch, bad: npt.NDArray[np.bool_], what: str) -> None:
    if bad.any():
        topology, channel = simulation.market.topology, int(batch.channel[int(np.argmax(bad))])
        sender, receiver = (
            topology.name(int(c[channel])) for c in (topology.channels.sender, topology.channels.receiver)
        )
        raise InvariantError(
            f"tick {tick}: {batch.kind.name} from {sender} to {receiver}, sent in tick {batch.sent}, {what}"
        )

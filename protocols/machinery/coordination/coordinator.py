"""Coordinator: the role of the virtual agents, which ask, wait for whole rounds, move their prices, and stop together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ....environment import Kind, Outbox
from ....environment.remembered import fixed
from ..market import Market
from ..memory import Memory
from ..options import Options
from ..state import MarketState
from .balances import Balances
from .barrier import Barrier, InRounds, Newest, WholeRounds
from .ledger import Ledger
from .recovery import Recovery
from .termination import Termination

__all__ = ["Coordinator"]

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


class Coordinator(InRounds):
    """Virtual agents that ask, close rounds, move prices, and stop together.

    A round: ask about all rows; once the barrier says that enough is heard, the protocol's `update` moves the prices of all
    balances. It is put together from a ledger (what it keeps), a barrier (when it goes on), termination (when it stops) and
    recovery (how it comes back from a lost memory).

    Parameters
    ----------
    protocol, market, kinds
    update : moves the prices of some balances
    coordinators : (n,) addresses

    Attributes
    ----------
    ledger, barrier, termination, recovery : its parts; there is no recovery before it is needed
    steady : (n,) whether no price moved by more than the tolerances when the coordinator last closed a round
    """

    steady: Mask

    def __init__(
        self,
        protocol: Options,
        update: Callable[[Balances], None],
        market: Market,
        kinds: dict[str, Kind],
        coordinators: npt.NDArray[np.integer],
    ) -> None:
        super().__init__(coordinators)
        self.protocol, self.update, self.kinds = protocol, update, kinds
        topology, n = market.topology, len(coordinators)
        rows = np.flatnonzero(np.isin(topology.row_coordinator, coordinators))
        self._channels = len(topology.channels)
        self.answers = Memory(kinds["answer"], fixed(rows.astype(np.int32)), self._channels, topology.channels.about)
        self.ledger = Ledger(self, protocol, market, coordinators, self.answers)
        self.of_row = self.ledger.of_row
        self.listen("answer", self.answers, self.of_row)
        self.down = fixed((len(topology.row_agent) + rows).astype(np.int32))
        newest = protocol.on_silence == "newest"
        self.termination = Termination(self, topology, kinds["termination"], coordinators, lock_step=not newest)
        for name, first in (("round", 0), ("spoke", -1)):
            self.declare(name, np.full(n, first, dtype=np.int64))
        self.declare("steady", np.zeros(n, dtype=bool), per_period=True)
        self.barrier: Barrier = Newest(self) if newest else WholeRounds(self)
        self.recovery: Recovery | None = None
        self._everything = fixed(np.arange(len(rows)) if self.ledger.personal else self.ledger.group)

    # One round -------------------------------------------------------------------------------------------------------

    def speak(self, tick: int, outbox: Outbox) -> None:
        """Close the rounds that are complete, open the next, and ask again where there is silence."""
        if self._idle(tick):
            return
        able = self.awake.copy()
        if self.recovery is not None:
            self._recover(self.recovery, tick, outbox)
            able &= ~self.recovery.pending
        opening = able & (self.spoke < 0)
        rows, peers = self.barrier.behind()
        complete = self.barrier.complete(tick, self.count(rows, peers))
        done = able & complete & ~opening & ~self.termination.stopped
        if done.any():
            self._close(done, tick)
        asking = (opening | done) & ~self.termination.stopped
        # One that has stopped still helps an agent that lost its memory.
        silent = able & ~opening & ~done & (tick >= self.spoke + self.protocol.patience)
        self._ask(outbox, asking, silent, rows)
        self._tell_neighbours(outbox, opening | done, silent, peers, able)
        self.spoke = np.where(asking | silent, tick, self.spoke)
        self.acted(tick)

    def _idle(self, tick: int) -> bool:
        """Tell whether nothing was heard, none just woke, and it is too early to ask again."""
        if self.stirred or self.recovery is not None or not self.barrier.lock_step:
            return False
        return bool(tick < self.spoke.min() + self.protocol.patience)

    def _close(self, done: Mask, tick: int) -> None:
        counting = self.barrier.counting(done, tick)
        # Sums over all rows cost most; where prices still move none are needed.
        settled = self._balanced() & self.steady if self.steady.any() else self.steady
        self.termination.close(done, settled, self.round, counting)
        moving = done & ~self.termination.stopped
        self.steady = np.where(moving, self._moved(moving), self.steady)
        self.round = self.round + moving

    def _moved(self, moving: Mask) -> Mask:
        """Move the prices of some coordinators; return (n,), whether none of them moved by more than the tolerances."""
        protocol, ledger = self.protocol, self.ledger
        before = ledger.columns["price"].copy()
        which = moving.take(ledger.of_balance)
        if which.any():
            self.update(Balances(ledger, which))
        price = ledger.columns["price"]
        moved = (np.abs(price - before) > protocol.eps_abs + protocol.eps_rel * np.abs(before)).any(axis=1)
        if "moved" in ledger.columns:
            allowed = protocol.eps_abs + protocol.eps_rel * np.abs(price).max(axis=1)
            moved |= ledger.columns["moved"][:, 0] > allowed
        return np.asarray(np.bincount(ledger.of_balance[moved], minlength=len(moving)) == 0)

    def _balanced(self) -> Mask:
        """(n,): whether all balances add up to zero, within the tolerances."""
        protocol, every = self.protocol, Balances(self.ledger)
        flow = every.sum(np.abs(every.x)) / 2.0
        off = (np.abs(every.imbalance) > protocol.eps_abs + protocol.eps_rel * flow).any(axis=1)
        return np.asarray(np.bincount(self.ledger.of_balance[off], minlength=len(self.round)) == 0)

    # What it says ----------------------------------------------------------------------------------------------------

    def _ask(self, outbox: Outbox, asking: Mask, silent: Mask, behind: Mask) -> None:
        which = asking.take(self.of_row)
        if silent.any():
            which |= silent.take(self.of_row) & behind
        if not which.any():
            return
        payload = self.ledger.ask(self.round)
        if which.all():
            outbox.send(self.kinds["ask"], self.down, payload, self._everything)
        else:
            at = np.flatnonzero(which)
            outbox.send(self.kinds["ask"], self.down.take(at), payload, self._everything.take(at))

    def _tell_neighbours(self, outbox: Outbox, opening: Mask, silent: Mask, behind: Mask, able: Mask) -> None:
        termination, heard = self.termination, self.termination.heard
        of = termination.of
        known = heard.round <= self.round[of]
        wanted = able[of] & (heard.heard > self.seen[of]) & (heard.values[:, 3] > 0)
        if self.barrier.lock_step:
            wanted &= known
        # One that closes a round without having heard from a neighbour, which may have stopped, says that it waits.
        waiting = (silent | (opening & self.barrier.unheard))[of] & behind
        which = np.flatnonzero(opening[of] | waiting | wanted)
        message = termination.message(which, self.round, waiting[which])
        outbox.send(termination.kind, termination.out[which], message)

    def open(self, market: Market, first_round: int, tick: int) -> None:
        """Begin a period: nothing has been asked, nothing is settled; prices stay as they are."""
        super().open(market, first_round, tick)
        self.first_round = self.termination.first = first_round
        self.round[:], self.spoke[:] = first_round, -1
        self.barrier.open(tick)

    # After a crash --------------------------------------------------------------------------------------------------

    def forget(self, agents: Mask) -> None:
        """Make some coordinators wake up without memory, prices or round; those they ask will tell them."""
        super().forget(agents)
        self.round[agents] = self.first_round
        self._recovery().begin(agents)

    def _recovery(self) -> Recovery:
        if self.recovery is None:
            self.recovery = Recovery(self, self.kinds, self.ledger, self.down, self._channels)
        return self.recovery

    def _recover(self, recovery: Recovery, tick: int, outbox: Outbox) -> None:
        rounds, behind = recovery.speak(tick, outbox, self.awake, self.protocol.patience, self.first_round)
        self.round = np.where(rounds >= 0, rounds, self.round)
        if behind.any():
            self.update(Balances(self.ledger, behind))

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up a state that `snapshot` returned for the same agents."""
        if "memory.recollection" in kept:
            self._recovery()
        super().restore(kept)

    # What an observer sees -------------------------------------------------------------------------------------------

    def report(self, state: MarketState) -> None:
        """Write prices and rounds."""
        state.price[self.ledger.balance] = self.ledger.columns["price"]
        state.round[self.address] = self.round - self.first_round
        state.stopped[self.address] = self.termination.stopped

    def oldest(self, state: MarketState) -> None:
        """Write the tick of the oldest message that each coordinator still relies on."""
        oldest = np.full(len(self.address), np.iinfo(np.int64).max)
        for memory, of in ((self.answers, self.of_row), (self.termination.heard, self.termination.of)):
            np.minimum.at(oldest, of, memory.heard)
        state.heard[self.address] = oldest

"""Keeper: the role of the virtual agents, which ask, wait for whole rounds, move their prices, and stop together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...environment import Kind, Outbox
from ...environment.remembered import fixed
from .ledger import Ledger
from .market import Market
from .memory import Memory
from .quiet import Quiet
from .recovery import Recovery
from .state import MarketState

if TYPE_CHECKING:
    from .protocol import Protocol

__all__ = ["Keeper"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Keeper(Ledger):
    """Virtual agents that ask, wait for whole rounds, and stop together.

    A round: ask everybody; once all have answered in the same round, and the neighbours have told how quiet they are in
    it, `update` moves the prices. Silence costs ticks, never a wrong step: after `patience` ticks those who are silent
    are asked again. With ``on_silence = "newest"`` a round lasts two ticks whatever is missing.

    A protocol's keeper overrides `update`, and `ask` where an ask carries more than a price; then `resting` and, so that it
    survives a lost memory, `forget` and `recall` too.

    Parameters
    ----------
    protocol, market, kinds
    hubs : (n,) addresses of the hubs

    Attributes
    ----------
    round : (n,) the round that is being asked
    spoke : (n,) the tick of the last ask, -1 before the first
    """

    personal = False

    def __init__(
        self, protocol: Protocol, market: Market, kinds: dict[str, Kind], hubs: npt.NDArray[np.integer]
    ) -> None:
        super().__init__(protocol, market, kinds, hubs)
        n, topology = len(hubs), market.topology
        channels = len(topology.channels)
        self.memory["quiet"] = Memory(kinds["quiet"], self.wiring.peer_in, channels)
        self._recovery: Recovery | None = None
        self._channels = channels
        self._newest = protocol.on_silence == "newest"
        self.quiet = Quiet(n, topology.diameter, lock_step=not self._newest)
        self.first_round = 0
        self.round = np.zeros(n, dtype=np.int64)
        self.spoke = np.full(n, -1, dtype=np.int64)
        self._counted = np.full(n, -1, dtype=np.int64)
        self._uncounted = np.zeros(n, dtype=bool)
        self._steady = np.zeros(n, dtype=bool)
        self._members = fixed(np.arange(len(self.wiring.member_hub)))

    # What a protocol's keeper uses and overrides ---------------------------------------------------------------------

    def update(self, hubs: Mask, books: Mask) -> None:
        """Move the prices of these hubs and books, from `imbalance` and `disagreement`."""
        raise NotImplementedError

    def ask(self, *, books: bool) -> Floats:
        """Return what is asked, (b or n, fields but the round); by default the price.

        Where asks are `personal`: a row for each end of each line, (2b, ...), or for each member, (m, ...).
        """
        return self.transfer_price if books else self.price

    def resting(self) -> Mask:
        """(n,): whether a hub may count as quiet as far as anything but prices and balances goes; by default all may."""
        return np.ones(len(self.price), dtype=bool)

    def move(self, hubs: Mask, books: Mask) -> None:
        """Let the protocol move the prices of these hubs and books."""
        self._moving = hubs
        self.update(hubs, books)
        self._moving = np.ones(len(hubs), dtype=bool)

    # One round -------------------------------------------------------------------------------------------------------

    def speak(self, tick: int, outbox: Outbox) -> None:
        """Close the rounds that are complete, open the next, and ask again where there is silence."""
        if self._idle(tick):
            return
        able = self.awake.copy()
        if self._recovery is not None:
            self._recovery.speak(tick, outbox, self.awake)
            able &= ~self._recovery.pending
        opening = able & (self.spoke < 0)
        bids, transfers, peers = self._behind()
        done = able & self._complete(tick, self._count(bids, transfers, peers)) & ~opening & ~self.quiet.stopped
        if done.any():
            self._close(done, tick)
        asking = (opening | done) & ~self.quiet.stopped
        # A hub that has stopped still helps a member that lost its memory.
        silent = able & ~opening & ~done & (tick >= self.spoke + self.protocol.patience)
        self._ask_members(outbox, asking, silent, bids)
        self._ask_lines(outbox, asking, silent, transfers)
        self._tell_peers(outbox, opening | done, silent, peers, able)
        self.spoke = np.where(asking | silent, tick, self.spoke)
        self.acted(tick)

    def _idle(self, tick: int) -> bool:
        """Tell whether nothing was heard, nobody just woke, and it is too early to ask again."""
        if self.stirred or self._recovery is not None or self._newest:
            return False
        return bool(tick < self.spoke.min() + self.protocol.patience)

    def _behind(self) -> tuple[Mask, Mask, Mask]:
        """Tell which members, ends of lines and neighbours have not been heard in the current round.

        Where everybody has rounds of his own: since the hub last counted.
        """
        w = self.wiring
        if self._newest:
            since = self._counted
            return (
                self._stale("bid", since[w.member_hub]),
                self._stale("transfer", np.repeat(since[w.book_hub], 2)),
                self.memory["quiet"].heard <= since[w.peer_hub],
            )
        of_slot = np.repeat(self.round[w.book_hub], 2)
        transfers = (self.memory["transfer"].round != of_slot) & (w.slot_down.ravel() >= 0)
        return (
            self.memory["bid"].round != self.round.take(w.member_hub),
            transfers,
            self.memory["quiet"].round < self.round[w.peer_hub],
        )

    def _complete(self, tick: int, missing: npt.NDArray[np.int64]) -> Mask:
        """Tell which hubs have all that they need to close their round; `missing`: (n,) messages not heard in it."""
        if self._newest:
            never = [self.memory[kind].sent < 0 for kind in ("bid", "transfer", "quiet")]
            return (self._count(*never) == 0) & (tick >= self.spoke + 2)
        return missing == 0

    def _stale(self, kind: str, since: npt.NDArray[np.int64]) -> Mask:
        """Tell what was not heard after some ticks, or is of an earlier period."""
        memory = self.memory[kind]
        return np.asarray((memory.heard <= since) | (memory.round < self.first_round))

    def _count(self, bids: Mask, transfers: Mask, peers: Mask) -> npt.NDArray[np.int64]:
        """(n,): how many marked slots each hub has."""
        w = self.wiring
        total = w.sum_by_hub(w.member_hub, bids) + w.sum_by_hub(w.peer_hub, peers)
        return total + w.sum_by_hub(np.repeat(w.book_hub, 2), transfers)

    def _close(self, done: Mask, tick: int) -> None:
        w, counting = self.wiring, done
        if self._newest:
            # Frozen values are not quiet: only what was heard since the last count is evidence.
            counting = done & (self._count(*self._behind()) == 0)
            self._uncounted = np.where(done, ~counting, self._uncounted)
            self._counted = np.where(counting, tick, self._counted)
        # Sums over all members cost most; hubs whose prices still move need none.
        still = self.still() & self._steady if self._steady.any() else self._steady
        self.quiet.close(done, still, self.round, w.peer_hub, self.memory["quiet"].values, counting)
        moving = done & ~self.quiet.stopped
        price, transfer_price = self.price.copy(), self.transfer_price.copy()
        self.move(moving, moving[w.book_hub])
        self._steady = np.where(moving, self.unmoved(price, transfer_price) & self.resting(), self._steady)
        self.round = self.round + moving

    # What it says ----------------------------------------------------------------------------------------------------

    def _ask_members(self, outbox: Outbox, asking: Mask, silent: Mask, behind: Mask) -> None:
        hub = self.wiring.member_hub
        which = asking.take(hub)
        if silent.any():
            which |= silent.take(hub) & behind
        if not which.any():
            return
        rounds = self.round.take(hub) if self.personal else self.round
        payload = np.concatenate([self.ask(books=False), rounds[:, None]], axis=1)
        row = self._members if self.personal else hub
        if which.all():
            outbox.send(self.kinds["price"], self.wiring.member_down, payload, row)
        else:
            at = np.flatnonzero(which)
            outbox.send(self.kinds["price"], self.wiring.member_down.take(at), payload, row.take(at))

    def _ask_lines(self, outbox: Outbox, asking: Mask, silent: Mask, behind: Mask) -> None:
        w = self.wiring
        hub, channel = np.repeat(w.book_hub, 2), w.slot_down.ravel()
        which = (asking[hub] | (silent[hub] & behind)) & (channel >= 0)
        rounds = self.round[hub if self.personal else w.book_hub]
        payload = np.concatenate([self.ask(books=True), rounds[:, None]], axis=1)
        row = np.flatnonzero(which)
        outbox.send(self.kinds["transfer_price"], channel[which], payload, row if self.personal else row // 2)

    def _tell_peers(self, outbox: Outbox, opening: Mask, silent: Mask, behind: Mask, able: Mask) -> None:
        w, quiet = self.wiring, self.memory["quiet"]
        wanted = (
            able[w.peer_hub]
            & (quiet.heard > self.seen[w.peer_hub])
            & (quiet.values[:, 3] > 0)
            & (self._newest | (quiet.round <= self.round[w.peer_hub]))
        )
        # A hub that closes a round without having heard from a neighbour, who may have stopped, says that it waits.
        waiting = (silent | (opening & self._uncounted))[w.peer_hub] & behind
        which = np.flatnonzero(opening[w.peer_hub] | waiting | wanted)
        outbox.send(
            self.kinds["quiet"], w.peer_out[which], self.quiet.message(w.peer_hub[which], self.round, waiting[which])
        )

    def open(self, market: Market, first_round: int, tick: int) -> None:
        """Begin a period: nobody has been asked, nothing is settled; prices stay as they are."""
        self.first_round = first_round
        self.round[:], self.spoke[:], self._counted[:] = first_round, -1, tick - 1
        self._steady[:] = self._uncounted[:] = False
        self.quiet.open(first_round)
        self.woken = True

    # After a crash --------------------------------------------------------------------------------------------------

    def forget(self, agents: Mask) -> None:
        """Make some hubs wake up without memory, prices or round; their members will tell them."""
        w = self.wiring
        books = agents[w.book_hub]
        self.price[agents], self.transfer_price[books] = self._first_prices[0][agents], self._first_prices[1][books]
        for kind, hub in (("bid", w.member_hub), ("transfer", np.repeat(w.book_hub, 2)), ("quiet", w.peer_hub)):
            self.memory[kind].forget(agents[hub])
        for column, first in (
            (self.round, self.first_round),
            (self.spoke, -1),
            (self._counted, -1),
            (self._steady, False),
            (self._uncounted, False),
        ):
            column[agents] = first
        self.quiet.forget(agents)
        self.woken = True
        if self._recovery is None:
            self._recovery = Recovery(self, self._channels)
        self._recovery.begin(agents)

    def resume(self, which: Mask, asked: Floats, *, books: bool) -> None:
        """Take up again what was asked, (b or n, fields of an ask); by default the price."""
        mine = self.transfer_price if books else self.price
        mine[which] = asked[which, : mine.shape[1]]

    def recall(self, rows: Mask, asked: Floats, *, books: bool) -> None:
        """Take up again what each end of a line, or each member, was asked last, (2b or m, fields of an ask)."""

    def told(self, asked: Floats) -> Floats:
        """Return what those who were asked tell of it, (m + 2b, fields of an ask), as the keeper means it."""
        return asked

    # What an observer sees -------------------------------------------------------------------------------------------

    def report(self, state: MarketState) -> None:
        """Write prices and rounds."""
        super().report(state)
        state.round[self.wiring.hub], state.stopped[self.wiring.hub] = self.round - self.first_round, self.quiet.stopped

    def oldest(self, state: MarketState) -> None:
        """Write the tick of the oldest message that each hub still relies on."""
        w = self.wiring
        oldest = np.full(len(w.hub), np.iinfo(np.int64).max)
        for kind, hub in (("bid", w.member_hub), ("transfer", np.repeat(w.book_hub, 2)), ("quiet", w.peer_hub)):
            np.minimum.at(oldest, hub, self.memory[kind].heard)
        state.heard[w.hub] = oldest

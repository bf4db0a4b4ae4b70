"""Keeper: the role of the virtual agents, which own prices, ask, wait for whole rounds, and stop together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ..environment import Kind, Outbox
from .market import Market
from .memory import Memory
from .quiet import Quiet
from .recovery import Recovery
from .role import Role
from .state import MarketState
from .wiring import Wiring

if TYPE_CHECKING:
    from .protocol import Protocol

__all__ = ["Keeper"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


_SMALL = 1_000_000
"""Numbers that are faster added up whole than picked apart first."""


class Keeper(Role):
    """Virtual agents: each owns the price of its bus, and of every tie-line that it keeps (a *book*).

    A round: ask everybody; once all have answered in the same round, and the neighbours have told how quiet they are in
    it, `update` moves the prices. Silence costs ticks, never a wrong step: after `patience` ticks those who are silent
    are asked again. With ``on_silence = "newest"`` a round lasts two ticks whatever is missing.

    A protocol's keeper overrides `update`, and `ask` where an ask carries more than a price.

    Parameters
    ----------
    protocol, market, kinds
    hubs : (n,) addresses of the hubs

    Attributes
    ----------
    price : (n, periods) $/kWh
    transfer_price : (b, periods) $/kWh, the price of an import over the line of each book, at either end
    round : (n,) the round that is being asked
    spoke : (n,) the tick of the last ask, -1 before the first
    """

    two_ledgers = False

    def __init__(
        self, protocol: Protocol, market: Market, kinds: dict[str, Kind], hubs: npt.NDArray[np.integer]
    ) -> None:
        super().__init__(hubs)
        self.protocol, self.kinds = protocol, kinds
        topology = market.topology
        self.wiring = wiring = Wiring.of(topology, hubs, two_ledgers=self.two_ledgers)
        n, channels = len(hubs), len(topology.channels)
        self.memory["bid"] = Memory(kinds["bid"], wiring.member_up, channels)
        self.memory["transfer"] = Memory(kinds["transfer"], wiring.slot_up.ravel(), channels)
        self.memory["quiet"] = Memory(kinds["quiet"], wiring.peer_in, channels)
        m = len(wiring.member_hub)
        # Sums by hub go through one kernel, CSR times columns, whose order does not depend on who else is summed.
        self._by_hub = sparse.csr_array((np.ones(m), (wiring.member_hub, np.arange(m))), shape=(n, m))
        self._first_prices = market.first_prices(wiring.hub, wiring.book_line, wiring.book_end)
        self.price, self.transfer_price = (prices.copy() for prices in self._first_prices)
        self._recovery: Recovery | None = None
        self._channels = channels
        self._newest = protocol.on_silence == "newest"
        self.quiet = Quiet(n, topology.diameter, lock_step=not self._newest)
        self.round = np.zeros(n, dtype=np.int64)
        self.spoke = np.full(n, -1, dtype=np.int64)
        self._counted = np.full(n, -1, dtype=np.int64)
        self._uncounted = np.zeros(n, dtype=bool)
        self._steady = np.zeros(n, dtype=bool)
        self._moving = np.ones(n, dtype=bool)

    # What a protocol's keeper uses and overrides ---------------------------------------------------------------------

    def update(self, hubs: Mask, books: Mask) -> None:
        """Move the prices of these hubs and books, from `imbalance` and `disagreement`."""
        raise NotImplementedError

    def ask(self, *, books: bool) -> Floats:
        """Return what is asked, (b or n, fields but the round); by default the price."""
        return self.transfer_price if books else self.price

    @property
    def imbalance(self) -> Floats:
        """(n, periods) kW: the net import of all members, as heard; 0 for hubs whose prices do not move now."""
        bid = self.memory["bid"]
        x = bid.kind.part("x")  # the round is added up too: cheaper than a copy without it
        moving = self._moving.nonzero()[0]
        if 2 * len(moving) > len(self._moving) or bid.values.size < _SMALL:
            return np.where(self._moving[:, None], (self._by_hub @ bid.values)[:, x], 0.0)
        total = np.zeros((len(self._moving), bid.kind.width))
        total[moving] = self._by_hub[moving] @ bid.values
        return total[:, x]

    @property
    def disagreement(self) -> Floats:
        """(b, periods) kW: the imports heard from both ends of each line, which should cancel; 0 until both are heard."""
        transfer = self.memory["transfer"]
        x, known = transfer.part("x"), transfer.sent >= 0
        return np.where((known[0::2] & known[1::2])[:, None], x[0::2] + x[1::2], 0.0)

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
                self.memory["bid"].heard <= since[w.member_hub],
                self.memory["transfer"].heard <= np.repeat(since[w.book_hub], 2),
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
        still = self._still() & self._steady if self._steady.any() else self._steady
        self.quiet.close(done, still, self.round, w.peer_hub, self.memory["quiet"].values, counting)
        moving = done & ~self.quiet.stopped
        price, transfer_price = self.price.copy(), self.transfer_price.copy()
        self.move(moving, moving[w.book_hub])
        self._steady = np.where(moving, self._unmoved(price, transfer_price), self._steady)
        self.round = self.round + moving

    def _still(self) -> Mask:
        """(n,): whether power balances and both ends of every book's line agree, within the tolerances."""
        eps_abs, eps_rel = self.protocol.eps_abs, self.protocol.eps_rel
        flow = np.asarray(self._by_hub @ np.abs(self.memory["bid"].part("x"))) / 2.0
        still = np.asarray((np.abs(self.imbalance) <= eps_abs + eps_rel * flow).all(axis=1))
        x = np.abs(self.memory["transfer"].part("x"))
        apart = np.abs(self.disagreement) > eps_abs + eps_rel * np.maximum(x[0::2], x[1::2])
        return still & (self.wiring.sum_by_hub(self.wiring.book_hub, np.asarray(apart.any(axis=1))) == 0)

    def _unmoved(self, price: Floats, transfer_price: Floats) -> Mask:
        """(n,): whether no price of a hub moved by more than the tolerances."""
        eps_abs, eps_rel = self.protocol.eps_abs, self.protocol.eps_rel
        moved = np.abs(self.price - price) > eps_abs + eps_rel * np.abs(price)
        books = np.abs(self.transfer_price - transfer_price) > eps_abs + eps_rel * np.abs(transfer_price)
        return ~moved.any(axis=1) & (self.wiring.sum_by_hub(self.wiring.book_hub, np.asarray(books.any(axis=1))) == 0)

    # What it says ----------------------------------------------------------------------------------------------------

    def _ask_members(self, outbox: Outbox, asking: Mask, silent: Mask, behind: Mask) -> None:
        hub = self.wiring.member_hub
        which = asking.take(hub)
        if silent.any():
            which |= silent.take(hub) & behind
        payload = np.concatenate([self.ask(books=False), self.round[:, None]], axis=1)
        if which.all():
            outbox.send(self.kinds["price"], self.wiring.member_down, payload, hub)
        else:
            at = np.flatnonzero(which)
            outbox.send(self.kinds["price"], self.wiring.member_down.take(at), payload, hub.take(at))

    def _ask_lines(self, outbox: Outbox, asking: Mask, silent: Mask, behind: Mask) -> None:
        w = self.wiring
        hub, channel = np.repeat(w.book_hub, 2), w.slot_down.ravel()
        which = (asking[hub] | (silent[hub] & behind)) & (channel >= 0)
        payload = np.concatenate([self.ask(books=True), self.round[w.book_hub, None]], axis=1)
        outbox.send(self.kinds["transfer_price"], channel[which], payload, np.flatnonzero(which) // 2)

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

    # After a crash --------------------------------------------------------------------------------------------------

    def forget(self, agents: Mask) -> None:
        """Make some hubs wake up without memory, prices or round; their members will tell them."""
        w = self.wiring
        books = agents[w.book_hub]
        self.price[agents], self.transfer_price[books] = self._first_prices[0][agents], self._first_prices[1][books]
        for kind, hub in (("bid", w.member_hub), ("transfer", np.repeat(w.book_hub, 2)), ("quiet", w.peer_hub)):
            self.memory[kind].forget(agents[hub])
        for column, first in (
            (self.round, 0),
            (self.spoke, -1),
            (self._counted, -1),
            (self._steady, False),
            (self._uncounted, False),
        ):
            column[agents] = first
        self.quiet.forget(agents)
        self.stirred = True
        if self._recovery is None:
            self._recovery = Recovery(self, self._channels)
        self._recovery.begin(agents)

    def resume(self, which: Mask, asked: Floats, *, books: bool) -> None:
        """Take up again what was asked, (b or n, fields of an ask); by default the price."""
        mine = self.transfer_price if books else self.price
        mine[which] = asked[which]

    # What an observer sees -------------------------------------------------------------------------------------------

    def report(self, state: MarketState) -> None:
        """Write prices and rounds."""
        w = self.wiring
        state.price[w.hub] = self.price
        state.round[w.hub], state.stopped[w.hub] = self.round, self.quiet.stopped
        if self.two_ledgers:
            state.transfer_price[w.book_line, w.book_end] = self.transfer_price
        else:
            state.transfer_price[w.book_line] = self.transfer_price[:, None]

    def oldest(self, state: MarketState) -> None:
        """Write the tick of the oldest message that each hub still relies on."""
        w = self.wiring
        oldest = np.full(len(w.hub), np.iinfo(np.int64).max)
        for kind, hub in (("bid", w.member_hub), ("transfer", np.repeat(w.book_hub, 2)), ("quiet", w.peer_hub)):
            np.minimum.at(oldest, hub, self.memory[kind].heard)
        state.heard[w.hub] = oldest

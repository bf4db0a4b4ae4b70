"""Two ledgers: each end of a tie-line keeps its own copy of the price. A lesson in what not to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ....environment import Field, Kind, Outbox
from ....environment.topology.channels import Link
from ..market import Market
from ..memory import Memory
from ..options import TRUE_MAX
from ..state import MarketState
from .barrier import Barrier
from .coordinator import Coordinator

__all__ = ["TwoLedgers", "copy_kind", "with_two_ledgers"]

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


def with_two_ledgers(market: Market) -> Market:
    """Return the market in which the coordinator at each end of a tie-line asks its own operator about it."""
    topology = market.topology
    own = np.full(len(topology.homes), -1, dtype=np.int32)
    own[topology.home[: len(topology.coordinators)]] = np.arange(len(topology.coordinators))
    mine = own[topology.home[topology.row_agent]]
    joins = np.isin(topology.row_balance, topology.joins) & (mine >= 0)
    return replace(market, topology=topology.kept_by(np.where(joins, mine, topology.row_coordinator).astype(np.int32)))


def copy_kind(periods: int) -> Kind:
    """Return the kind of message with which a coordinator passes the answer of its own operator on."""
    return Kind(
        "copy",
        (Link.PEER,),
        (Field("x", periods, "kW", -TRUE_MAX["kW"], TRUE_MAX["kW"]), Field("round", 1, "1", low=-1, whole=True)),
    )


class TwoLedgers(Coordinator):
    """Coordinators that each move a copy of the price, by the own operator's answer and the neighbour's as heard.

    Each passes its operator's answer on and waits one tick for the neighbour's; none asks for it again. Without faults both
    copies move alike. A lost answer makes them differ, and nothing ever brings them together again: the negotiation
    settles, without any residual, at a wrong point.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        market: Market = args[2]
        topology, ledger, n = market.topology, self.ledger, len(market.topology.row_balance)
        channels = topology.channels
        # The other row of each row's balance, where another coordinator asks about it.
        order = np.argsort(topology.row_balance, kind="stable")
        twin = np.full(n, -1, dtype=np.int64)
        same = topology.row_balance[order][1:] == topology.row_balance[order][:-1]
        twin[order[:-1][same]], twin[order[1:][same]] = order[1:][same], order[:-1][same]
        coordinator = topology.row_coordinator
        shared = (twin[ledger.row] >= 0) & (coordinator[twin[ledger.row]] != coordinator[ledger.row])
        self._shared = np.flatnonzero(shared)
        mine, other = coordinator[ledger.row[shared]], coordinator[twin[ledger.row[shared]]]
        peers, size = channels.peers, len(topology.coordinators)
        pair = channels.receiver[peers].astype(np.int64) * size + channels.sender[peers]  # ascending
        arriving = peers[pair.searchsorted(mine.astype(np.int64) * size + other)]
        self._out = channels.back[arriving]
        self._copies = self.listen(
            "copy", Memory(self.kinds["copy"], arriving, len(channels)), self.of_row[self._shared]
        )
        self.barrier = _OneTickLater(self.barrier)

    def speak(self, tick: int, outbox: Outbox) -> None:
        """Pass on what was just heard from the own operator, then speak like any coordinator."""
        ledger, copies = self.ledger, self._copies
        of = self.of_row[self._shared]
        news = self.awake[of] & (self.answers.heard[self._shared] > self.seen[of])
        outbox.send(self.kinds["copy"], self._out[news], self.answers.values[self._shared[news]])
        ledger.elsewhere = np.zeros((len(ledger.balance), ledger.periods))
        known = np.where(copies.sent[:, None] >= 0, copies.part("x"), np.nan)
        ledger.elsewhere[ledger.group[self._shared]] = known
        super().speak(tick, outbox)
        self.woken = True  # what was heard now counts in the next tick

    def report(self, state: MarketState) -> None:
        """Write prices, copy by copy, and rounds."""
        super().report(state)
        if state.row_price is not None:  # it is None where no balance joins two coordinators
            state.row_price[self.ledger.row] = self.ledger.columns["price"].take(self.ledger.group, axis=0)


class _OneTickLater(Barrier):
    """Another barrier, but that it waits a tick after the last answer, for copies to arrive."""

    def __init__(self, inner: Barrier) -> None:
        super().__init__(inner.role)
        self._inner, self.lock_step = inner, inner.lock_step

    def behind(self) -> tuple[Mask, Mask]:
        """(m,), (q,): which rows and which neighbours have not been heard as they should."""
        return self._inner.behind()

    def complete(self, tick: int, missing: Places) -> Mask:
        """(n,): which may close their round."""
        role = self.role
        just_now = role.count(role.answers.heard == tick, np.zeros(len(role.termination.of), dtype=bool))
        return self._inner.complete(tick, missing) & (just_now == 0)

    def counting(self, done: Mask, tick: int) -> Mask:
        """(n,): which of those that close have evidence enough."""
        return self._inner.counting(done, tick)

    def open(self, tick: int) -> None:
        """Begin a period."""
        self._inner.open(tick)

    @property
    def unheard(self) -> Mask:
        """(n,): which closed their last round without having heard from all."""
        return self._inner.unheard

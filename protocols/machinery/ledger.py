"""Ledger: the prices that some hubs own, and what they hear about the balances behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...environment import Kind
from .market import Market
from .memory import Memory
from .role import Role
from .state import MarketState
from .wiring import Wiring

if TYPE_CHECKING:
    from .protocol import Protocol

__all__ = ["Ledger"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_SMALL = 1_000_000
"""Numbers that are faster added up whole than picked apart first."""


class Ledger(Role):
    """Each virtual agent owns the price of its bus, and of every tie-line that it keeps (a *book*).

    Parameters
    ----------
    protocol, market, kinds
    hubs : (n,) addresses of the hubs

    Attributes
    ----------
    price : (n, periods) $/kWh
    transfer_price : (b, periods) $/kWh, the price of an import over the line of each book, at either end
    """

    two_ledgers = False

    def __init__(
        self, protocol: Protocol, market: Market, kinds: dict[str, Kind], hubs: npt.NDArray[np.integer]
    ) -> None:
        from scipy import sparse  # here: listing the protocols does without

        super().__init__(hubs)
        self.protocol, self.kinds = protocol, kinds
        self.wiring = wiring = Wiring.of(market.topology, hubs, two_ledgers=self.two_ledgers)
        n, m, channels = len(hubs), len(wiring.member_hub), len(market.topology.channels)
        self.memory["bid"] = Memory(kinds["bid"], wiring.member_up, channels)
        self.memory["transfer"] = Memory(kinds["transfer"], wiring.slot_up.ravel(), channels)
        # Sums by hub go through one kernel, CSR times columns, whose order does not depend on who else is summed.
        self._by_hub = sparse.csr_array((np.ones(m), (wiring.member_hub, np.arange(m))), shape=(n, m))
        self._first_prices = market.first_prices(wiring.hub, wiring.book_line, wiring.book_end)
        self.price, self.transfer_price = (prices.copy() for prices in self._first_prices)
        self._moving = np.ones(n, dtype=bool)

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

    def still(self) -> Mask:
        """(n,): whether power balances and both ends of every book's line agree, within the tolerances."""
        eps_abs, eps_rel = self.protocol.eps_abs, self.protocol.eps_rel
        flow = np.asarray(self._by_hub @ np.abs(self.memory["bid"].part("x"))) / 2.0
        still = np.asarray((np.abs(self.imbalance) <= eps_abs + eps_rel * flow).all(axis=1))
        x = np.abs(self.memory["transfer"].part("x"))
        apart = np.abs(self.disagreement) > eps_abs + eps_rel * np.maximum(x[0::2], x[1::2])
        return still & (self.wiring.sum_by_hub(self.wiring.book_hub, np.asarray(apart.any(axis=1))) == 0)

    def unmoved(self, price: Floats, transfer_price: Floats) -> Mask:
        """(n,): whether no price of a hub moved by more than the tolerances."""
        eps_abs, eps_rel = self.protocol.eps_abs, self.protocol.eps_rel
        moved = np.abs(self.price - price) > eps_abs + eps_rel * np.abs(price)
        books = np.abs(self.transfer_price - transfer_price) > eps_abs + eps_rel * np.abs(transfer_price)
        return ~moved.any(axis=1) & (self.wiring.sum_by_hub(self.wiring.book_hub, np.asarray(books.any(axis=1))) == 0)

    def report(self, state: MarketState) -> None:
        """Write prices."""
        w = self.wiring
        state.price[w.hub] = self.price
        if self.two_ledgers:
            state.transfer_price[w.book_line, w.book_end] = self.transfer_price
        else:
            state.transfer_price[w.book_line] = self.transfer_price[:, None]

"""Peer prosumer: trades energy with its partners and feeds what it has traded into the network (notes 002 and 003)."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..batch import batched
from ..bounds import within
from ..errors import AgentError
from ..facts import Array, Column, fact
from ..society import Society
from ..solve.port_groups import PortGroups, port_groups

__all__ = ["PeerProsumer"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]


class PeerProsumer(Society):
    """Prosumer with a connection to the network, its first port, and one port for each partner it trades with.

    min a/2 p^2 + b p + retail m - feed_in s + kappa/2 sum_j e_j^2 subject to p = sum_j e_j + s - m, m, s >= 0,
    low <= p <= high, with p = -x_1 what it injects and e_j = -x_j what it sells to partner j; nothing is attached to its
    own bus, so x_0 = 0. What is injected and not sold to a partner is sold at the feed-in tariff, what is sold and not
    injected is bought at retail. It knows its own costs and limits, the tariffs, and what its partners propose to it; of
    the network it knows the price at its own connection. Source: our reading of notes 002 and 003.

    Examples
    --------
    >>> seller = PeerProsumer(ports=[2], cost_quadratic=0.1, cost_linear=2.0, low=0.0, high=80.0,
    ...                       retail=25.0, feed_in=5.0, trade_cost=0.01)
    >>> nothing = np.zeros((3, 1))
    >>> seller.respond(np.array([[0.0], [0.0], [5.3]]), nothing, nothing[:, :1]).ravel()
    array([  0., -30., -30.])
    """

    cost_quadratic: Column = fact("$/kW²h", "a, of what it injects", gt=0.0)
    cost_linear: Column = fact("$/kWh", "b, of what it injects")
    low: Array = fact("kW", "least injection; below zero it consumes")
    high: Array = fact("kW", "largest injection; below zero it consumes")
    retail: Array = fact("$/kWh", "tariff at which the supplier sells, or its margin on wholesale")
    feed_in: Array = fact("$/kWh", "tariff at which the supplier buys, or its margin on wholesale, then below zero")
    trade_cost: Column = fact(
        "$/kW²h", "kappa, what a trade costs either end; makes the shares of the partners unique", gt=0.0
    )

    def check(self) -> None:
        """Refuse limits or tariffs that are crossed, and a prosumer without a connection."""
        self.refuse(self.high < self.low, "high", "at least low")
        self.refuse(self.retail < self.feed_in, "retail", "at least feed_in")
        if (self.port_count < 1).any():
            who = self.names[int(np.argmax(self.port_count < 1))]
            raise AgentError(f"{who}: ports = 0; wanted 1 or more, the first being its connection to the network")

    def scaled(self, weight: Floats) -> Self:
        """Return the same prosumers with `weight`, (n, 1), times their costs: those of a weighted market."""
        costs = ("cost_quadratic", "cost_linear", "retail", "feed_in", "trade_cost")
        return self.replace(**{name: getattr(self, name) * weight for name in costs})

    @batched
    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Return x, (rows, periods) kW: exact, by the value of energy in each trade account."""
        x = np.zeros((self.rows, price.shape[1]))
        shifted = price - rho * target
        for members, rows in self._rows:
            connection, trades = rows[:, 0], rows[:, 1:]
            bend = self.cost_quadratic[members] + rho[connection]
            worth = shifted[connection] - self.cost_linear[members]
            curvature = self.trade_cost[members, None] + rho[trades]
            value = self._value(members, worth, bend, shifted[trades], curvature)
            x[connection] = -np.clip((worth + value) / bend, self.low[members], self.high[members])
            x[trades] = -(shifted[trades] - value[:, None]) / curvature
        return x

    def _value(self, members: Rows, worth: Floats, bend: Floats, price: Floats, curvature: Floats) -> Floats:
        """Return the value of energy in the trade account, (m, periods) $/kWh.

        It is where what is injected, clip((worth + value) / bend, low, high), equals what is sold, the sum of
        (price - value) / curvature, a root between the feed-in tariff and retail or else the one of them that is nearer.
        """
        low, high = self.feed_in[members], self.retail[members]
        if not price.shape[1]:  # without partners nothing is injected between the tariffs, and exactly nothing
            return np.clip(-worth, low, high)
        sold, steep = np.zeros_like(worth), np.zeros_like(bend)
        for k in range(price.shape[1]):  # one after the other: the same bits for one prosumer or many
            sold, steep = sold + price[:, k] / curvature[:, k], steep + 1.0 / curvature[:, k]
        value = (sold - worth / bend) / (steep + 1.0 / bend)
        wanted = (worth + value) / bend
        p = np.clip(wanted, self.low[members], self.high[members])
        return np.clip(np.where(p == wanted, value, (sold - p) / steep), low, high)

    @batched
    def cost(self, x: Floats) -> Floats:
        """Return the cost of an answer x, (n, periods) $/h; +inf outside its limits."""
        p, traded, value = np.empty((3, len(self), x.shape[1]))
        for members, rows in self._rows:
            p[members] = -x[rows[:, 0]]
            squares, sold = np.zeros((2, len(members), x.shape[1]))
            for row in rows[:, 1:].T:
                sold, squares = sold - x[row], squares + x[row] * x[row]
            traded[members], value[members] = sold, self.trade_cost[members] / 2.0 * squares
        value += (self.cost_quadratic / 2.0 * p + self.cost_linear) * p
        left = p - traded
        value += self.retail * np.maximum(-left, 0.0) - self.feed_in * np.maximum(left, 0.0)
        value = within(p, self.low, self.high, value)
        return within(x[self.own_rows], 0.0, 0.0, value)

    @batched
    def slope(self, price: Floats) -> Floats:
        """Return -dx/dprice, (rows, periods) kW per $/kWh, of each row for its own price."""
        slope = np.zeros((self.rows, price.shape[1]))
        for members, rows in self._rows:
            connection, trades = rows[:, 0], rows[:, 1:]
            bend, kappa = self.cost_quadratic[members], self.trade_cost[members]
            worth = price[connection] - self.cost_linear[members]
            curvature = np.broadcast_to(kappa[:, None], (len(rows), trades.shape[1], 1))
            value = self._value(members, worth, bend, price[trades], curvature)
            wanted = (worth + value) / bend
            free = (wanted > self.low[members]) & (wanted < self.high[members])
            inner = (value > self.feed_in[members]) & (value < self.retail[members])
            # Between the tariffs the value moves with a price, and takes back a part of what the price alone would do.
            mine = np.where(free, 1.0 / bend, 0.0)
            whole = mine + trades.shape[1] / kappa
            part = np.where(inner & (whole > 0.0), 1.0 / np.where(whole > 0.0, whole, 1.0), 0.0)
            slope[connection] = mine * (1.0 - mine * part)
            slope[trades] = (1.0 / kappa * (1.0 - part / kappa))[:, None]
        return slope

    def sources(self, x: Floats) -> dict[str, Floats]:
        """Return what it consumes and generates, (n, periods) kW: what it trades is on paper, its connection carries power."""
        p = -x[self.own_rows + 1]
        return {"demand": np.maximum(-p, 0.0), "generation": np.maximum(p, 0.0), "net_export": p}

    @cached_property
    def _groups(self) -> PortGroups:
        return port_groups(self.port_count)

    @cached_property
    def _rows(self) -> list[tuple[Rows, Rows]]:
        """Which prosumers are solved together, (m,), and the rows of their ports, (m, k)."""
        return [(members, self.port_rows[ports]) for members, ports in self._groups]

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY variable x, (rows, periods) kW."""
        shape = (len(self), self.periods)
        first = self.own_rows + 1
        trades = np.setdiff1d(self.port_rows, first)
        owner = np.searchsorted(self.own_rows, trades, side="right") - 1
        gather = np.zeros((len(self), self.rows))
        gather[owner, trades] = 1.0
        bought, sold = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
        p = -x[first, :]

        def priced(price: Floats, power: Any) -> Any:
            return cp.sum(cp.multiply(np.broadcast_to(price, shape), power))

        cost = priced(self.cost_quadratic / 2.0, cp.square(p)) + priced(self.cost_linear, p)
        cost += priced(self.retail, bought) - priced(self.feed_in, sold)
        if trades.size:
            kappa = np.broadcast_to(self.trade_cost[owner] / 2.0, (trades.size, self.periods))
            cost += cp.sum(cp.multiply(kappa, cp.square(x[trades, :])))
        balance = p == -gather @ x + sold - bought
        return cost, [balance, p >= self.low, p <= self.high, x[self.own_rows, :] == 0]

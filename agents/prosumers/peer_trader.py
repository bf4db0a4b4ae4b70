"""Peer trader: sells and buys in bilateral trades alone, each with a preference and a limit of its own."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..batch import batched
from ..bounds import within
from ..facts import Array, Column, PortArray, fact
from ..society import Society
from ..solve.port_groups import PortGroups, port_groups, port_sum
from ..solve.water_fill import offers, water_fill

__all__ = ["PeerTrader"]

Floats = npt.NDArray[np.float64]


class PeerTrader(Society):
    """Agent whose rows are its trades, one port each: what it injects it sells, and what it buys it consumes.

    min a/2 p^2 + b p + sum_k (preference_k x_k + trade_cost/2 x_k^2) subject to p = -sum_k x_k, low <= p <= high and
    |x_k| <= limit_k, with p what it injects and x_k > 0 what it buys in trade k; it has no bus of its own, so x_0 = 0. It
    knows its own cost, limits and preferences; of a partner only what passes between them. Source: H. Le Cadre,
    P. Jacquot, C. Wan and C. Alasseur, Peer-to-peer electricity market analysis: from variational to generalized Nash
    equilibrium, 2020, whose product differentiation price is our preference; the trade cost makes the shares of the
    partners unique.

    Examples
    --------
    >>> buyer = PeerTrader(ports=[2], cost_quadratic=0.1, cost_linear=5.0, low=-40.0, high=0.0, preference=[[0.0], [0.5]],
    ...                    trade_cost=0.1)
    >>> price, nothing = np.array([[0.0], [2.0], [2.0]]), np.zeros((3, 1))
    >>> buyer.respond(price, nothing, nothing[:, :1]).ravel().round(9)  # for what it does not prefer it pays less
    array([ 0. , 11.66666667, 6.66666667])
    """

    cost_quadratic: Column = fact("$/kW²h", "a, of what it injects", gt=0.0)
    cost_linear: Column = fact("$/kWh", "b, of what it injects")
    low: Array = fact("kW", "least injection; below zero it consumes")
    high: Array = fact("kW", "largest injection; below zero it consumes")
    preference: PortArray = fact(
        "$/kWh", "of a trade, what a kWh bought costs beside its price, and a kWh sold brings", default=0.0
    )
    limit: PortArray = fact("kW", "of a trade, the most that it carries, either way", default=np.inf, ge=0.0)
    trade_cost: Column = fact(
        "$/kW²h", "kappa, what a trade costs either end; makes the shares of the partners unique", default=0.001, gt=0.0
    )

    def check(self) -> None:
        """Refuse limits that are crossed, and those of trades that leave no room for the power that must be traded."""
        self.refuse(self.high < self.low, "high", "at least low")
        most = port_sum(self._groups, self.limit)
        self.refuse(self.low > most, "low", "at most what its trades can carry together")
        self.refuse(self.high < -most, "high", "at least what its trades can carry together, below zero")

    def scaled(self, weight: Floats) -> Self:
        """Return the same agents with `weight`, (n, 1), times their costs."""
        costs = {name: getattr(self, name) * weight for name in ("cost_quadratic", "cost_linear", "trade_cost")}
        return self.replace(**costs, preference=self.preference * np.repeat(weight, self.port_count, axis=0))

    @batched
    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Return x, (rows, periods) kW: exact, by the value of energy, at which what it injects is what it sells."""
        x = np.zeros((self.rows, price.shape[1]))
        shifted = (price - rho * target)[self.port_rows] + self.preference
        for members, ports in self._groups:
            if not ports.shape[1]:
                continue
            m, k, periods = *ports.shape, price.shape[1]

            def flat(column: Floats, shape: tuple[int, int, int] = (m, k, periods)) -> Floats:
                wide = np.broadcast_to(column, shape).transpose(0, 2, 1)
                return np.asarray(wide.reshape(shape[0] * shape[2], shape[1]))

            rows = self.port_rows[ports]
            bend = self.trade_cost[members][:, None] + rho[rows]
            # Trades, and last what it injects, as offers that fall with the value of energy and add up to nothing.
            own = (m, 1, periods)
            worth, curvature, low, high = (
                np.concatenate(pair, axis=1)
                for pair in (
                    (flat(shifted[ports]), flat(self.cost_linear[members][:, None], own)),
                    (flat(bend), flat(self.cost_quadratic[members][:, None], own)),
                    (flat(-self.limit[ports]), flat(-self.high[members][:, None], own)),
                    (flat(self.limit[ports]), flat(-self.low[members][:, None], own)),
                )
            )
            level = water_fill(worth, curvature, low, high, np.zeros(len(worth)))
            sold = _without_rest(offers(worth, curvature, low, high, level), curvature, low, high)
            x[rows] = -sold[:, :k].reshape(m, periods, k).transpose(0, 2, 1)
        return x

    @batched
    def cost(self, x: Floats) -> Floats:
        """Return the cost of an answer x, (n, periods) $/h; +inf outside its limits."""
        trades = x[self.port_rows]
        owner = np.repeat(np.arange(len(self)), self.port_count)
        spent = port_sum(self._groups, (self.preference + self.trade_cost[owner] / 2.0 * trades) * trades)
        p, size = -port_sum(self._groups, trades), port_sum(self._groups, np.abs(trades))
        value = (self.cost_quadratic / 2.0 * p + self.cost_linear) * p + spent
        over = np.maximum(np.abs(trades) - self.limit - 1e-9 * np.maximum(1.0, np.abs(trades)), 0.0)
        value = within(port_sum(self._groups, over), 0.0, 0.0, value)
        # A sum of large trades rounds more than a small one.
        near = np.abs(p - np.clip(p, self.low, self.high)) / np.maximum(1.0, size)
        return within(x[self.own_rows], 0.0, 0.0, within(near, 0.0, 0.0, value))

    def sources(self, x: Floats) -> dict[str, Floats]:
        """Return what it consumes and generates, (n, periods) kW."""
        p = self.exported(x)
        return {"demand": np.maximum(-p, 0.0), "generation": np.maximum(p, 0.0), "net_export": p}

    @cached_property
    def _groups(self) -> PortGroups:
        return port_groups(self.port_count)

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY variable x, (rows, periods) kW."""
        owner = np.repeat(np.arange(len(self)), self.port_count)
        gather = np.zeros((len(self), self.rows))
        gather[owner, self.port_rows] = 1.0
        shape, p = (len(self), self.periods), -gather @ x
        bend, slope = (np.broadcast_to(column, shape) for column in (self.cost_quadratic / 2.0, self.cost_linear))
        cost = cp.sum(cp.multiply(bend, cp.square(p))) + cp.sum(cp.multiply(slope, p))
        limits = [p >= self.low, p <= self.high, x[self.own_rows, :] == 0]
        if len(owner):
            trades = x[self.port_rows, :]
            kappa = np.broadcast_to(self.trade_cost[owner] / 2.0, (len(owner), self.periods))
            cost += cp.sum(cp.multiply(self.preference, trades)) + cp.sum(cp.multiply(kappa, cp.square(trades)))
            bound = np.argwhere(np.isfinite(self.limit))
            if len(bound):
                limits.append(cp.abs(trades[bound[:, 0], bound[:, 1]]) <= self.limit[bound[:, 0], bound[:, 1]])
        return cost, limits


def _without_rest(sold: Floats, curvature: Floats, low: Floats, high: Floats) -> Floats:
    """Return offers that add up to nothing: what is left over, since a level rounds, is shared by those that are free."""
    free = np.where((sold > low) & (sold < high), 1.0 / curvature, 0.0)
    rest, give = np.zeros(len(sold)), np.zeros(len(sold))
    for k in range(sold.shape[1]):  # one after the other: the same bits for one agent or many
        rest, give = rest + sold[:, k], give + free[:, k]
    share = rest / np.where(give > 0.0, give, np.inf)
    return np.clip(sold - share[:, None] * free, low, high)

"""Community manager: passes power between its community and one other balance, such as a pool."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..batch import batched
from ..bounds import within
from ..errors import AgentError
from ..facts import Array, Column, fact
from ..society import Society

__all__ = ["CommunityManager"]

Floats = npt.NDArray[np.float64]


class CommunityManager(Society):
    """Manager of a community: what its members have left over it sells elsewhere, and what they lack it buys.

    min fee |q| + a/2 q^2 subject to |q| <= limit, with q = x_0 what it takes from its community and sells over its one port,
    x_1 = -q; without a port q = 0. It knows its own fee and limit and no member's cost. Source: F. Moret and P. Pinson,
    Energy collectives: a community and fairness based approach to future electricity markets, 2019.

    Examples
    --------
    >>> manager = CommunityManager(ports=[1], limit=30.0, fee=0.02)
    >>> nothing = np.zeros((2, 1))
    >>> manager.respond(np.array([[0.10], [0.15]]), nothing, nothing[:, :1]).ravel()  # cheap at home: it sells
    array([ 30., -30.])
    """

    limit: Array = fact("kW", "most that it passes on, either way", ge=0.0)
    fee: Column = fact("$/kWh", "of what it passes on, either way", default=0.0, ge=0.0)
    cost_quadratic: Column = fact("$/kW²h", "a, of what it passes on, such as losses", default=0.0, ge=0.0)

    def check(self) -> None:
        """Refuse a manager with several ports."""
        if (self.port_count > 1).any():
            k = int(np.argmax(self.port_count > 1))
            raise AgentError(
                f"{self.names[k]}: ports = {self.port_count[k]}; wanted 1 at most, beside its own community"
            )

    def scaled(self, weight: Floats) -> Self:
        """Return the same managers with `weight`, (n, 1), times their costs."""
        return self.replace(fee=self.fee * weight, cost_quadratic=self.cost_quadratic * weight)

    @batched
    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Return x, (rows, periods) kW; at prices that tie it passes nothing on."""
        x = np.zeros((self.rows, price.shape[1]))
        some = np.flatnonzero(self.port_count)
        home, port = self.own_rows[some], self.port_rows
        shifted = price - rho * target
        gain = shifted[port] - shifted[home]
        wanted = np.sign(gain) * np.maximum(np.abs(gain) - self.fee[some], 0.0)
        bend = self.cost_quadratic[some] + rho[home] + rho[port]
        limit = self.limit[some]
        with np.errstate(divide="ignore", invalid="ignore"):
            inner = wanted / bend
        # Without curvature the answer is at a limit or zero.
        q = np.clip(np.where(bend > 0.0, inner, np.sign(wanted) * limit), -limit, limit)
        x[home], x[port] = q, -q
        return x

    @batched
    def cost(self, x: Floats) -> Floats:
        """Return the cost of what passes, (n, periods) $/h; +inf where not all that comes in goes out, or beyond the limit."""
        q = x[self.own_rows]
        left, limit = q.copy(), np.where(self.port_count[:, None] > 0, self.limit, 0.0)
        left[self.port_count > 0] += x[self.port_rows]
        value = self.fee * np.abs(q) + self.cost_quadratic / 2.0 * q * q
        return within(left / np.maximum(1.0, np.abs(q)), 0.0, 0.0, within(q, -limit, limit, value))

    def sources(self, x: Floats) -> dict[str, Floats]:
        """Return what it generates, nothing, and what it exports over its port, (n, periods) kW."""
        exported = self.exported(x)
        return {"generation": np.zeros_like(exported), "net_export": exported}

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY variable x, (rows, periods) kW."""
        gather = np.zeros((len(self), self.rows))
        gather[np.arange(len(self)), self.own_rows] = 1.0
        gather[np.repeat(np.arange(len(self)), self.port_count), self.port_rows] = 1.0
        q = x[self.own_rows, :]
        fee, bend = (np.broadcast_to(column, q.shape) for column in (self.fee, self.cost_quadratic / 2.0))
        limit = np.where(self.port_count[:, None] > 0, self.limit, 0.0)
        cost = cp.sum(cp.multiply(fee, cp.abs(q))) + cp.sum(cp.multiply(bend, cp.square(q)))
        return cost, [gather @ x == 0, cp.abs(q) <= limit]

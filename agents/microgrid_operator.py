"""Microgrid operator: buys or generates, owns PV, and trades over tie-lines (notes 000 and 001)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from .facts import Array, AtLeast, Column, MoreThan, PortArray, Ports
from .operator_solve import OperatorProblem
from .society import Society, batched, within

__all__ = ["MicrogridOperator"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]


class MicrogridOperator(Society):
    """Operator of one microgrid: supply G from grid or generator, PV, and one port per tie-line.

    min a G^2 + b G + sum_k (alpha_k e_k^2 + c_k max(e_k, 0)), with e_k = -x_k the export over port k and
    G = -x_0 - sum_k x_k - PV, subject to 0 <= G <= power_max, -import_max <= e <= export_max, sum_k e_k <= PV.
    All PV is used. It knows its own costs, its PV and the limits of its ports. Source: note 000, supply block; note 001
    without storage.

    Attributes
    ----------
    cost_quadratic : a, $/kW^2h
    cost_linear : b, $/kWh
    power_max : kW, of G
    pv : (n, periods) kW
    alpha : (p, 1) $/kW^2h, what each end of a tie-line pays per squared kW; regularises the market
    export_max, import_max : (p, periods) kW
    transfer_cost : (p, 1) $/kWh, what the exporter pays per kW; note 000's unused C_tran(x) = 0.5 x, off by default
    """

    cost_quadratic: Annotated[Column, MoreThan(0)]
    cost_linear: Column
    power_max: Annotated[Column, AtLeast(0)]
    pv: Annotated[Array, AtLeast(0)] = 0.0  # type: ignore[assignment]
    alpha: Annotated[Ports, MoreThan(0)] = 0.05  # type: ignore[assignment]
    export_max: Annotated[PortArray, AtLeast(0)] = 0.0  # type: ignore[assignment]
    import_max: Annotated[PortArray, AtLeast(0)] = 0.0  # type: ignore[assignment]
    transfer_cost: Annotated[Ports, AtLeast(0)] = 0.0  # type: ignore[assignment]

    def port_sum(self, values: Floats) -> Floats:
        """Add up port values by agent, in port order: (p, periods) to (n, periods)."""
        total = np.zeros((len(self), values.shape[1]))
        for members, ports in self._groups:
            for column in ports.T:
                total[members] += values[column]
        return total

    def generation(self, x: Floats) -> Floats:
        """Return G, (n, periods) kW, that an answer x, (rows, periods) kW, implies."""
        return -(x[self.own_rows] + self.port_sum(x[self.port_rows])) - self.pv

    @batched
    def cost(self, x: Floats) -> Floats:
        """Return the cost of an answer x, (n, periods) $/h, regularising terms included."""
        supply, transfer = self.generation(x), x[self.port_rows]
        value = self.cost_quadratic * supply * supply + self.cost_linear * supply
        lines = self.alpha * transfer * transfer + self.transfer_cost * np.maximum(-transfer, 0.0)
        inside = within(-transfer, -self.import_max, self.export_max, lines)
        value = within(supply, 0.0, self.power_max, value) + self.port_sum(inside)
        return within(self.port_sum(-transfer), -np.inf, self.pv, value)

    def unregularised(self) -> Self:
        """Return the same operators with lossless tie-lines, alpha = 0."""
        return self.replace(alpha=np.zeros_like(self.alpha))

    @batched
    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Return x, (rows, periods) kW: exact, all operators at once (see `operator_solve`)."""
        x = np.empty((self.rows, price.shape[1]))
        supply = np.empty((len(self), price.shape[1]))
        for members, ports in self._groups:
            own, rows = self.own_rows[members], self.port_rows[ports]
            problem = OperatorProblem(
                quadratic=self.cost_quadratic[members],
                linear=self.cost_linear[members],
                power_max=self.power_max[members],
                pv=self.pv[members],
                value=price[own],
                pull=rho[own],
                wish=target[own],
                worth=price[rows] - rho[rows] * target[rows],
                curvature=2.0 * self.alpha[ports] + rho[rows],
                low=-self.import_max[ports],
                high=self.export_max[ports],
                fee=self.transfer_cost[ports],
            )
            supply[members], exports = problem.solve()
            x[rows] = -exports
        x[self.own_rows] = -(supply + self.pv + self.port_sum(x[self.port_rows]))
        return x

    @cached_property
    def _groups(self) -> Sequence[tuple[Rows, Rows]]:
        """Operators solved together, by number of ports and by fees or none: who they are, (m,), and their ports, (m, k)."""
        first = np.cumsum(self.port_count) - self.port_count
        agent = np.repeat(np.arange(len(self)), self.port_count)
        # A fee doubles the offers; solved so without one, an operator's answer could differ in the last bit.
        fees = np.bincount(agent[self.transfer_cost[:, 0] > 0.0], minlength=len(self)) > 0
        alike = 2 * self.port_count + fees
        groups: list[tuple[Rows, Rows]] = []
        for one in np.unique(alike).tolist():
            members = np.flatnonzero(alike == one)
            groups.append((members, first[members, None] + np.arange(one // 2)))
        return groups

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY variable x, (rows, periods) kW."""
        ports = np.repeat(np.arange(len(self)), self.port_count)
        gather = sparse.csr_array((np.ones(len(ports)), (ports, np.arange(len(ports)))), shape=(len(self), len(ports)))
        export = -x[self.port_rows, :] if len(ports) else None
        net = gather @ export if export is not None else np.zeros((len(self), self.periods))
        supply = -x[self.own_rows, :] - self.pv + net
        cost = cp.sum(cp.multiply(np.broadcast_to(self.cost_quadratic, supply.shape), cp.square(supply)))
        cost += cp.sum(cp.multiply(np.broadcast_to(self.cost_linear, supply.shape), supply))
        limits = [supply >= 0, supply <= np.broadcast_to(self.power_max, supply.shape)]
        if export is not None:
            cost += cp.sum(cp.multiply(np.broadcast_to(self.alpha, export.shape), cp.square(export)))
            cost += cp.sum(cp.multiply(np.broadcast_to(self.transfer_cost, export.shape), cp.pos(export)))
            limits += [export <= self.export_max, export >= -self.import_max, net <= self.pv]
        return cost, limits

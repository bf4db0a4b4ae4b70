"""Microgrid operator: buys or generates, owns PV, and trades over tie-lines (notes 000 and 001)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..batch import batched
from ..bounds import within
from ..facts import Array, Column, PortArray, Ports, fact
from ..society import Society
from ..solve.operator_solve import OperatorProblem
from ..solve.port_groups import PortGroups, port_groups, port_sum
from ..solve.supply import Dispatch, Supply

__all__ = ["MicrogridOperator"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]


class MicrogridOperator(Society):
    """Operator of one microgrid: supply G from grid or generator, PV, and one port per tie-line.

    min a G^2 + b G + sum_k (alpha_k e_k^2 + c_k max(e_k, 0)), with e_k = -x_k the export over port k and
    G = -x_0 - sum_k x_k - PV, subject to 0 <= G <= power_max, -import_max <= e <= export_max, sum_k e_k <= PV.
    All PV is used. It knows its own costs, its PV and the limits of its ports. Source: note 000, supply block; note 001
    without storage.
    """

    cost_quadratic: Column = fact("$/kW²h", "a, of what is generated or bought", gt=0.0)
    cost_linear: Column = fact("$/kWh", "b, of what is generated or bought")
    power_max: Column = fact("kW", "largest G, from grid or generator", ge=0.0)
    pv: Array = fact("kW", "what its PV gives; 1e9 is half of all there is on Earth", default=0.0, ge=0.0, le=1e9)
    alpha: Ports = fact(
        "$/kW²h", "what each end of a tie-line pays per squared kW; regularises the market", default=0.05, gt=0.0
    )
    export_max: PortArray = fact("kW", "largest export over each tie-line", default=0.0, ge=0.0)
    import_max: PortArray = fact("kW", "largest import over each tie-line", default=0.0, ge=0.0)
    transfer_cost: Ports = fact(
        "$/kWh", "what the exporter pays; note 000's unused C_tran(x) = 0.5 x, off by default", default=0.0, ge=0.0
    )

    def port_sum(self, values: Floats) -> Floats:
        """Add up port values by agent, in port order: (p, periods) to (n, periods)."""
        return port_sum(self._groups, values)

    def dispatch(self, x: Floats) -> Dispatch:
        """Return what each source supplies, (n, periods) kW, in the cheapest way to an answer x, (rows, periods) kW."""
        total = -(x[self.own_rows] + self.port_sum(x[self.port_rows]))
        found = self._supply(np.arange(len(self))).share(total.reshape(-1))
        return Dispatch(*(part.reshape(total.shape) for part in (found.generation, found.pv, found.storage)))

    def generation(self, x: Floats) -> Floats:
        """Return G, (n, periods) kW, that an answer x, (rows, periods) kW, implies."""
        return self.dispatch(x).generation

    def sources(self, x: Floats) -> dict[str, Floats]:
        """Return generation, PV and net export, (n, periods) kW."""
        return {"generation": self.supplied(x) - self.pv, "pv": self.pv, "net_export": self.exported(x)}

    @batched
    def cost(self, x: Floats) -> Floats:
        """Return the cost of an answer x, (n, periods) $/h, regularising terms included."""
        found, transfer = self.dispatch(x), x[self.port_rows]
        flat = Dispatch(*(part.reshape(-1) for part in (found.generation, found.pv, found.storage)))
        value = self._supply(np.arange(len(self))).cost(flat).reshape(found.generation.shape)
        lines = self.alpha * transfer * transfer + self.transfer_cost * np.maximum(-transfer, 0.0)
        inside = within(-transfer, -self.import_max, self.export_max, lines)
        return within(self.port_sum(-transfer), -np.inf, self.pv, value + self.port_sum(inside))

    def unregularised(self) -> Self:
        """Return the same operators with lossless tie-lines, alpha = 0."""
        return self.replace(alpha=np.zeros_like(self.alpha))

    @batched
    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Return x, (rows, periods) kW: exact, all operators at once (see `operator_solve`)."""
        x = np.empty((self.rows, price.shape[1]))
        supply = np.empty((len(self), price.shape[1]))
        for members, rows, problem in self._problems(price, target, rho):
            supply[members], exports = problem.solve()
            x[rows] = -exports
        x[self.own_rows] = -(supply + self.port_sum(x[self.port_rows]))
        return x

    @batched
    def slope(self, price: Floats) -> Floats:
        """Return -dx/dprice, (rows, periods) kW per $/kWh, of each row for its own price."""
        slope = np.empty((self.rows, price.shape[1]))
        none = np.zeros_like(price)
        for members, rows, problem in self._problems(price, none, none[:, :1]):
            slope[self.own_rows[members]], slope[rows] = problem.slope()
        return slope

    def _problems(self, price: Floats, target: Floats, rho: Floats) -> Iterator[tuple[Rows, Rows, OperatorProblem]]:
        """Yield which operators are solved together, (m,), the rows of their ports, (m, k), and the problem."""
        for members, ports in self._groups:
            own, rows = self.own_rows[members], self.port_rows[ports]
            problem = OperatorProblem(
                supply=self._supply(members),
                price=price[own],
                rho=rho[own],
                target=target[own],
                worth=price[rows] - rho[rows] * target[rows],
                curvature=2.0 * self.alpha[ports] + rho[rows],
                low=-self.import_max[ports],
                high=self.export_max[ports],
                fee=self.transfer_cost[ports],
            )
            yield members, rows, problem

    def _supply(self, members: Rows) -> Supply:
        """Return the sources of some operators, (m x periods,) columns."""
        return Supply(
            quadratic=self._flat(self.cost_quadratic, members),
            linear=self._flat(self.cost_linear, members),
            power_max=self._flat(self.power_max, members),
            pv=self._flat(self.pv, members),
        )

    def _flat(self, column: Floats, members: Rows) -> Floats:
        return np.broadcast_to(column[members], (len(members), self.periods)).reshape(-1)

    @cached_property
    def _groups(self) -> PortGroups:
        """Operators solved together, by number of ports and by fees or none."""
        agent = np.repeat(np.arange(len(self)), self.port_count)
        # A fee doubles the offers; solved so without one, an operator's answer could differ in the last bit.
        fees = np.bincount(agent[self.transfer_cost[:, 0] > 0.0], minlength=len(self)) > 0
        return port_groups(self.port_count, fees)

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY variable x, (rows, periods) kW."""
        return self._with_ports(cp, x, self._supply_reference)

    def _with_ports(
        self, cp: Any, x: Any, supply: Callable[[Any, Any], tuple[Any, list[Any]]]
    ) -> tuple[Any, list[Any]]:
        """Return cost and constraints of x where `supply` says those of what its sources give."""
        from scipy import sparse

        ports = np.repeat(np.arange(len(self)), self.port_count)
        gather = sparse.csr_array((np.ones(len(ports)), (ports, np.arange(len(ports)))), shape=(len(self), len(ports)))
        export = -x[self.port_rows, :] if len(ports) else None
        net = gather @ export if export is not None else np.zeros((len(self), self.periods))
        cost, limits = supply(cp, -x[self.own_rows, :] + net)
        if export is not None:
            cost += cp.sum(cp.multiply(np.broadcast_to(self.alpha, export.shape), cp.square(export)))
            cost += cp.sum(cp.multiply(np.broadcast_to(self.transfer_cost, export.shape), cp.pos(export)))
            limits += [net <= self.pv, *_bounds(export, -self.import_max, self.export_max)]
        return cost, limits

    def _supply_reference(self, cp: Any, total: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of what the sources supply, (n, periods) kW."""
        return self._generation_reference(cp, total - self.pv)

    def _generation_reference(self, cp: Any, generation: Any) -> tuple[Any, list[Any]]:
        wide = [np.broadcast_to(c, generation.shape) for c in (self.cost_quadratic, self.cost_linear, self.power_max)]
        cost = cp.sum(cp.multiply(wide[0], cp.square(generation))) + cp.sum(cp.multiply(wide[1], generation))
        return cost, [generation >= 0, generation <= wide[2]]


def _bounds(power: Any, low: Floats, high: Floats) -> list[Any]:
    """Constraints low <= power <= high, without those that are infinite."""
    low_at, high_at = np.nonzero(np.isfinite(low)), np.nonzero(np.isfinite(high))
    bounds = [power[low_at] >= low[low_at]] if low_at[0].size else []
    return bounds + ([power[high_at] <= high[high_at]] if high_at[0].size else [])

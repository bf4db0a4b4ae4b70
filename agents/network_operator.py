"""Operator of a distribution feeder: answers every injection with what the lines and the voltages allow, and at which price."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt

from .envelope import Connections, Envelope, Limits, lossless_envelope
from .envelope_solve import Point, misfit, project
from .errors import AgentError
from .facts import Array, AtLeast, Column, MoreThan, PortArray, Ports
from .radial import FeederData, RadialGrid
from .society import Society, within

__all__ = ["NetworkOperator"]

Floats = npt.NDArray[np.float64]


class NetworkOperator(Society):
    """Operator of a radial feeder, with one port for each prosumer that is connected to it.

    min wholesale (sum load - sum x + losses) + loss_price losses over what the ports feed in, x_i > 0 kW, subject to
    |P_l| <= limit_l where each line begins, v_min <= |v_k| <= v_max, -export_max <= x <= import_max. Nothing is attached to
    its own bus: row 0 is zero. Without losses the network is LinDistFlow (Baran and Wu 1989): P_l = sum of what is taken below,
    v_k^2 = source^2 - 2 sum (r P + x Q) over the way to bus k, and the limits are rows of G x <= h (notes 002 and 003,
    operating envelope). It knows the feeder, its loads and limits, the bus and tan phi of each port and the power of its fuse,
    and no prosumer's cost.

    Parameters
    ----------
    feeder : what `FeederData` says, or one for each agent
    others : see `Society`

    Attributes
    ----------
    bus : (p, 1) number of the bus of each port, in the order of the feeder
    tan_phi : (p, 1) kvar that is fed in with each kW
    export_max, import_max : (p, periods) kW, most that the port carries to the prosumer, and from it
    wholesale : (n, periods) $/kWh, price of power at the source
    loss_price : (n, periods) $/kWh, what a lost kWh costs besides
    load_factor : (n, periods) all fixed loads of the feeder times this
    source : (n, periods) pu, voltage at the source
    v_min, v_max : pu, at every bus but the source

    Raises
    ------
    AgentError
        A bus is none of the feeder's, limits contradict one another, or nothing that the ports may carry keeps all limits:
        names the line or bus where that fails.
    """

    bus: Annotated[Ports, AtLeast(0)]
    tan_phi: Ports = 0.0  # type: ignore[assignment]
    export_max: Annotated[PortArray, AtLeast(0)]
    import_max: Annotated[PortArray, AtLeast(0)]
    wholesale: Array = 0.0  # type: ignore[assignment]
    loss_price: Annotated[Array, AtLeast(0)] = 0.0  # type: ignore[assignment]
    load_factor: Array = 1.0  # type: ignore[assignment]
    source: Annotated[Array, MoreThan(0)] = 1.0  # type: ignore[assignment]
    v_min: Annotated[Column, AtLeast(0)] = 0.95  # type: ignore[assignment]
    v_max: Annotated[Column, MoreThan(0)] = 1.05  # type: ignore[assignment]

    _grids: Sequence[RadialGrid]

    def __init__(self, *, feeder: FeederData | Sequence[FeederData], **facts: Any) -> None:
        feeders: Any = [feeder] if hasattr(feeder, "parent") else feeder
        self._grids = [RadialGrid(one) for one in feeders]
        super().__init__(**facts)

    def check(self) -> None:
        """Refuse ports at no bus, limits that contradict one another, and limits that nothing can keep."""
        if len(self._grids) != len(self):
            raise AgentError(f"{self.names[0]}: {len(self._grids)} feeders for {len(self)} agents")
        self.refuse(self.v_min >= self.v_max, "v_min", "less than v_max")
        for k in range(len(self)):
            self[k]._check_one()

    def _check_one(self) -> None:
        buses, who = len(self.grid.feeder.buses), self.names[0]
        wrong = (self.bus != np.round(self.bus)) | (self.bus >= buses)
        if wrong.any():
            port = int(np.argmax(wrong[:, 0]))
            raise AgentError(
                f"{who}: bus = {self.bus[port, 0]:g} (port {port}); wanted a whole number, 0 to {buses - 1}"
            )
        for period in range(self.periods):
            envelope = self.envelopes[period]
            low, high = -self.export_max[:, period], self.import_max[:, period]
            zero = np.zeros(len(low))
            dead = self._unmoved(period)
            if dead:
                raise AgentError(f"{who}: {dead} (period {period}); no port can change that")
            if project(envelope, zero, zero, zero, low, high) is None:
                row, short = misfit(envelope, low, high)
                unit = "kW" if envelope.of_lines[row] else "pu^2"
                raise AgentError(
                    f"{who}: {envelope.name(row, self.grid.feeder)} (period {period}): nothing that the ports may carry keeps "
                    f"it together with the other limits; the nearest is off by {short:.3g} {unit}"
                )

    def _unmoved(self, period: int) -> str:
        """Say which limit is broken by fixed loads where no port is below, if any is."""
        every = self._envelope(period, all_rows=True)
        rest = np.abs(every.rows).max(axis=1, initial=0.0) == 0.0
        broken = np.flatnonzero(rest & (every.room < -1e-12))
        return f"{every.name(int(broken[0]), self.grid.feeder)} is broken by the fixed loads" if len(broken) else ""

    # The society around the agents ----------------------------------------------------------------------------------

    @classmethod
    def stack(cls, agents: Sequence[Self]) -> Self:
        """Put societies together as the rows of one."""
        new = super().stack(agents)
        new._grids = [agent._grids[k] for agent in agents for k in agent._which.tolist()]
        return new

    def take(self, which: Any) -> Self:
        """Return the agents picked by a slice without a step (a window) or by positions (a copy)."""
        new = super().take(which)
        new._grids = self._grids
        return new

    @property
    def grid(self) -> RadialGrid:
        """The feeder of an agent that stands alone."""
        return self._grids[int(self._which[0])]

    @cached_property
    def connections(self) -> Connections:
        """Where the ports of an agent that stands alone are connected."""
        return Connections(self.bus[:, 0].astype(np.int64), self.tan_phi[:, 0])

    @cached_property
    def envelopes(self) -> list[Envelope]:
        """What each period allows, of an agent that stands alone."""
        return [self._envelope(period) for period in range(self.periods)]

    def _envelope(self, period: int, *, all_rows: bool = False) -> Envelope:
        grid, factor = self.grid, self.load_factor[0, period]
        load = factor * grid.load[:, 0], factor * grid.load_reactive[:, 0]
        limits = Limits(float(self.v_min[0, 0]), float(self.v_max[0, 0]), grid.limit)
        return lossless_envelope(grid, self.connections, load, float(self.source[0, period]), limits, all_rows=all_rows)

    # The seam -------------------------------------------------------------------------------------------------------

    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Return x, (rows, periods) kW: exact, an active-set solution of each period's quadratic programme."""
        x = np.zeros((self.rows, self.periods))
        for period in range(self.periods):
            x[1:, period] = self._solve(price, target, rho, period).x
        return x

    def _solve(self, price: Floats, target: Floats, rho: Floats, period: int) -> Point:
        envelope = self.envelopes[period]
        asked = price[1:, period] + self._marginal(envelope, period)
        low, high = -self.export_max[:, period], self.import_max[:, period]
        point = project(envelope, asked, target[1:, period], rho[1:, 0], low, high)
        if point is None:  # the check of the facts has found a point
            raise AgentError(f"{self.names[0]}: nothing keeps the limits of period {period}")
        return point

    def _marginal(self, envelope: Envelope, period: int) -> Floats:
        """(ports,) $/kWh: what one more kW fed in costs the operator, limits aside."""
        wholesale, loss_price = self.wholesale[0, period], self.loss_price[0, period]
        return np.asarray((wholesale + loss_price) * envelope.loss_factor - wholesale)

    def cost(self, x: Floats) -> Floats:
        """Return the cost of an answer x, (1, periods) $/h, fixed loads included; +inf outside the limits."""
        value = np.empty((1, self.periods))
        for period, envelope in enumerate(self.envelopes):
            fed = x[1:, period]
            lost = envelope.lost(fed)
            taken = self.load_factor[0, period] * self.grid.load.sum() - fed.sum() + lost
            value[0, period] = self.wholesale[0, period] * taken + self.loss_price[0, period] * lost
            if not envelope.keeps(fed):
                value[0, period] = np.inf
        carried = within(x[1:], -self.export_max, self.import_max, np.zeros((self.rows - 1, self.periods)))
        inside = np.isfinite(carried).all(axis=0, keepdims=True)
        return within(x[:1], 0.0, 0.0, np.where(inside, value, np.inf))

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY variable x, (rows, periods) kW."""
        cost: Any = 0.0
        limits: list[Any] = [x[self.own_rows, :] == 0]
        for k in range(len(self)):
            one, first = self[k], int(self.row_start[k]) + 1
            last = int(self.row_start[k + 1])
            for period, envelope in enumerate(one.envelopes):
                fed = x[first:last, period]
                fixed = one.wholesale[0, period] * one.load_factor[0, period] * one.grid.load.sum()
                lost = (one.wholesale[0, period] + one.loss_price[0, period]) * envelope.losses
                cost += one._marginal(envelope, period) @ fed + fixed + lost
                limits += [fed >= -one.export_max[:, period], fed <= one.import_max[:, period]]
                if len(envelope.room):
                    limits.append(envelope.rows @ fed <= envelope.room)
        return cost, limits

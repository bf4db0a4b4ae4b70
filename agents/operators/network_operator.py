"""Operator of a distribution feeder: answers every injection with what the lines and the voltages allow, and at which price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, get_args

import numpy as np
import numpy.typing as npt

from ..bounds import within
from ..errors import AgentError
from ..facts import Array, Column, PortArray, Ports, fact
from ..network.envelope import Connections, Limits
from ..network.envelope_solve import Point
from ..network.feeder import Feeder
from ..network.period import Losses, NetworkPeriod
from ..network.period_solve import PeriodProblem
from ..network.radial import RadialGrid
from ..network.signals import Signals, signals_of
from ..period import Period
from ..society import Society

__all__ = ["NetworkOperator"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Site:
    """The network of one agent: its grid, how losses are seen, and one frozen envelope a period, if any."""

    grid: RadialGrid
    losses: Losses
    frozen: tuple[Any, ...] | None = None


class NetworkOperator(Society):
    """Operator of a radial feeder, with one port for each prosumer that is connected to it.

    min wholesale (sum load - sum x + losses) + loss_price losses over what the ports feed in, x_i > 0 kW, subject to
    |P_l| <= limit_l where each line begins, v_min <= |v_k| <= v_max, -export_max <= x <= import_max. Nothing is attached to
    its own bus: row 0 is zero. Without losses the network is LinDistFlow (Baran and Wu 1989): P_l = sum of what is taken
    below, v_k^2 = source^2 - 2 sum (r P + x Q) over the way to bus k, and the limits are rows of G x <= h (notes 002 and 003,
    operating envelope). With losses the flow is the exact one of a radial feeder (DistFlow), answers are found tangent by
    tangent, and limits hold exactly. It knows the feeder, its loads and limits, the bus and tan phi of each port and the
    power of its fuse, and no prosumer's cost.

    Parameters
    ----------
    feeder : a `Feeder`, or one for each agent
    losses : "none"; "lindistflow" for a power flow with losses and LinDistFlow's derivatives; "exact" for its own derivatives
    facts : see `Society`

    Raises
    ------
    AgentError
        A bus is none of the feeder's, limits contradict one another, or nothing that the ports may carry keeps all limits:
        names the line or bus where that fails.
    """

    bus: Ports = fact("1", "number of the bus of each port, in the order of the feeder", ge=0.0)
    tan_phi: Ports = fact("1", "kvar that is fed in with each kW", default=0.0)
    export_max: PortArray = fact("kW", "most that each port carries to the prosumer", ge=0.0)
    import_max: PortArray = fact("kW", "most that each port carries from the prosumer", ge=0.0)
    wholesale: Array = fact("$/kWh", "price of power at the source", default=0.0)
    loss_price: Array = fact("$/kWh", "what a lost kWh costs besides", default=0.0, ge=0.0)
    load_factor: Array = fact("1", "all fixed loads of the feeder are taken times this", default=1.0)
    source: Array = fact("pu", "voltage at the source", default=1.0, gt=0.0)
    v_min: Column = fact("pu", "lowest voltage at every bus but the source", default=0.95, ge=0.0)
    v_max: Column = fact("pu", "highest voltage at every bus but the source", default=1.05, gt=0.0)

    runs_network = True

    _sites: Sequence[Site]

    def __init__(self, *, feeder: Feeder | Sequence[Feeder], losses: Losses = "none", **facts: Any) -> None:
        if losses not in get_args(Losses):
            raise AgentError(f"losses = {losses!r}; wanted one of {', '.join(get_args(Losses))}")
        feeders = [feeder] if isinstance(feeder, Feeder) else feeder
        self._sites = [Site(RadialGrid(one), losses) for one in feeders]
        super().__init__(**facts)

    def check(self) -> None:
        """Refuse ports at no bus, limits that contradict one another, and limits that nothing can keep."""
        if len(self._sites) != len(self):
            raise AgentError(f"{self.names[0]}: {len(self._sites)} feeders for {len(self)} agents")
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
        for problem in self._problems:
            if (trouble := problem.trouble()) is not None:
                raise AgentError(f"{who}: {trouble}")

    @classmethod
    def stack(cls, agents: Sequence[Self]) -> Self:
        """Put societies together as the rows of one."""
        new = super().stack(agents)
        new._sites = [agent._sites[k] for agent in agents for k in agent._which.tolist()]
        return new

    def take(self, which: Any) -> Self:
        """Return the agents picked by a slice without a step (a window) or by positions (a copy)."""
        new = super().take(which)
        new._sites = self._sites
        return new

    def open(self, period: Period) -> Self:
        """Return the same agents in one period alone."""
        new = super().open(period)
        new._sites = [replace(site, frozen=site.frozen and (site.frozen[period.number],)) for site in self._sites]
        return new

    def linearised(self, x: Floats) -> Self:
        """Return the same operators with the tangent at x, (rows, periods) kW, in the place of their networks.

        Their market is convex, so that a certificate and a central solve can judge a point that was negotiated with losses.
        Without losses they are themselves.

        Raises
        ------
        AgentError
            At x there is no power flow.
        """
        new, sites = self.take(slice(0, len(self))), list(self._sites)
        for k in range(len(self)):
            one, rows = self[k], slice(int(self.row_start[k]) + 1, int(self.row_start[k + 1]))
            found = [network.tangent(x[rows, period]) for period, network in enumerate(one.networks)]
            if any(envelope is None for envelope in found):
                raise AgentError(f"{one.names[0]}: there is no power flow in period {found.index(None)}")
            place = int(self._which[k])
            sites[place] = replace(sites[place], frozen=None if one.losses == "none" else tuple(found))
        new._sites = sites
        return new

    @property
    def convex(self) -> bool:
        """Whether no operator's network has losses: those of a tangent are linear."""
        return all(site.losses == "none" or site.frozen is not None for site in self._sites)

    @property
    def grid(self) -> RadialGrid:
        """The feeder of an agent that stands alone."""
        return self._sites[int(self._which[0])].grid

    @property
    def losses(self) -> Losses:
        """How an agent that stands alone sees losses."""
        return self._sites[int(self._which[0])].losses

    @cached_property
    def networks(self) -> list[NetworkPeriod]:
        """What an agent that stands alone knows of each period."""
        if len(self) != 1:
            raise AgentError(f"{len(self)} network operators; each has its own network: ask one of them, society[k]")
        site = self._sites[int(self._which[0])]
        grid, ports = site.grid, Connections(self.bus[:, 0].astype(np.int64), self.tan_phi[:, 0])
        limits = Limits(float(self.v_min[0, 0]), float(self.v_max[0, 0]), grid.limit)
        return [
            NetworkPeriod(
                grid=grid,
                ports=ports,
                losses=site.losses,
                limits=limits,
                load=self.load_factor[0, t] * grid.load[:, 0],
                reactive=self.load_factor[0, t] * grid.load_reactive[:, 0],
                source=float(self.source[0, t]),
                wholesale=float(self.wholesale[0, t]),
                loss_price=float(self.loss_price[0, t]),
                frozen=site.frozen[t] if site.frozen else None,
            )
            for t in range(self.periods)
        ]

    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Return x, (rows, periods) kW: an active-set solution of each period's quadratic programme, tangent by tangent."""
        x = np.zeros((self.rows, self.periods))
        for period in range(self.periods):
            x[1:, period] = self._point(price, target, rho, period).x
        return x

    def signals(self, price: Floats, target: Floats, rho: Floats) -> Signals:
        """Return the prices behind the answer of an agent that stands alone, by what they are for."""
        points = [self._point(price, target, rho, period) for period in range(self.periods)]
        return signals_of(self.networks, points)

    def _point(self, price: Floats, target: Floats, rho: Floats, period: int) -> Point:
        problem = self._problems[period]
        point = problem.solve(price[1:, period], target[1:, period], rho[1:, 0])
        if point is None:
            raise AgentError(f"{self.names[0]}: {problem.unkept()}")
        return point

    @cached_property
    def _problems(self) -> list[PeriodProblem]:
        """The local problem of each period, of an agent that stands alone."""
        limits = -self.export_max, self.import_max
        return [PeriodProblem(t, one, limits[0][:, t], limits[1][:, t]) for t, one in enumerate(self.networks)]

    def cost(self, x: Floats) -> Floats:
        """Return the cost of an answer x, (1, periods) $/h, fixed loads included; +inf outside the limits."""
        value = np.array([[network.cost(x[1:, t]) for t, network in enumerate(self.networks)]])
        carried = within(x[1:], -self.export_max, self.import_max, np.zeros((self.rows - 1, self.periods)))
        inside = np.isfinite(carried).all(axis=0, keepdims=True)
        return within(x[:1], 0.0, 0.0, np.where(inside, value, np.inf))

    def sources(self, x: Floats) -> dict[str, Floats]:
        """Return its fixed load, what it draws from above for load and ports, and net export, (n, periods) kW; no losses."""
        load = np.array([[network.load.sum() for network in self[k].networks] for k in range(len(self))])
        export = self.exported(x)
        return {"demand": load, "generation": load + x[self.own_rows] + self.supplied(x), "net_export": export}

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY variable x, (rows, periods) kW; with losses, those of a relaxation."""
        cost: Any = 0.0
        limits: list[Any] = [x[self.own_rows, :] == 0]
        for k in range(len(self)):
            one, rows = self[k], slice(int(self.row_start[k]) + 1, int(self.row_start[k + 1]))
            for t, network in enumerate(one.networks):
                part, bounds = network.reference(cp, x[rows, t])
                cost += part
                limits += [*bounds, x[rows, t] >= -one.export_max[:, t], x[rows, t] <= one.import_max[:, t]]
        return cost, limits

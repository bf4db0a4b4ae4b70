"""Microgrid operator that plans a whole day: generator, battery, main grid at a tariff, and tie-lines (note 004)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..batch import batched
from ..bounds import within
from ..errors import AgentError
from ..facts import Array, Column, PortArray, Ports, fact
from ..society import Society
from ..solve.bus_curve import BusCurve
from ..solve.port_groups import PortGroups, port_groups, port_sum
from ..solve.storage_path import StoragePath

__all__ = ["DispatchOperator", "Schedule"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]
Source = tuple[Floats, Floats, Floats, Floats]
"""Price, curvature, least and most of power that is supplied as its value rises: see `BusCurve`."""

_TILE = 128
"""Agents that are solved at once: their curves stay in the processor's cache."""


@dataclass(frozen=True)
class Schedule:
    """What an operator does with its own devices, (n, periods) kW each, energy in kWh.

    Attributes
    ----------
    generation : of the generator
    discharge : of the battery, below zero while it charges
    main_grid : bought, below zero where sold
    energy : in the battery after each period
    missing : what the bus lacks because some limit stands in the way; 0 where the schedule is possible
    """

    generation: Floats
    discharge: Floats
    main_grid: Floats
    energy: Floats
    missing: Floats


class DispatchOperator(Society):
    """Operator of one microgrid that plans all periods together.

    min sum_t a g^2 + b g + a_B u^2 + tariff m + a_M m^2 + b_M |m| + sum_k (a_T max(e_k, 0)^2 + b_T max(e_k, 0)), with
    e_k = -x_k and g + u + m + x_0 + sum_k x_k = load, 0 <= g <= power_max, |u| <= storage_max, -sell_max <= m <= buy_max,
    -import_max <= e_k <= export_max, |x_0| <= bus_max, and a lossless battery that begins and ends half full:
    E_t = E_{t-1} - u hours, 0 <= E <= capacity_kwh. The sender pays for a transfer. The readings of the note's main grid
    are facts: buy_max = sell_max = 0 for none, sell_max = 0 for one that only sells to us; a main grid behind a shared
    connection is one more operator, without load and generator, that buys and sells as much as the connection carries and
    has a tie-line to each microgrid. It knows its own load, costs and tariff. Source: note 004, items 1 to 5.
    """

    load: Array = fact("kW", "its own load; prosumers at its bus may have more", default=0.0, ge=0.0)
    cost_quadratic: Column = fact("$/kW²h", "a of the generator", default=0.0, ge=0.0)
    cost_linear: Column = fact("$/kWh", "b of the generator", default=0.0)
    power_max: Column = fact("kW", "largest power of the generator", default=0.0, ge=0.0)
    storage_quadratic: Column = fact("$/kW²h", "a_B, for charge and discharge alike", default=0.005, gt=0.0)
    storage_max: Column = fact("kW", "largest charge and largest discharge", default=0.0, ge=0.0)
    capacity_kwh: Column = fact("kWh", "capacity of the battery, 0 for none", default=0.0, ge=0.0)
    tariff: Array = fact("$/kWh", "at which the main grid sells and buys", default=0.0)
    grid_quadratic: Column = fact(
        "$/kW²h", "a_M, what an exchange with the main grid costs besides", default=0.0, ge=0.0
    )
    grid_linear: Column = fact("$/kWh", "b_M, what an exchange with the main grid costs besides", default=0.0, ge=0.0)
    buy_max: Array = fact("kW", "most from the main grid", default=0.0, ge=0.0)
    sell_max: Array = fact("kW", "most to the main grid", default=0.0, ge=0.0)
    bus_max: Column = fact(
        "kW", "most between it and the prosumers at its bus; 0 where there are none", default=math.inf, ge=0.0
    )
    hours: Column = fact("h", "length of a period", default=1.0, gt=0.0)
    transfer_quadratic: Ports = fact("$/kW²h", "a_T, what the exporter pays", default=0.0, ge=0.0)
    transfer_cost: Ports = fact("$/kWh", "b_T, what the exporter pays", default=0.0, ge=0.0)
    export_max: PortArray = fact("kW", "largest export over each tie-line", default=0.0, ge=0.0)
    import_max: PortArray = fact("kW", "largest import over each tie-line", default=0.0, ge=0.0)

    def check(self) -> None:
        """Refuse a load that all sources, imports and the battery together cannot serve, and name the period."""
        short = self.load - (self.power_max + self._rate + self.buy_max + self.bus_max + self.port_sum(self.import_max))
        if (short > 1e-9).any():
            k = np.argwhere(short > 1e-9)[0]
            most = self.load[k[0], k[1]] - short[k[0], k[1]]
            self.refuse(short > 1e-9, "load", f"at most {most:g}, all that can be had in that period")
        # The most that can be in the battery after each period, if everything else gives all it has.
        energy = self.capacity_kwh[:, 0] / 2.0
        for t in range(self.periods):
            spare = np.maximum(-short[:, t : t + 1], 0.0) - self._rate
            energy = np.minimum(
                energy + np.minimum(spare, self._rate)[:, 0] * self.hours[:, 0], self.capacity_kwh[:, 0]
            )
            least = 0.0 if t < self.periods - 1 else self.capacity_kwh[:, 0] / 2.0
            if (energy < least - 1e-9).any():
                k = int(np.argwhere(energy < least - 1e-9)[0, 0])
                wanted = f"no more energy than its battery has in period {t}"
                raise AgentError(f"{self.names[k]}: load = {self.load[k, t]:g} (period {t}); wanted {wanted}")

    @property
    def _rate(self) -> Floats:
        return np.where(self.capacity_kwh > 0.0, self.storage_max, 0.0)

    def port_sum(self, values: Floats) -> Floats:
        """Add up port values by agent, in port order: (p, periods) to (n, periods)."""
        return port_sum(self._groups, values)

    @batched
    def cost(self, x: Floats) -> Floats:
        """Return the cost of an answer x, (n, periods) $/h, with its devices used in the cheapest way."""
        plan = self.schedule(x)
        m, g = plan.main_grid, plan.generation
        value = (self.cost_quadratic * g + self.cost_linear) * g + self.storage_quadratic * plan.discharge**2
        value = value + (self.tariff + self.grid_quadratic * m) * m + self.grid_linear * np.abs(m)
        export = -x[self.port_rows]
        sent = np.maximum(export, 0.0)
        sent = within(
            export, -self.import_max, self.export_max, (self.transfer_quadratic * sent + self.transfer_cost) * sent
        )
        value = within(x[self.own_rows], -self.bus_max, self.bus_max, value + self.port_sum(sent))
        value = within(plan.missing, 0.0, 0.0, value)
        reached = within(plan.energy, 0.0, self.capacity_kwh, np.zeros_like(value))
        half = self.capacity_kwh / 2.0
        reached[:, -1:] = within(plan.energy[:, -1:], half, half, reached[:, -1:])
        return value + np.where(np.isfinite(reached).all(axis=1, keepdims=True), 0.0, np.inf)

    @batched
    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Return x, (rows, periods) kW: exact, by one curve a bus and period and one price of stored energy a stretch."""
        x = np.empty((self.rows, self.periods))
        shifted, reach = price - rho * target, self._reach()
        for members, ports in self._tiles():
            own, rows = self.own_rows[members], self.port_rows[ports]
            sell, buy = self._main_grid(members)
            limit = np.minimum(self.bus_max[members], reach[members])
            bus = (shifted[own], rho[own], -limit, limit)
            # In this order, so that of prices that tie none leads to power that is bought only to be sold.
            sources = [*self._exports(ports, shifted[rows], rho[rows]), sell, bus, self._generator(members), buy]
            sources += self._imports(ports, shifted[rows], rho[rows])
            parts, _ = self._solve(members, sources, self.load[members])
            k = ports.shape[1]
            x[own] = parts[:, :, k + 1]
            x[rows] = (parts[:, :, :k] + parts[:, :, k + 4 :]).transpose(0, 2, 1)
        return x

    def _exports(self, ports: Rows, price: Floats, rho: Floats) -> Iterator[Source]:
        """Yield each port as a source that supplies less than nothing; price : (m, k, periods), rho : (m, k, 1)."""
        for i, port in enumerate(ports.T):
            bend = rho[:, i] + 2.0 * self.transfer_quadratic[port]
            yield price[:, i] - self.transfer_cost[port], bend, -self.export_max[port], np.zeros_like(bend)

    def _imports(self, ports: Rows, price: Floats, rho: Floats) -> Iterator[Source]:
        for i, port in enumerate(ports.T):
            yield price[:, i], rho[:, i], np.zeros_like(rho[:, i]), self.import_max[port]

    def schedule(self, x: Floats) -> Schedule:
        """Return how the devices are used at least cost where x, (rows, periods) kW, is exchanged."""
        lacking = self.load - x[self.own_rows] - self.port_sum(x[self.port_rows])
        found = [np.empty_like(lacking) for _ in range(3)]
        energy = np.empty_like(lacking)
        for members in _tiled(np.arange(len(self))):
            sell, buy = self._main_grid(members)
            parts, u = self._solve(members, [sell, self._generator(members), buy], lacking[members])
            found[0][members], found[1][members] = parts[:, :, 1], u
            found[2][members] = parts[:, :, 0] + parts[:, :, 2]
            energy[members] = self.capacity_kwh[members] / 2.0 - np.cumsum(u, axis=1) * self.hours[members]
        generation, discharge, main_grid = found
        missing = lacking - generation - discharge - main_grid
        # What is missing by rounding alone counts as nothing.
        scale = 1.0 + np.abs(lacking)
        return Schedule(
            generation, discharge, main_grid, energy, np.where(np.abs(missing) <= 1e-12 * scale, 0.0, missing)
        )

    def sources(self, x: Floats) -> dict[str, Floats]:
        """Return its load, what serves it and net export, (n, periods) kW; energy in kWh, tariff in $/kWh."""
        plan = self.schedule(x)
        devices = {"generation": plan.generation, "storage": plan.discharge, "main_grid": plan.main_grid}
        values = {"demand": self.load, **devices, "energy": plan.energy, "tariff": self.tariff}
        return {**values, "net_export": self.exported(x)}

    def _solve(self, members: Rows, sources: Sequence[Source], load: Floats) -> tuple[Floats, Floats]:
        """Return what each source, (m, periods, j), and the battery, (m, periods), supply."""
        m, periods = load.shape
        price, curvature, low, high = (
            np.stack([np.broadcast_to(c, load.shape) for c in column], axis=2).reshape(m * periods, -1)
            for column in zip(*sources, strict=True)
        )
        curve = BusCurve.of(price, curvature, low, high, load.reshape(-1))
        facts = self.storage_quadratic, self.storage_max, self.capacity_kwh, self.hours
        u = StoragePath.of(curve, *(fact[members] for fact in facts)).discharge()
        return curve.supplied(u.reshape(-1)).reshape(m, periods, -1), u

    def _generator(self, members: Rows) -> Source:
        a, b, most = (c[members] for c in (self.cost_quadratic, self.cost_linear, self.power_max))
        return b, 2.0 * a, np.zeros_like(a), most

    def _main_grid(self, members: Rows) -> tuple[Source, Source]:
        """Selling, which supplies less than nothing, and buying."""
        tariff, bend, fee = self.tariff[members], 2.0 * self.grid_quadratic[members], self.grid_linear[members]
        zero = np.zeros_like(bend)
        return (tariff - fee, bend, -self.sell_max[members], zero), (tariff + fee, bend, zero, self.buy_max[members])

    def _reach(self) -> Floats:
        """(n, 1) kW: more than which its own bus can neither take nor give."""
        most = self.load + self.power_max + self._rate + self.buy_max + self.sell_max
        return np.asarray(
            (most + self.port_sum(self.export_max) + self.port_sum(self.import_max)).max(axis=1, keepdims=True)
        )

    @cached_property
    def _groups(self) -> PortGroups:
        return port_groups(self.port_count)

    def _tiles(self) -> Iterator[tuple[Rows, Rows]]:
        for members, ports in self._groups:
            yield from zip(_tiled(members), _tiled(ports), strict=True)

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY variable x, (rows, periods) kW."""
        shape = (len(self), self.periods)
        g, charged, discharged, bought, sold = (cp.Variable(shape, nonneg=True) for _ in range(5))
        u, m, total = discharged - charged, bought - sold, x[self.own_rows, :]
        energy = cp.multiply(np.broadcast_to(self.capacity_kwh / 2.0, shape), np.ones(shape))
        energy -= cp.multiply(np.broadcast_to(self.hours, shape), cp.cumsum(u, axis=1))

        def priced(quadratic: Floats, linear: Floats, power: Any) -> Any:
            wide = np.broadcast_to(quadratic, power.shape), np.broadcast_to(linear, power.shape)
            return cp.sum(cp.multiply(wide[0], cp.square(power))) + cp.sum(cp.multiply(wide[1], power))

        cost = priced(self.cost_quadratic, self.cost_linear, g) + cp.sum(cp.multiply(self.tariff, m))
        cost += priced(self.storage_quadratic, np.zeros((1, 1)), charged + discharged)
        cost += priced(self.grid_quadratic, self.grid_linear, bought + sold)
        if len(self.port_rows):
            export = -x[self.port_rows, :]
            cost += priced(self.transfer_quadratic, self.transfer_cost, cp.pos(export))
            gather = np.zeros((len(self), len(self.port_rows)))
            gather[np.repeat(np.arange(len(self)), self.port_count), np.arange(len(self.port_rows))] = 1.0
            total = total - gather @ export
            exchange = [export <= self.export_max, export >= -self.import_max]
        else:
            exchange = []
        most = (self.power_max, self._rate, self._rate, self.buy_max, self.sell_max)
        limits = [
            v <= np.broadcast_to(c, shape) for v, c in zip((g, charged, discharged, bought, sold), most, strict=True)
        ]
        near = np.flatnonzero(np.isfinite(self.bus_max[:, 0]))
        if near.size:
            exchange += [
                cp.abs(x[self.own_rows[near], :]) <= np.broadcast_to(self.bus_max[near], (near.size, shape[1]))
            ]
        limits += [g + u + m + total == self.load, energy >= 0, energy <= np.broadcast_to(self.capacity_kwh, shape)]
        return cost, [*limits, energy[:, -1] == self.capacity_kwh[:, 0] / 2.0, *exchange]


def _tiled(which: Rows) -> Iterator[Rows]:
    for first in range(0, len(which), _TILE):
        yield which[first : first + _TILE]

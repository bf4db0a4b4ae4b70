"""Microgrid operator with storage and curtailment (note 001)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ..batch import batched
from ..facts import Column, fact
from ..period import Period
from ..solve.supply import Storage, Supply
from .microgrid_operator import MicrogridOperator

__all__ = ["LiteralStorageOperator", "StorageOperator"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]


class StorageOperator(MicrogridOperator):
    """Operator of one microgrid: grid supply G, PV of which w is used, storage B, and one port per tie-line.

    min a G^2 + b G + c_0 + C(B) + sum_k (alpha_k e_k^2 + c_k max(e_k, 0)) with G + w + B = -x_0 - sum_k x_k, e_k = -x_k,
    0 <= G <= power_max, 0 <= w <= PV, sum_k e_k <= PV, and -import_max <= e <= export_max. B > 0 is discharge:
    C(B) = k S (exp(B / S) - 1) for B <= 0, q B^2 + k B for B > 0, with k = kappa (1 - soc) / soc. B keeps to charge_max
    and discharge_max, and so far within them that soc stays in [soc_min, soc_max]: soc <- soc - B hours / capacity, once,
    when a period is settled. It looks at one period at a time and knows its own costs, PV and state of charge.

    Source: note 001, supply blocks and C_EBSS, its last block's sign of B; tie-line limits of its own side only.
    """

    cost_constant: Column = fact("$/h", "c_0, whatever it supplies", default=0.0)
    capacity_kwh: Column = fact("kWh", "capacity of the storage, 0 for none", default=0.0, ge=0.0)
    soc: Column = fact("1", "state of charge when a period begins", default=0.5, gt=0.0, le=1.0)
    soc_min: Column = fact(
        "1", "least state of charge; at 0 the price k would be infinite", default=0.1, gt=0.0, le=1.0
    )
    soc_max: Column = fact("1", "largest state of charge", default=0.9, gt=0.0, le=1.0)
    charge_max: Column = fact("kW", "largest charging power", default=0.0, ge=0.0)
    discharge_max: Column = fact("kW", "largest discharging power", default=0.0, ge=0.0)
    kappa: Column = fact(
        "$/kWh", "price of stored energy at half charge; the note's 0.1 exp(3)", default=0.1 * math.exp(3.0), gt=0.0
    )
    scale: Column = fact("kW", "S, beyond which more charging is worth little", default=1.0, gt=0.0)
    q: Column = fact("$/kW²h", "quadratic cost of discharging", default=0.01, gt=0.0)
    hours: Column = fact("h", "length of a period", default=1.0, gt=0.0)
    import_max = fact(default=math.inf)

    _sign: ClassVar[float] = 1.0

    def check(self) -> None:
        """Refuse a state of charge outside its limits."""
        hair = 1e-12  # what is computed from the limits may miss them by a rounding
        wrong = (self.soc < self.soc_min - hair) | (self.soc > self.soc_max + hair)
        if wrong.any():
            k = int(np.argwhere(wrong)[0, 0])
            low, high = self.soc_min[k, 0], self.soc_max[k, 0]
            self.refuse(wrong, "soc", f"from soc_min = {low:g} to soc_max = {high:g}")

    def open(self, period: Period) -> Self:
        """Return the same operators in one period, whose length the limits of the storage depend on."""
        return super().open(period).replace(hours=np.full_like(self.hours, period.hours))

    def settle(self, period: Period, x: Floats) -> Self:
        """Return the same operators with the state of charge that x, (rows, 1) kW, has left."""
        spent = self.open(period).dispatch(x).storage * period.hours
        share = spent / np.where(self.capacity_kwh > 0.0, self.capacity_kwh, np.inf)
        return self.replace(soc=np.clip(self.soc - share, self.soc_min, self.soc_max))

    @batched
    def cost(self, x: Floats) -> Floats:
        """Return the cost of an answer x, (n, periods) $/h, regularising terms included."""
        return super().cost(x) + self.cost_constant

    def storage_limits(self) -> tuple[Floats, Floats]:
        """Return the most charge and discharge, (n, 1) kW, that keep the state of charge within its limits."""
        per_period = self.capacity_kwh / self.hours
        charge = np.minimum(self.charge_max, np.maximum(self.soc_max - self.soc, 0.0) * per_period)
        return charge, np.minimum(self.discharge_max, np.maximum(self.soc - self.soc_min, 0.0) * per_period)

    @property
    def storage_price(self) -> Floats:
        """k, (n, 1) $/kWh: what a stored kWh is worth to it; of a full storage not quite nothing, so that ln k exists."""
        return self.kappa * np.maximum(1.0 - self.soc, 1e-12) / self.soc

    def sources(self, x: Floats) -> dict[str, Floats]:
        """Return generation, used PV, discharge and net export, (n, periods) kW, and the state of charge before them."""
        found, export = self.dispatch(x), self.exported(x)
        values = {"generation": found.generation, "pv": found.pv, "storage": found.storage}
        return {**values, "soc": np.broadcast_to(self.soc, export.shape), "net_export": export}

    def outlook(self, x: Floats) -> Floats:
        """Return C(B) less the wear q B^2, (n, periods) $/h: what it takes the energy that goes in or out to be worth."""
        power = self.dispatch(x).storage
        storage = self._supply(np.arange(len(self))).storage
        assert storage is not None
        wear = self.q * np.maximum(self._sign * power, 0.0) ** 2
        return np.asarray(storage.cost(power.reshape(-1)).reshape(power.shape) - wear)

    def stock_value(self) -> Floats:
        """Return kappa capacity (ln soc - soc), (n, 1) $, which grows by k with each kWh that is stored."""
        return self.kappa * self.capacity_kwh * (np.log(self.soc) - self.soc)

    def day_reference(self, cp: Any, x: Any, periods: Sequence[Period]) -> tuple[Any, list[Any]]:
        """Return cost and constraints of a whole day, (rows, periods) kW: sources, wear, and what the end has less in store."""
        return self._with_ports(cp, x, lambda cp, total: self._day_supply(cp, total, periods[0].hours))

    def _day_supply(self, cp: Any, total: Any, hours: float) -> tuple[Any, list[Any]]:
        charge, discharge, used = (cp.Variable(total.shape, nonneg=True) for _ in range(3))
        most = [
            np.broadcast_to(np.where(self.capacity_kwh > 0.0, c, 0.0), total.shape)
            for c in (self.charge_max, self.discharge_max)
        ]
        share = np.where(self.capacity_kwh > 0.0, hours / np.maximum(self.capacity_kwh, 1e-300), 0.0)
        soc = self.soc - cp.multiply(np.broadcast_to(share, total.shape), cp.cumsum(discharge - charge, axis=1))
        cost, limits = self._generation_reference(cp, total - used - (discharge - charge))
        cost += cp.sum(
            cp.multiply(np.broadcast_to(self.q, total.shape), cp.square(discharge if self._sign > 0 else charge))
        )
        cost += float(np.broadcast_to(self.cost_constant, total.shape).sum())
        worth = (self.kappa * self.capacity_kwh)[:, 0]
        left = cp.multiply(worth, cp.log(soc[:, -1]) - soc[:, -1])
        cost += (float(self.stock_value().sum()) - cp.sum(left)) / hours
        limits += [used <= self.pv, charge <= most[0], discharge <= most[1]]
        wide = [np.broadcast_to(c, total.shape) for c in (self.soc_min, self.soc_max)]
        return cost, [*limits, soc >= wide[0], soc <= wide[1]]

    def _supply(self, members: Rows) -> Supply:
        columns = self.storage_price, self.scale, self.q, *self.storage_limits()
        k, scale, q, charge, discharge = (self._flat(column, members) for column in columns)
        storage = Storage(k, scale, q, charge, discharge, self._sign)
        return replace(super()._supply(members), curtailed=True, storage=storage)

    def _supply_reference(self, cp: Any, total: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of what the sources supply; C(B) with B = dear - cheap, which never meet."""
        dear, cheap, used = (cp.Variable(total.shape, nonneg=True) for _ in range(3))
        k, scale, q, *most = (
            np.broadcast_to(column, total.shape)
            for column in (self.storage_price, self.scale, self.q, *self.storage_limits())
        )
        stored = dear - cheap if self._sign > 0 else cheap - dear
        cost, limits = self._generation_reference(cp, total - used - stored)
        paid = cp.multiply(k * scale, 1 - cp.exp(-cp.multiply(1 / scale, cheap)))
        cost += cp.sum(cp.multiply(q, cp.square(dear)) + cp.multiply(k, dear)) - cp.sum(paid)
        cost += float(np.broadcast_to(self.cost_constant, total.shape).sum())
        least, greatest = (cheap, dear) if self._sign > 0 else (dear, cheap)
        return cost, [*limits, used <= self.pv, least <= most[0], greatest <= most[1]]


class LiteralStorageOperator(StorageOperator):
    """Operator with storage as the note's supply blocks have it literally, which pays it for discharging.

    There B is charge in the balance, but the cost rewards B < 0: the same as `StorageOperator` with the cost C(-B) of a
    discharge B. At any price above zero such a storage discharges flat out, and it never charges: a reading to look at,
    not to use. Source: note 001, supply blocks, "-B" and "+B/E".
    """

    _sign: ClassVar[float] = -1.0

"""Trader: a producer or consumer with a quadratic cost and limits, such as a plant, a factory or a village at a pool."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..batch import batched
from ..bounds import within
from ..facts import Array, Column, fact
from ..prosumer import Prosumer

__all__ = ["Trader"]

Floats = npt.NDArray[np.float64]


class Trader(Prosumer):
    """Producer or consumer with one row: min a/2 p^2 + b p, low <= p <= high, with p = -x what it injects.

    A consumer has high <= 0, and its b is what it would pay for its first kilowatt-hour; a prosumer has limits on both
    sides of zero. It knows its own cost and limits and nothing else. Source: T. Baroche, F. Moret and P. Pinson, Prosumer
    markets: a unified formulation, 2019.

    Examples
    --------
    >>> plant = Trader(cost_quadratic=0.01, cost_linear=0.1, low=0.0, high=50.0)
    >>> nothing = np.zeros((1, 1))
    >>> plant.respond(nothing + 0.3, nothing, nothing)
    array([[-20.]])
    """

    cost_quadratic: Column = fact("$/kW²h", "a, of what it injects", gt=0.0)
    cost_linear: Column = fact("$/kWh", "b, of what it injects")
    low: Array = fact("kW", "least injection; below zero it consumes")
    high: Array = fact("kW", "largest injection; below zero it consumes")

    def check(self) -> None:
        """Refuse limits that are crossed."""
        self.refuse(self.high < self.low, "high", "at least low")

    def scaled(self, weight: Floats) -> Self:
        """Return the same agents with `weight`, (n, 1), times their costs."""
        return self.replace(cost_quadratic=self.cost_quadratic * weight, cost_linear=self.cost_linear * weight)

    @batched
    def cost(self, x: Floats) -> Floats:
        """Return the cost, (n, periods) $/h; +inf outside its limits."""
        return within(-x, self.low, self.high, (self.cost_quadratic / 2.0 * x - self.cost_linear) * x)

    @batched
    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Return x, (n, periods) kW."""
        wanted = (self.cost_linear + rho * target - price) / (self.cost_quadratic + rho)
        return np.clip(wanted, -self.high, -self.low)

    @batched
    def slope(self, price: Floats) -> Floats:
        """Return -dx/dprice, (n, periods) kW per $/kWh: 1/a between its limits, else 0."""
        wanted = (self.cost_linear - price) / self.cost_quadratic
        return np.where((wanted > -self.high) & (wanted < -self.low), 1.0 / self.cost_quadratic, 0.0)

    def sources(self, x: Floats) -> dict[str, Floats]:
        """Return what it consumes and generates, (n, periods) kW; over ports, of which it has none, it exports nothing."""
        return {"demand": np.maximum(x, 0.0), "generation": np.maximum(-x, 0.0), "net_export": np.zeros_like(x)}

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY variable x, (n, periods) kW."""
        bend, slope = (np.broadcast_to(column, x.shape) for column in (self.cost_quadratic / 2.0, self.cost_linear))
        cost = cp.sum(cp.multiply(bend, cp.square(x))) - cp.sum(cp.multiply(slope, x))
        return cost, [-x >= self.low, -x <= self.high]

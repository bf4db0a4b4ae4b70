"""The load of note 000: square-root utility up to a cap."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..batch import batched
from ..bounds import within
from ..facts import Column, fact
from ..prosumer import Prosumer

__all__ = ["SquareRootLoad"]

Floats = npt.NDArray[np.float64]


class SquareRootLoad(Prosumer):
    """Load with utility U(D) = min(beta sqrt(D), cap), D >= 0.

    Demand above saturation has no value, so D <= (cap / beta)^2, and a price of zero or less asks for exactly that much.
    It knows its own utility and nothing else. Source: note 000, demand block.
    """

    beta: Column = fact("$/h√kW", "utility of the square root of its demand", gt=0.0)
    cap: Column = fact("$/h", "utility at saturation", gt=0.0)

    @property
    def demand_max(self) -> Floats:
        """(n, 1) kW: demand at saturation."""
        root = self.cap / self.beta
        return root * root

    @batched
    def cost(self, x: Floats) -> Floats:
        """Return -U(x), (n, periods) $/h."""
        return within(x, 0.0, self.demand_max, -self.beta * np.sqrt(np.maximum(x, 0.0)))

    @batched
    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Return the demand in kW: (beta / (2 price))^2 at rho = 0, else the root of a cubic in sqrt(D)."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            root = self.beta / (2.0 * price)
            demand = np.where(price > 0.0, root * root, np.inf)
        if rho.any():
            pulled = _cubic_root(rho, price - rho * target, self.beta / 2.0)
            demand = np.where(rho > 0.0, pulled * pulled, demand)
        return np.clip(demand, 0.0, self.demand_max)

    @batched
    def slope(self, price: Floats) -> Floats:
        """Return -dD/dprice in kW per $/kWh: beta^2 / (2 price^3) below saturation, else 0."""
        with np.errstate(divide="ignore", over="ignore"):
            steep = self.beta**2 / (2.0 * np.maximum(price, 0.0) ** 3)
        return np.where(
            (price > 0.0) & (self.beta / (2.0 * np.maximum(price, 1e-300)) < self.cap / self.beta), steep, 0.0
        )

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY variable x, (n, periods) kW."""
        beta = np.broadcast_to(self.beta, x.shape)
        return -cp.sum(cp.multiply(beta, cp.sqrt(x))), [x >= 0, x <= np.broadcast_to(self.demand_max, x.shape)]


def _cubic_root(rho: Floats, linear: Floats, half_beta: Floats) -> Floats:
    """Return the positive root s of rho s^3 + linear s = half_beta, by Newton's method from above.

    The left side is convex for s > 0, so the steps only go down; an element that no longer goes down stays, which makes
    the result independent of how many others are solved beside it.
    """
    rho, linear, half_beta = np.broadcast_arrays(np.where(rho > 0.0, rho, 1.0), linear, half_beta)
    # Each term alone bounds the root from above; the smaller bound keeps the start close.
    cube = np.cbrt(half_beta / rho)
    with np.errstate(divide="ignore", over="ignore"):
        s = np.where(
            linear > 0.0,
            np.minimum(cube, half_beta / np.maximum(linear, 0.0)),
            cube + np.sqrt(-np.minimum(linear, 0.0) / rho),
        )
    for _ in range(200):
        below = (2.0 * rho * s * s * s + half_beta) / (3.0 * rho * s * s + linear)
        lower = np.minimum(s, below)
        if np.array_equal(lower, s):
            break
        s = lower
    return s

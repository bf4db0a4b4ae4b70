"""A load with logarithmic utility up to what it needs (the form of note 001)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..batch import batched
from ..bounds import within
from ..facts import Array, Column, fact
from ..prosumer import Prosumer

__all__ = ["LogLoad"]

Floats = npt.NDArray[np.float64]


class LogLoad(Prosumer):
    """Load with utility U(x) = beta ln(1 + sigma min(x, demand)), 0 <= x <= demand.

    It knows its own utility and need and nothing else. Source: note 001, first block.
    """

    beta: Column = fact("$/h", "scale of its utility", gt=0.0)
    sigma: Column = fact("1/kW", "how fast its utility saturates", gt=0.0)
    demand: Array = fact("kW", "what it needs in each period", ge=0.0)

    @batched
    def cost(self, x: Floats) -> Floats:
        """Return -U(x), (n, periods) $/h."""
        return within(x, 0.0, self.demand, -self.beta * np.log1p(self.sigma * np.maximum(x, 0.0)))

    @batched
    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Return x in kW: the larger root of rho sigma x^2 + b x + c = 0 with b = rho + sigma (price - rho target)."""
        sigma = self.sigma
        slack = price - rho * target
        b = rho + sigma * slack
        c = slack - self.beta * sigma
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            root = np.sqrt(np.maximum(b * b - 4.0 * rho * sigma * c, 0.0))
            # Two forms of the same root: each is exact where the other cancels; at rho = 0 the first is beta/price - 1/sigma.
            other = np.where(rho > 0.0, (root - b) / (2.0 * rho * sigma), np.inf) if rho.any() else np.inf
            x = np.where(b > 0.0, -2.0 * c / (b + root), other)
        return np.clip(x, 0.0, self.demand)

    @batched
    def slope(self, price: Floats) -> Floats:
        """Return -dx/dprice in kW per $/kWh: beta / price^2 between the limits, else 0."""
        with np.errstate(divide="ignore", over="ignore"):
            safe = np.maximum(price, 1e-300)
            x = self.beta / safe - 1.0 / self.sigma
            return np.where((price > 0.0) & (x > 0.0) & (x < self.demand), self.beta / (safe * safe), 0.0)

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY variable x, (n, periods) kW."""
        beta, sigma = (np.broadcast_to(column, x.shape) for column in (self.beta, self.sigma))
        return -cp.sum(cp.multiply(beta, cp.log1p(cp.multiply(sigma, x)))), [x >= 0, x <= self.demand]

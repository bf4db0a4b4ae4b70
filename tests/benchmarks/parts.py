"""What agents as objects compute: one household's and one operator's answer, and a keeper's price step."""

from __future__ import annotations

from typing import Any

import numpy as np

from gridparley.agents import Society


class House:
    """One household, its facts as plain numbers (or short arrays, with several periods)."""

    def __init__(self, society: Any, k: int) -> None:
        self.one = society.periods == 1
        self.beta, self.least = float(society.beta[k, 0]), float(1.0 / society.sigma[k, 0])
        self.demand = float(society.demand[k, 0]) if self.one else society.demand[k].copy()

    def solve(self, price: Any) -> Any:
        """Return x in kW; beta / price - 1 / sigma within its limits."""
        if self.one:
            return min(max(self.beta / price - self.least, 0.0), self.demand) if price > 0 else self.demand
        return np.clip(self.beta / np.maximum(price, 1e-300) - self.least, 0.0, self.demand)


class Operator:
    """One operator, which asks its window of the society."""

    def __init__(self, society: Society, k: int) -> None:
        self.facts = society[k]
        self.zero = np.zeros((self.facts.rows, society.periods)), np.zeros((self.facts.rows, 1))
        self.one = society.periods == 1

    def solve(self, prices: list[Any]) -> list[Any]:
        """Return x of the bus and of every line, kW."""
        x = self.facts.respond(np.array(prices, dtype=float).reshape(len(prices), -1), *self.zero)
        return x[:, 0].tolist() if self.one else list(x)

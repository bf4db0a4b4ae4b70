"""Peers drawn from a seed: producers and consumers who trade with some others, whom they prefer more or less."""

from __future__ import annotations

from itertools import combinations
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ....protocols import Market
from ..balances import build_balances
from ..schema import AgentSpec, ScenarioSpec, TradeSpec
from ..size import Size

__all__ = ["Peers"]


class Peers(BaseModel):
    """Producers and consumers with quadratic costs, each pair of whom may trade, at prices of their own.

    Nearly half produce up to 20 to 60 kW at 0.02 to 0.2 $/kWh, the others consume up to 10 to 40 kW, of which they need a
    little, and would pay 0.3 to 0.5 $/kWh for the first. At each end of a trade stands a preference between -`preference`
    and `preference`. Pairs are drawn from all, so that producers trade among themselves too; all are in one piece.

    Attributes
    ----------
    agents : how many
    trades : how many pairs
    preference : largest preference at an end of a trade, $/kWh
    limit : of each trade, kW
    trade_cost : of each end of a trade, $/kW²h
    seed : of the scenario, apart from that of the run
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    agents: int = Field(default=50, ge=2, le=1000)
    trades: int = Field(default=700, ge=1, le=250_000)
    preference: float = Field(default=0.03, ge=0)
    limit: float = Field(default=10.0, gt=0)
    trade_cost: float = Field(default=0.002, gt=0)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _as_many_pairs(self) -> Self:
        least, most = self.agents - 1, self.agents * (self.agents - 1) // 2
        if not least <= self.trades <= most:
            raise ValueError(f"trades = {self.trades}; wanted {least} to {most} for {self.agents} agents")
        return self

    def estimate(self) -> Size:
        """Return how large the market will be: nothing is drawn."""
        return Size(self.agents, 2 * self.trades, 1, trades=self.trades, smaller="agents or trades")

    def market(self) -> Market:
        """Draw the market: the same for the same parameters, on every machine."""
        rng = np.random.default_rng(self.seed)
        agents = [self._agent(k, rng) for k in range(self.agents)]
        names = [agent.name for agent in agents]
        trades = [
            TradeSpec(
                between=(names[one], names[other]),
                price=0.2,
                **{"preference": rng.uniform(-self.preference, self.preference, 2).tolist(), "limit": self.limit},
            )
            for one, other in self._pairs(rng)
        ]
        return build_balances(ScenarioSpec(agent=agents, trade=trades))

    def advice(self) -> dict[str, dict[str, Any]]:
        """Return, by protocol, options at which it converges: both ends of a trade answer its price with 1 / trade_cost."""
        return {"dual_decomposition": {"step_size": self.trade_cost / 2.0}}

    def _agent(self, k: int, rng: np.random.Generator) -> AgentSpec:
        if k % 9 in (0, 2, 4, 6):  # nearly half, one beside the other
            low, high, linear, bend = 0.0, rng.uniform(20.0, 60.0), rng.uniform(0.02, 0.2), rng.uniform(0.001, 0.004)
        else:
            low, linear, bend = -rng.uniform(10.0, 40.0), rng.uniform(0.3, 0.5), rng.uniform(0.004, 0.01)
            high = 0.05 * low
        facts = {"cost_quadratic": bend, "cost_linear": linear, "low": low, "high": high, "trade_cost": self.trade_cost}
        return AgentSpec(name=f"p{k + 1}", **facts)

    def _pairs(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Return pairs in order, in one piece: each agent trades with one before it, and the others are drawn."""
        first = {(int(rng.integers(k)), k) for k in range(1, self.agents)}
        rest = [pair for pair in combinations(range(self.agents), 2) if pair not in first]
        drawn = rng.permutation(len(rest))[: self.trades - len(first)]
        return sorted([*first, *(rest[k] for k in drawn.tolist())])

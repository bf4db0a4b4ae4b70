"""The true state of a negotiation, as an observer outside the agents sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .market import Market

__all__ = ["LastAsk", "MarketState"]

Floats = npt.NDArray[np.float64]


class LastAsk(NamedTuple):
    """What agents were asked last.

    Attributes
    ----------
    price, target : (rows, periods) $/kWh and kW
    rho : (rows, 1) $/kW²h
    answered : whether the last answers of all of them are answers to it
    """

    price: Floats
    target: Floats
    rho: Floats
    answered: bool


@dataclass
class MarketState:
    """What all agents hold at the end of one tick.

    Attributes
    ----------
    price : (B, periods) $/kWh, of each balance; where its coordinators hold several copies, their mean
    row_price : (R, periods) $/kWh, the price that each row is asked with, where a balance may have several copies; else None
    x : by population, (society rows, periods) kW, the last answers; NaN before the first
    round : (coordinators,) rounds completed
    stopped : (coordinators,) bool
    heard : (coordinators,) the tick of the oldest message that each still relies on, -1 where one was never heard
    last_ask : by population and by the first agent of each of its roles, what those agents were asked last, when called
    """

    price: Floats
    row_price: Floats | None
    x: list[Floats]
    round: npt.NDArray[np.int64]
    stopped: npt.NDArray[np.bool_]
    heard: npt.NDArray[np.int64]
    last_ask: dict[tuple[int, int], Callable[[], LastAsk]] = field(default_factory=dict, repr=False)

    @classmethod
    def blank(cls, market: Market) -> MarketState:
        """Return a state in which nothing is known yet."""
        topology, periods = market.topology, market.periods
        several = bool((topology.row_coordinator != topology.coordinator[topology.row_balance]).any())
        return cls(
            price=np.full((len(topology.balances), periods), np.nan),
            row_price=np.full((len(topology.row_balance), periods), np.nan) if several else None,
            x=[np.full((p.society.rows, periods), np.nan) for p in market.populations],
            round=np.zeros(len(topology.coordinators), dtype=np.int64),
            stopped=np.zeros(len(topology.coordinators), dtype=bool),
            heard=np.full(len(topology.coordinators), -1, dtype=np.int64),
        )

    def complete(self, market: Market) -> None:
        """Fill in what no role reports: idle coordinators go with the others, copies of a price are averaged."""
        topology = market.topology
        idle = topology.idle
        if idle.any():
            self.round[idle], self.stopped[idle] = self.round[~idle].min(), self.stopped[~idle].all()
        if self.row_price is None:
            return
        for balance in np.unique(
            topology.row_balance[topology.row_coordinator != topology.coordinator[topology.row_balance]]
        ):
            self.price[balance] = self.row_price[topology.row_balance == balance].mean(axis=0)

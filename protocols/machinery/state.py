"""The true state of a negotiation, as an observer outside the agents sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .market import Market

__all__ = ["MarketState"]

Floats = npt.NDArray[np.float64]


@dataclass
class MarketState:
    """Everybody's state at the end of one tick.

    Attributes
    ----------
    price : (hubs, periods) $/kWh
    transfer_price : (L, 2, periods) $/kWh, price of an import over each tie-line, as known at either end; both ends hold
        the same number where the price has one owner
    x : by population, (rows, periods) kW, everybody's last answer; NaN before the first
    round : (hubs,) rounds completed
    stopped : (hubs,) bool
    heard : (hubs,) the tick of the oldest message that each hub still relies on, -1 where one was never heard
    """

    price: Floats
    transfer_price: Floats
    x: list[Floats]
    round: npt.NDArray[np.int64]
    stopped: npt.NDArray[np.bool_]
    heard: npt.NDArray[np.int64]

    @classmethod
    def blank(cls, market: Market) -> MarketState:
        """Return a state in which nothing is known yet."""
        hubs, lines, periods = market.topology.hubs, len(market.topology.lines), market.periods
        return cls(
            price=np.full((hubs, periods), np.nan),
            transfer_price=np.full((lines, 2, periods), np.nan),
            x=[np.full((p.society.rows, periods), np.nan) for p in market.members],
            round=np.zeros(hubs, dtype=np.int64),
            stopped=np.zeros(hubs, dtype=bool),
            heard=np.full(hubs, -1, dtype=np.int64),
        )

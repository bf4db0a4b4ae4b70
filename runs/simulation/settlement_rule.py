"""Settlement rules: what is dispatched when the gate of a period closes. Judging a run never changes it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ...protocols import Market, MarketState
from ..judge.metrics import Observer

__all__ = ["SettlementRule"]


class SettlementRule(Protocol):
    """From the last proposals to what is dispatched; `restore_feasibility` is the one that runs use."""

    def __call__(self, market: Market, observer: Observer, state: MarketState) -> list[npt.NDArray[np.float64]] | None:
        """Return what is dispatched, by population, (rows, periods) kW; None where no feasible point is found."""

"""Dual decomposition: every price climbs by the imbalance it sees (notes 000 and 001)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from .machinery.keeper import Keeper
from .machinery.protocol import Protocol
from .two_ledgers import TwoLedgers

__all__ = ["DualDecomposition"]

Mask = npt.NDArray[np.bool_]


class DualKeeper(Keeper):
    """Virtual agents of `DualDecomposition`: one ascent step of the dual a round."""

    def update(self, hubs: Mask, books: Mask) -> None:
        """Move price by step times imbalance, and transfer_price by step times disagreement."""
        step = self.protocol.step_size  # type: ignore[attr-defined]
        self.price[hubs] += step * self.imbalance[hubs]
        self.transfer_price[books] += step * self.disagreement[books]


class TwoLedgerDualKeeper(TwoLedgers, DualKeeper):
    """The same with two copies of every transfer price."""


class DualDecomposition(Protocol):
    """price += step (sum of all members' net imports); transfer_price += step (sum of both ends' imports).

    A round is two ticks: virtual agents ask with prices, prosumers and operators answer with quantities, all on the same
    prices; then both prices move. Without faults this is the synchronous iteration of note 000, and faults cost ticks but
    do not move the path. The transfer price is in the sign of note 001, that is, minus the mu of note 000.

    Examples
    --------
    >>> DualDecomposition(step_size=0.2).step_size
    0.2
    """

    name: ClassVar[str] = "dual_decomposition"

    step_size: float = Field(default=1.0, gt=0, description="dual step, $/kWh per kW")
    two_ledgers: bool = Field(default=False, description="each end of a tie-line keeps its own copy of its price")

    @property
    def keeper(self) -> type[Keeper]:
        """The virtual agents' role."""
        return TwoLedgerDualKeeper if self.two_ledgers else DualKeeper

"""Dual decomposition: every price climbs by the imbalance it sees (notes 000 and 001)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from ..environment import Kind
from .machinery.coordination.balances import Balances
from .machinery.coordination.coordinator import Coordinator
from .machinery.coordination.two_ledgers import TwoLedgers, copy_kind, with_two_ledgers
from .machinery.market import Market
from .machinery.protocol import Protocol

__all__ = ["DualDecomposition"]


class DualDecomposition(Protocol):
    """price += step (sum of the net imports of all rows of a balance).

    A round is two ticks: virtual agents ask with prices, prosumers and operators answer with quantities, all on the same
    prices; then all prices move. Without faults this is the synchronous iteration of note 000, and faults cost ticks but
    do not move the path. The price of a tie-line is in the sign of note 001, that is, minus the mu of note 000.

    Examples
    --------
    >>> DualDecomposition(step_size=0.2).step_size
    0.2
    """

    name: ClassVar[str] = "dual_decomposition"

    step_size: float = Field(default=1.0, gt=0, description="dual step, $/kWh per kW")
    two_ledgers: bool = Field(default=False, description="each end of a tie-line keeps its own copy of its price")

    def update(self, balances: Balances) -> None:
        """Move each price by step times imbalance."""
        balances.price += self.step_size * balances.imbalance

    def wired(self, market: Market) -> Market:
        """Return the market, in which with two ledgers each end of a tie-line is asked by its own coordinator."""
        return with_two_ledgers(market) if self.two_ledgers else market

    @property
    def coordinator(self) -> type[Coordinator]:
        """The virtual agents' role."""
        return TwoLedgers if self.two_ledgers else Coordinator

    def kinds(self, periods: int, asks: Sequence[str] = (), answers: Sequence[str] = ()) -> dict[str, Kind]:
        """Return the message kinds, by name; with two ledgers, neighbours pass answers on to each other."""
        kinds = super().kinds(periods, asks, answers)
        return {**kinds, "copy": copy_kind(periods)} if self.two_ledgers else kinds

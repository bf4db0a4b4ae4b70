"""Virtual agent: the price aggregator of one home, which owns prices and consumes nothing."""

from __future__ import annotations

from .facts import PortArray, fact
from .society import Society

__all__ = ["VirtualAgent"]


class VirtualAgent(Society):
    """Price aggregator of one microgrid, pool or other home: owns the price of each balance that it keeps.

    It has one port per balance, in the order of the balances. How prices move is the protocol's business. It knows no
    agent's cost, utility or limits. Source: notes 000 and 001, price update blocks.
    """

    price: PortArray = fact("$/kWh", "first price of each balance, on a tie-line of an import", default=1.0)

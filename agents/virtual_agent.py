"""Virtual agent: the price aggregator of one microgrid, which owns prices and consumes nothing."""

from __future__ import annotations

from .facts import Array, Column, PortArray, Ports, fact
from .society import Society

__all__ = ["VirtualAgent"]


class VirtualAgent(Society):
    """Price aggregator of one microgrid: owns the price of its bus, and of each tie-line that it keeps.

    It has one port per tie-line of its microgrid. How prices move is the protocol's business. It knows no agent's cost,
    utility or limits. Source: notes 000 and 001, price update blocks.
    """

    price: Array = fact("$/kWh", "first price of its bus", default=1.0)
    transfer_price: PortArray = fact("$/kWh", "first price of an import over each tie-line", default=0.0)
    weight: Column = fact("1", "how much what its microgrid shares with others counts for it", default=1.0, gt=0.0)
    far_weight: Ports = fact("1", "weight of the microgrid at the other end of each tie-line", default=1.0, gt=0.0)

"""Virtual agent: the price aggregator of one microgrid, which owns prices and consumes nothing."""

from __future__ import annotations

from typing import Annotated

from .facts import Array, Column, MoreThan, PortArray, Ports
from .society import Society

__all__ = ["VirtualAgent"]


class VirtualAgent(Society):
    """Price aggregator of one microgrid: owns the price of its bus, and of each tie-line that it keeps.

    It has one port per tie-line of its microgrid. How prices move is the protocol's business. It knows no cost, no
    utility and no limit of anybody. Source: notes 000 and 001, price update blocks.

    Attributes
    ----------
    price : (n, periods) $/kWh, the first price it calls
    transfer_price : (p, periods) $/kWh, the first price of an import over each tie-line
    weight : how much what its microgrid shares with others counts for it, by the rules of the market
    far_weight : (p, 1), the same for the microgrid at the other end of each tie-line
    """

    price: Array = 1.0  # type: ignore[assignment]
    transfer_price: PortArray = 0.0  # type: ignore[assignment]
    weight: Annotated[Column, MoreThan(0)] = 1.0  # type: ignore[assignment]
    far_weight: Annotated[Ports, MoreThan(0)] = 1.0  # type: ignore[assignment]

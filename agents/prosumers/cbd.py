"""A central business district (note 001, microgrid B)."""

from __future__ import annotations

from ..facts import Positive
from .log_load import LogLoad

__all__ = ["CBD"]


class CBD(LogLoad):
    """Central business district with utility U(x) = beta ln(1 + sigma min(x, demand)), 0 <= x <= demand.

    Source: note 001, first block; the note gives no numbers, the defaults are a block's with up to 70 kW.

    Attributes
    ----------
    beta : $/h
    sigma : 1/kW
    demand : (n, periods) kW, what it needs in each period
    """

    beta: Positive = 16.0
    sigma: Positive = 0.04

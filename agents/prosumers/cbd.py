"""A central business district (note 001, microgrid B)."""

from __future__ import annotations

from ..facts import fact
from .log_load import LogLoad

__all__ = ["CBD"]


class CBD(LogLoad):
    """Central business district with utility U(x) = beta ln(1 + sigma min(x, demand)), 0 <= x <= demand.

    Source: note 001, first block; the note gives no numbers, the defaults are a block's with up to 70 kW.
    """

    beta = fact(default=16.0)
    sigma = fact(default=0.04)

"""A household (note 001, microgrid A)."""

from __future__ import annotations

from ..facts import fact
from .log_load import LogLoad

__all__ = ["Resident"]


class Resident(LogLoad):
    """Household with utility U(x) = beta ln(1 + sigma min(x, demand)), 0 <= x <= demand.

    Source: note 001, first block; the note gives no numbers, the defaults are a flat's with 0.3 to 1 kW.
    """

    beta = fact(default=0.3)
    sigma = fact(default=1.5)

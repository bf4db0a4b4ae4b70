"""A hospital (note 001, microgrid C)."""

from __future__ import annotations

from ..facts import fact
from .log_load import LogLoad

__all__ = ["Hospital"]


class Hospital(LogLoad):
    """Hospital with utility U(x) = beta ln(1 + sigma min(x, demand)), 0 <= x <= demand.

    It values power so highly that it seldom uses less than it needs. Source: note 001, first block; the note gives no
    numbers, the defaults are a house's with 40 to 60 kW.
    """

    beta = fact(default=60.0)
    sigma = fact(default=0.05)

"""Prosumer: an agent with one row, the net import from its microgrid's bus."""

from __future__ import annotations

from .facts import NonNegative, Positive  # noqa: F401, the example's annotations are looked up in this module
from .society import Society

__all__ = ["Prosumer"]


class Prosumer(Society):
    """Base of every prosumer type.

    A new type annotates its facts and writes `cost` and `respond`; `LocalProblem` says which other methods a type may have.

    Examples
    --------
    >>> import numpy as np
    >>> from gridparley.agents import NonNegative, Positive, batched, within
    >>> class Heater(Prosumer):
    ...     wanted: NonNegative      # kW
    ...     stiffness: Positive      # $/kW²h
    ...     def cost(self, x):
    ...         return within(x, 0, np.inf, self.stiffness / 2 * (x - self.wanted) ** 2)
    ...     @batched
    ...     def respond(self, price, target, rho):
    ...         return np.maximum(0, (self.stiffness * self.wanted + rho * target - price) / (self.stiffness + rho))
    >>> Heater(wanted=3.0, stiffness=0.5)
    <Heater 0: Heater(wanted=3, stiffness=0.5)>
    """

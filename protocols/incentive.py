"""Incentive prices: over-relaxed ADMM with one penalty a balance, held between its two residuals (note 004)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from .exchange_admm import RHO_MAX, RHO_MIN, ExchangeADMM
from .machinery.coordination.balances import Balances

__all__ = ["Incentive"]

Floats = npt.NDArray[np.float64]

_EVERY = 5
"""Rounds between two looks at a penalty."""
_FACTOR, _DEAD = 3.0, 1.5
"""Most by which a penalty changes then, and least that is worth it."""


class Incentive(ExchangeADMM):
    """Every balance has an incentive price that is moved, over-relaxed, until all rows want what adds up.

    Asks and answers are those of `ExchangeADMM`; what differs is the penalty, one a balance, by which both residuals come
    to be alike: every five rounds rho is multiplied by sqrt(rho_0 |sum x| / sqrt(n) / (rho |change of target|)), within
    [1/3, 3]: n rows of a balance apart, as a price that the first penalty makes of it, over the price that their change
    makes. Source: note 004; S. Boyd et al., Distributed Optimization and Statistical Learning via the Alternating
    Direction Method of Multipliers, 2011, sections 3.4.1 and 3.4.3.

    Examples
    --------
    >>> Incentive(rho=0.7).relaxation
    1.6
    """

    name: ClassVar[str] = "incentive"

    rho: float = Field(default=0.1, ge=RHO_MIN, le=RHO_MAX, description="first penalty, $/kW²h: a price over a power")
    relaxation: float = Field(default=1.6, ge=1, lt=2, description="how far answers are taken; 1 as they are")

    def update(self, balances: Balances) -> None:
        """Take a step in every balance."""
        b = balances
        x, before = b.x, b.target.copy()
        super().update(b)
        due = (b.steps % _EVERY == 0) & (b.steps <= self.adapting)
        if due.any():
            factor = np.where(due, self._factor(b, x, b.target - before), 1.0)
            b.rho = np.clip(b.rho * b.spread(factor), RHO_MIN, RHO_MAX)

    def curvature(self, b: Balances, x: Floats, gradient: Floats) -> Floats:
        """Return the penalties as they are."""
        return b.rho

    def _factor(self, b: Balances, x: Floats, change: Floats) -> Floats:
        """(b, 1): by what each balance's penalty is to change."""
        apart = (b.imbalance**2).sum(axis=1, keepdims=True) / np.maximum(b.sum(np.ones_like(b.rho)), 1.0)
        primal = self.rho * np.sqrt(apart)
        dual = np.sqrt(b.sum(((b.rho * change) ** 2).sum(axis=1, keepdims=True)))
        known = (primal > 1e-12) & (dual > 1e-12)  # where either is zero the ratio tells nothing
        ratio = np.where(known, primal, 1.0) / np.where(known, dual, 1.0)
        factor = np.clip(np.sqrt(ratio), 1.0 / _FACTOR, _FACTOR)
        return np.where((factor > _DEAD) | (factor < 1.0 / _DEAD), factor, 1.0)

"""Incentive prices: over-relaxed ADMM with one penalty a balance, held between its two residuals (note 004)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from .exchange_admm import ExchangeADMM, ExchangeKeeper
from .machinery.exchange import RHO_MAX, RHO_MIN, Exchange, Places
from .machinery.keeper import Keeper

__all__ = ["Incentive"]

Floats = npt.NDArray[np.float64]

_EVERY = 5
"""Rounds between two looks at a penalty."""
_FACTOR, _DEAD = 3.0, 1.5
"""Most by which a penalty changes then, and least that is worth it."""


class OnePenalty(Exchange):
    """Balances each with one penalty for all its rows, by which both residuals come to be alike.

    Every five rounds rho is multiplied by sqrt(rho_0 |sum x| / sqrt(n) / (rho |change of target|)), within [1/3, 3]: n rows
    of a balance apart, as a price that the first penalty makes of it, over the price that their change makes.
    """

    def step(self, which: npt.NDArray[np.bool_], price: Floats, x: Floats) -> None:
        """Take a step in some balances, `price` (groups, periods) in place, with the answers x, (m, periods) kW."""
        before = self.target.copy()
        super().step(which, price, x)
        due = which & (self._rounds % _EVERY == 0) & (self._rounds <= self.adapting)
        if due.any():
            factor = np.where(due[:, None], self._factor(x, self.target - before), 1.0)
            self.rho = np.clip(self.rho * factor.take(self.group, axis=0), RHO_MIN, RHO_MAX)

    def _factor(self, x: Floats, change: Floats) -> Floats:
        """(groups, 1): by what each balance's penalty is to change."""
        count = np.asarray(self._sum @ np.ones_like(self.rho))
        apart = (np.asarray(self._sum @ x) ** 2).sum(axis=1, keepdims=True) / np.maximum(count, 1.0)
        primal = self.first_rho * np.sqrt(apart)
        dual = np.sqrt(np.asarray(self._sum @ ((self.rho * change) ** 2).sum(axis=1, keepdims=True)))
        known = (primal > 1e-12) & (dual > 1e-12)  # both at rest tell nothing
        ratio = np.where(known, primal, 1.0) / np.where(known, dual, 1.0)
        factor = np.clip(np.sqrt(ratio), 1.0 / _FACTOR, _FACTOR)
        return np.where((factor > _DEAD) | (factor < 1.0 / _DEAD), factor, 1.0)

    def _curvature(self, rows: Places, place: Places, x: Floats, gradient: Floats) -> Floats:
        return np.asarray(self.rho.take(rows, axis=0))


class IncentiveKeeper(ExchangeKeeper):
    """Virtual agents of `Incentive`."""

    exchange = OnePenalty


class Incentive(ExchangeADMM):
    """Every tie-line has an incentive price that its keeper moves, over-relaxed, until both ends want the same transfer.

    Asks and answers are those of `ExchangeADMM`; what differs is the penalty, one a line and bus, which its residuals
    balance. Source: note 004; S. Boyd et al., Distributed Optimization and Statistical Learning via the Alternating
    Direction Method of Multipliers, 2011, sections 3.4.1 and 3.4.3.

    Examples
    --------
    >>> Incentive(rho=0.7).relaxation
    1.6
    """

    name: ClassVar[str] = "incentive"

    rho: float = Field(default=0.1, ge=RHO_MIN, le=RHO_MAX, description="first penalty, $/kW²h: a price over a power")
    relaxation: float = Field(default=1.6, ge=1, lt=2, description="how far answers are taken; 1 as they are")

    @property
    def keeper(self) -> type[Keeper]:
        """The virtual agents' role."""
        return IncentiveKeeper

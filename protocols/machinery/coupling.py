"""Couplings: pairs of copies of one quantity, brought together by penalties while both ends solve at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .exchange import RHO_MAX, RHO_MIN, Exchange, Places

__all__ = ["Coupling"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_STEP = 0.49
"""How far a copy goes to what its end answers. Below a half, one over the number of ends, it is proven to converge."""


class Coupling(Exchange):
    """Pairs of rows, x_1 + x_2 = c -> 0, penalised by v c + (w c)^2: analytical target cascading, both levels at once.

    Each end is asked with (v, target, 2 w^2), its target being what makes c vanish with the other end's copy s. Then

        s += step (x - s),   v += step 2 w^2 (s_1 + s_2),   w *= beta,   target_1 = -s_2, target_2 = -s_1

    It is the diagonal quadratic approximation of the penalty's cross term with one inner step (Y. Li, Z. Lu and
    J. J. Michalek, Diagonal Quadratic Approximation for Parallelization of Analytical Target Cascading, Journal of
    Mechanical Design 130, 2008); for step < 1/2 and a fixed w it converges for every convex market (N. Chatzipanagiotis,
    D. Dentcheva and M. Zavlanos, An augmented Lagrangian method for distributed optimization, Mathematical Programming
    152, 2015). While penalties adapt, 2 w^2 moves to the geometric mean of both ends' curvatures, as two answers tell
    them.

    Attributes
    ----------
    accumulates : whether v grows; if not it is what the penalty alone makes of c, and is not asked
    beta : by which w grows each round
    """

    accumulates = True
    beta = 1.0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._copy = np.zeros_like(self.target)

    def step(self, which: Mask, price: Floats, x: Floats) -> None:
        """Take a step in some pairs, `price` (groups, periods) in place, with the answers x, (m, periods) kW."""
        pairs = which.nonzero()[0]
        if not len(pairs):
            return
        rows = (2 * pairs[:, None] + np.arange(2)).ravel()
        rho = self.rho[rows]
        x, before = x[rows], self.target[rows]
        gradient = -(rho * (x - before))
        if self.accumulates:
            gradient -= np.repeat(price[pairs], 2, axis=0)
        copy = self._copy[rows] + _STEP * (x - self._copy[rows])
        apart = rho[0::2] * (copy[0::2] + copy[1::2])
        price[pairs] = price[pairs] + _STEP * apart if self.accumulates else apart
        target = -copy.reshape(len(pairs), 2, -1)[:, ::-1].reshape(copy.shape)
        moved = np.maximum(np.abs(rho * (target - before)), np.abs(rho * (x - copy)))
        self.moved[pairs] = np.maximum(np.abs(apart).max(axis=1), moved.max(axis=1).reshape(-1, 2).max(axis=1))
        adapting = np.repeat(self._rounds[pairs] < self.adapting, 2)[:, None]
        if adapting.any():
            rho = np.where(adapting, self._curvature(rows, np.repeat(np.arange(len(pairs)), 2), x, gradient), rho)
        self.rho[rows] = np.clip(rho * self.beta**2, RHO_MIN, RHO_MAX)
        self.target[rows], self._x[rows], self._gradient[rows], self._copy[rows] = target, x, gradient, copy
        self._rounds[pairs] += 1

    def _curvature(self, rows: Places, place: Places, x: Floats, gradient: Floats) -> Floats:
        mean = np.exp(np.log(super()._curvature(rows, place, x, gradient)).reshape(-1, 2).mean(axis=1))
        return np.asarray(np.repeat(mean, 2)[:, None])

    def recall(self, rows: Mask, asked: Floats) -> None:
        """Take up again what some rows, (m,) bool, were asked last, (m, 2 periods + 1)."""
        super().recall(rows, asked)
        other = np.arange(len(rows)) ^ 1
        self._copy[rows] = -self.target[other][rows]

    def forget(self, which: Mask) -> None:
        """Begin anew in some pairs."""
        super().forget(which)
        self._copy[which.take(self.group)] = 0.0

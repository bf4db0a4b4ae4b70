"""A radial network as its operator knows it: which line feeds which buses, and the exact power flow with its derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .feeder import Feeder

__all__ = ["Flow", "RadialGrid", "Sensitivity"]

Floats = npt.NDArray[np.float64]

_SWEEPS = 200
"""Sweeps after which a power flow that still moves is taken for none: loads beyond what the lines can carry."""


@dataclass(frozen=True)
class Flow:
    """An exact power flow of several periods.

    Attributes
    ----------
    active, reactive : (lines, periods) kW and kvar where each line begins, at its end that is nearer to the source
    square : (n, periods) pu², voltage squared
    current : (lines, periods) kW² per pu²: (P^2 + Q^2) / v, so that r times it is what the line loses, in kW
    solved : (periods,) whether there is one at all; all else is NaN where there is none
    """

    active: Floats
    reactive: Floats
    square: Floats
    current: Floats
    solved: npt.NDArray[np.bool_]

    @property
    def voltage(self) -> Floats:
        """(n, periods) pu."""
        return np.sqrt(self.square)


@dataclass(frozen=True)
class Sensitivity:
    """Derivatives of one period's power flow by the active (first) and the reactive (last) injection of every bus.

    Attributes
    ----------
    active : (lines, 2 n) kW per kW or kvar
    square : (n, 2 n) pu² per kW or kvar
    losses : (2 n,) kW per kW or kvar
    """

    active: Floats
    square: Floats
    losses: Floats


class RadialGrid:
    """Matrices of a feeder, per unit on a base of 1 kW, so that powers keep their numbers.

    Attributes
    ----------
    feeder
    below : (lines, n) 1 where a bus is fed through a line
    r, x : (lines, 1) per unit of the base of 1 kW
    """

    def __init__(self, feeder: Feeder) -> None:
        self.feeder = feeder
        lines = len(feeder.parent)
        self.parent = np.asarray(feeder.parent)
        below = np.zeros((lines, lines + 1))
        for line in range(lines - 1, -1, -1):
            below[line, line + 1] = 1.0
            for child in np.flatnonzero(self.parent == line + 1):
                below[line] += below[child]
        self.below = below
        base = float(feeder.base_kv) ** 2 * 1e3
        self.r, self.x = (np.asarray(ohm, dtype=np.float64)[:, None] / base for ohm in (feeder.r_ohm, feeder.x_ohm))
        self.load = np.asarray(feeder.load_kw, dtype=np.float64)[:, None]
        self.load_reactive = np.asarray(feeder.load_kvar, dtype=np.float64)[:, None]
        self.limit = np.asarray(feeder.limit_kw, dtype=np.float64)

    @cached_property
    def linear(self) -> Sensitivity:
        """Derivatives of the flow without losses (LinDistFlow: Baran and Wu 1989, with the loss terms left out)."""
        active = np.concatenate([-self.below, np.zeros_like(self.below)], axis=1)
        square = 2.0 * np.concatenate([self.below.T @ (z * self.below) for z in (self.r, self.x)], axis=1)
        return Sensitivity(active, square, np.zeros(active.shape[1]))

    def flow(self, active: Floats, reactive: Floats, source: Floats) -> Flow:
        """Solve the branch flow (DistFlow) equations of Baran and Wu 1989 by sweeps over all lines at once.

        P_l = sum of what is taken below + sum of r i below and on l; v_k = v_parent - 2 (r P + x Q) + (r^2 + x^2) i,
        i = (P^2 + Q^2) / v_parent.

        Parameters
        ----------
        active, reactive : (n, periods) kW and kvar that are taken at each bus, less what is fed in
        source : (periods,) pu, voltage of the source
        """
        taken, reactive_taken = self.below @ active, self.below @ reactive
        through, z2 = self.below[:, 1:], self.r**2 + self.x**2
        top = np.square(source)[None, :]
        i = np.zeros_like(taken)
        moving = np.ones(taken.shape[1], dtype=bool)
        p, q, v = taken, reactive_taken, np.repeat(top, self.below.shape[1], axis=0)
        with np.errstate(all="ignore"):  # where no flow exists, the sweeps diverge
            for _ in range(_SWEEPS):
                p = taken + through @ (self.r * i)
                q = reactive_taken + through @ (self.x * i)
                v = top - self.below.T @ (2.0 * (self.r * p + self.x * q) - z2 * i)
                new = (p * p + q * q) / v[self.parent]
                still = ~(np.abs(new - i) <= 1e-14 * (1.0 + np.abs(new))).all(axis=0) & (v > 0.0).all(axis=0)
                i = np.where(moving, new, i)  # a period that has come to rest keeps its bits while others still move
                moving &= still
                if not moving.any():
                    break
            solved = ~moving & (v > 0.0).all(axis=0) & np.isfinite(i).all(axis=0)
        p, q, v, i = (np.where(solved, column, np.nan) for column in (p, q, v, i))
        return Flow(p, q, v, i, solved)

    def exact(self, flow: Flow, period: int) -> Sensitivity:
        """Differentiate the branch flow equations at one period's flow; one dense solve of as many equations as lines."""
        p, q, i = (column[:, period, None] for column in (flow.active, flow.reactive, flow.current))
        v = flow.square[self.parent, period, None]
        through, z2 = self.below[:, 1:], self.r**2 + self.x**2
        none = np.zeros_like(self.below)
        # dP = dP0 + Pi di and so on: what an injection does with the currents held, and what the currents do.
        dp, dq = np.concatenate([-self.below, none], axis=1), np.concatenate([none, -self.below], axis=1)
        pi, qi = through * self.r.T, through * self.x.T
        dv = -2.0 * self.below.T @ (self.r * dp + self.x * dq)
        vi = self.below.T @ (np.diag(z2[:, 0]) - 2.0 * (self.r * pi + self.x * qi))
        right = 2.0 * (p * dp + q * dq) - i * dv[self.parent]
        left = np.diag(v[:, 0]) + i * vi[self.parent] - 2.0 * (p * pi + q * qi)
        di = np.linalg.solve(left, right)
        return Sensitivity(dp + pi @ di, dv + vi @ di, (self.r * di).sum(axis=0))

    def approximate(self, flow: Flow, period: int) -> Sensitivity:
        """Return LinDistFlow's derivatives, with loss factors -2 sum r P / v and -2 sum r Q / v over the way to each bus."""
        v = flow.square[self.parent, period, None]
        parts = [-2.0 * self.below.T @ (self.r * power[:, period, None] / v) for power in (flow.active, flow.reactive)]
        return Sensitivity(self.linear.active, self.linear.square, np.concatenate(parts)[:, 0])

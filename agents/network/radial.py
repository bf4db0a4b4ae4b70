"""A radial network as its operator knows it: which line feeds which buses, and the exact power flow with its derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..solve.fixed_order import times
from .feeder import Feeder

if TYPE_CHECKING:
    from scipy import sparse

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


@dataclass(frozen=True)
class _Line:
    """The branch flow equations of each line, differentiated at one flow.

    Where a line begins with dv it carries dp and dq, and its current changes by f dp + g dq - h dv, (lines, 1) each. So it ends
    with end . (dv, dp, dq), where the bus takes dp and dq less loss . (dv, dp, dq), which is what it loses of either.

    Attributes
    ----------
    f, g, h : (lines, 1)
    end : (lines, 3)
    loss : (lines, 2, 3)
    """

    f: Floats
    g: Floats
    h: Floats
    end: Floats
    loss: Floats

    @classmethod
    def of(cls, grid: RadialGrid, flow: Flow, period: int) -> _Line:
        p, q, i = (column[:, period, None] for column in (flow.active, flow.reactive, flow.current))
        v = flow.square[grid.parent, period, None]
        f, g, h = 2.0 * p / v, 2.0 * q / v, i / v
        current = np.concatenate([-h, f, g], axis=1)
        end = (grid.r**2 + grid.x**2) * current - 2.0 * np.concatenate([np.zeros_like(h), grid.r, grid.x], axis=1)
        end[:, 0] += 1.0
        return cls(f, g, h, end, np.stack([grid.r * current, grid.x * current], axis=1))

    def eliminated(self, parent: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Solve each line's two equations in dp and dq for what it carries, from the ends of the feeder to the source.

        Returns the inverse of the equations, (lines, 2, 2), and what a line carries per dv where it begins, (lines, 2).
        """
        lines = len(parent)
        inverse, found = [[0.0] * 4] * lines, [[0.0] * 2] * lines
        onward = [[0.0, 0.0] for _ in range(lines + 1)]
        rows = zip(parent.tolist(), self.end.tolist(), self.loss.tolist(), strict=True)
        # Numbers one by one: each line waits for those that begin where it ends.
        for line, (bus, (v, p, q), (active, reactive)) in reversed([*enumerate(rows)]):
            p_v, q_v = onward[line + 1]
            one, two = 1.0 - p_v * p - active[1], p_v * q + active[2]
            three, four = q_v * p + reactive[1], 1.0 - q_v * q - reactive[2]
            scale = 1.0 / (one * four - two * three)
            a, b, c, d = inverse[line] = [four * scale, two * scale, three * scale, one * scale]
            on_p, on_q = p_v * v + active[0], q_v * v + reactive[0]
            found[line] = [a * on_p + b * on_q, c * on_p + d * on_q]
            onward[bus][0] += found[line][0]
            onward[bus][1] += found[line][1]
        return np.array(inverse).reshape(lines, 2, 2), np.array(found).reshape(lines, 2)

    def products(self, parent: npt.NDArray[np.intp], onward: Floats, by_dv: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the products from the source to each bus: of `onward`, (n, 2, 2), its inverse, and the growth of dv, (n,)."""
        every, growth = [(1.0, 0.0, 0.0, 1.0)], [1.0]
        factors = zip(parent.tolist(), onward.reshape(-1, 4).tolist(), self.end.tolist(), by_dv.tolist(), strict=True)
        for bus, (a, b, c, d), (v, p, q), (p_v, q_v) in factors:
            e, f, g, h = every[bus]
            every.append((e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d))
            growth.append(growth[bus] * (v + p * p_v + q * q_v))
        product = np.array(every).reshape(-1, 2, 2)
        adjoint = product[:, ::-1, ::-1].transpose(0, 2, 1) * np.array([[1.0, -1.0], [-1.0, 1.0]])
        scale = product[:, 0, 0] * product[:, 1, 1] - product[:, 0, 1] * product[:, 1, 0]
        return product, adjoint / scale[:, None, None], np.array(growth)


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
        self.below, self._above = below, np.ascontiguousarray(below.T)
        base = float(feeder.base_kv) ** 2 * 1e3
        self.r, self.x = (np.asarray(ohm, dtype=np.float64)[:, None] / base for ohm in (feeder.r_ohm, feeder.x_ohm))
        self.load = np.asarray(feeder.load_kw, dtype=np.float64)[:, None]
        self.load_reactive = np.asarray(feeder.load_kvar, dtype=np.float64)[:, None]
        self.limit = np.asarray(feeder.limit_kw, dtype=np.float64)

    @cached_property
    def _ways(self) -> sparse.csr_array:
        """(n, lines) which lines lead to a bus; a product adds them up in their order, on every processor."""
        from scipy import sparse  # here: only losses need it

        return sparse.csr_array(self._above)

    @cached_property
    def linear(self) -> Sensitivity:
        """Derivatives of the flow without losses (LinDistFlow: Baran and Wu 1989, with the loss terms left out)."""
        active = np.concatenate([-self.below, np.zeros_like(self.below)], axis=1)
        square = 2.0 * np.concatenate(
            [np.einsum("li,lj->ij", self.below, z * self.below) for z in (self.r, self.x)], axis=1
        )
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
        r, x = self.r[:, 0], self.x[:, 0]
        z2, top = r**2 + x**2, np.square(source)[:, None]
        # A row a period here, so that a period's sums are the same whatever others are solved with it.
        taken, reactive_taken = (_sums(self.below, np.ascontiguousarray(power.T)) for power in (active, reactive))
        through = self.below[:, 1:]
        i = np.zeros_like(taken)
        moving = np.ones(len(taken), dtype=bool)
        p, q, v = taken, reactive_taken, np.repeat(top, self.below.shape[1], axis=1)
        with np.errstate(all="ignore"):  # where no flow exists, the sweeps diverge
            for _ in range(_SWEEPS):
                p = taken + _sums(through, r * i)
                q = reactive_taken + _sums(through, x * i)
                v = top - _sums(self._above, 2.0 * (r * p + x * q) - z2 * i)
                new = (p * p + q * q) / v[:, self.parent]
                still = ~(np.abs(new - i) <= 1e-14 * (1.0 + np.abs(new))).all(axis=1) & (v > 0.0).all(axis=1)
                i = np.where(
                    moving[:, None], new, i
                )  # a period that has come to rest keeps its bits while others still move
                moving &= still
                if not moving.any():
                    break
            solved = ~moving & (v > 0.0).all(axis=1) & np.isfinite(i).all(axis=1)
        p, q, v, i = (np.where(solved[:, None], column, np.nan).T for column in (p, q, v, i))
        return Flow(p, q, v, i, solved)

    def exact(self, flow: Flow, period: int) -> Sensitivity:
        """Differentiate the branch flow equations at one period's flow.

        Going to the source, what a line carries, dp and dq, is put as M (what is taken where it ends) + alpha dv, where dv is
        the change of the voltage squared where it begins. So an injection passes through the product of M along its way, and dv
        grows by k on each line: both are quotients of products from the source on, which are near 1.
        """
        lines, n = self.below.shape
        at = _Line.of(self, flow, period)
        onward, by_dv = at.eliminated(self.parent)
        product, inverse, growth = at.products(self.parent, onward, by_dv)
        # (lines, 2, 2, n): dp and dq of a line, for an active and a reactive injection at each bus behind it.
        left, right = -inverse[self.parent], product.transpose(1, 2, 0)
        passed = left[:, :, :1, None] * right[0] + left[:, :, 1:, None] * right[1]
        passed *= self.below[:, None, None]
        moved = passed.reshape(lines, 2, 2 * n)
        end = at.end / growth[1:, None]
        step = end[:, 1:2] * moved[:, 0] + end[:, 2:] * moved[:, 1]
        square = growth[:, None] * (self._ways @ step)
        moved += by_dv[:, :, None] * square[self.parent, None]
        current = at.f * moved[:, 0] + at.g * moved[:, 1] - at.h * square[self.parent]
        return Sensitivity(np.ascontiguousarray(moved[:, 0]), square, (self.r * current).sum(axis=0))

    def approximate(self, flow: Flow, period: int) -> Sensitivity:
        """Return LinDistFlow's derivatives, with loss factors -2 sum r P / v and -2 sum r Q / v over the way to each bus."""
        v = flow.square[self.parent, period]
        both = np.stack([self.r[:, 0] * power[:, period] / v for power in (flow.active, flow.reactive)])
        return Sensitivity(self.linear.active, self.linear.square, -2.0 * _sums(self._above, both).ravel())


def _sums(matrix: Floats, rows: Floats) -> Floats:
    """Return the products of (m, n) with each of (k, n), as (k, m), each the same whatever the others are."""
    if len(rows) == 1:
        return times(matrix, rows[0])[None]
    return np.stack([times(matrix, row) for row in rows])

"""The network operator's local solve: a projection onto the operating envelope, exact by an active-set method."""

from __future__ import annotations

from dataclasses import dataclass

import daqp
import numpy as np
import numpy.typing as npt
from scipy import optimize

from .envelope import Envelope

__all__ = ["Point", "misfit", "project"]

Floats = npt.NDArray[np.float64]

_PASSES = 200
"""Proximal passes for rows without a pull; a linear programme is exact after a few, but for prices that nearly tie."""
_WEAK = 1e-6
"""Least curvature, relative to the largest one and to the largest price over the largest power: below it digits are lost."""


@dataclass(frozen=True)
class Point:
    """An answer x, (ports,) kW, and the multipliers of the envelope's rows, (m,) $/kWh or $/pu^2h; None where infeasible."""

    x: Floats
    multiplier: Floats


def project(envelope: Envelope, price: Floats, target: Floats, rho: Floats, low: Floats, high: Floats) -> Point | None:
    """Return argmin price x + sum rho/2 (x - target)^2 on G x <= h, low <= x <= high; ties go to the least |x|.

    Where rho is zero the programme is linear there, and is approached by proximal passes (Rockafellar, SIAM Journal on Control
    and Optimization 14, 1976) from x = 0: the first one finds the solution of least norm unless prices nearly tie
    (Mangasarian and Meyer, SIAM Journal on Control and Optimization 17, 1979), further ones the exact one.

    Parameters
    ----------
    envelope
    price, target, rho, low, high : (ports,)

    Returns
    -------
    None where nothing is within all limits.
    """
    size = max(1.0, np.abs(low).max(initial=0.0), np.abs(high).max(initial=0.0))
    # A curvature far below the others would leave the solver no digits.
    soft = _WEAK * (np.abs(price).max(initial=0.0) / size + rho.max(initial=0.0)) or 1.0
    weak = rho < soft
    curvature = np.where(weak, soft, rho)
    centre = np.zeros_like(price)
    point = None
    for _ in range(_PASSES):
        # rho/2 (x - target)^2 where it is strong; where it is weak, (soft - rho)/2 (x - centre)^2 besides.
        linear = price - np.where(weak, rho * target + (curvature - rho) * centre, rho * target)
        point = _solve(envelope, curvature, linear, low, high)
        if point is None or not weak.any():
            break
        moved = np.abs(point.x - centre)[weak].max(initial=0.0)
        centre = point.x
        if moved <= 1e-12 * size:
            break
    return point


def misfit(envelope: Envelope, low: Floats, high: Floats) -> tuple[int, float]:
    """Return which row stands in the way where nothing keeps all of them, and by how much it is off at the nearest point.

    The nearest point has the least largest excess, each row's relative to what the ports can move it by.
    """
    n, reach = len(low), np.abs(envelope.rows) @ np.maximum(np.abs(low), np.abs(high))
    found = optimize.linprog(
        np.append(np.zeros(n), 1.0),
        A_ub=np.concatenate([envelope.rows, -reach[:, None]], axis=1),
        b_ub=envelope.room,
        bounds=[*zip(low, high, strict=True), (0.0, None)],
        method="highs",
    )
    row = int(np.argmin(found.ineqlin.marginals))
    return row, float(found.x[-1] * reach[row])


def _solve(envelope: Envelope, curvature: Floats, linear: Floats, low: Floats, high: Floats) -> Point | None:
    """Solve min sum curvature/2 x^2 + linear x within all limits."""
    n, m = len(linear), len(envelope.room)
    scale = curvature.min(initial=np.inf)
    h, f = curvature / scale, linear / scale
    # The solver's tolerance is one of lengths in sqrt(h) x; beyond rounding it would go in circles.
    tolerance = max(1e-11, 1e-15 * float(np.sqrt((f * f / h).sum())))
    x, _, status, info = daqp.solve(
        np.diag(h),
        f,
        envelope.rows,
        np.concatenate([high, envelope.room]),
        np.concatenate([low, np.full(m, -np.inf)]),
        np.zeros(n + m, dtype=np.int32),
        primal_tol=tolerance,
        dual_tol=1e-12,
        iter_limit=100 * (n + m + 10),
    )
    if status == -1:
        return None
    if status != 1:
        raise ArithmeticError(f"the projection onto the operating envelope ended with status {status} of DAQP")
    return Point(np.clip(x, low, high), np.asarray(info["lam"])[n:] * scale)

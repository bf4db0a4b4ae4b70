"""The network operator's local solve: onto the operating envelope by an active-set method, tangent by tangent where it bends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..solve.fixed_order import principal, times
from .envelope import Envelope

__all__ = ["Ask", "Bend", "Point", "misfit", "nearest", "project"]

Floats = npt.NDArray[np.float64]

_PASSES = 200
_WEAK = 1e-6
"""Least curvature, relative to the largest one and to the largest price over the largest power: below it digits are lost."""
_LEAST = 1e-9
"""$/kW²h: the least curvature of all, where prices are next to nothing."""
_RESTS = 1e-10
"""Relative move of a pass after which an answer stands."""
_BENT = 0.1
"""Curvature of losses that is left out of a pass, relative to the rest of it; what is left out only costs passes."""


@dataclass(frozen=True)
class Ask:
    """The question to the ports of one period: price x + rho/2 (x - target)^2 on low <= x <= high, (ports,) each."""

    price: Floats
    target: Floats
    rho: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Point:
    """An answer x, (ports,) kW, with the envelope there and the multipliers of its rows, (m,) $/kWh or $/h per pu²."""

    x: Floats
    envelope: Envelope
    multiplier: Floats


@dataclass(frozen=True)
class Bend:
    """Curvature of the losses in principal directions: (k, ports), and (k,) $/kW²h, the largest first."""

    direction: Floats
    curvature: Floats

    @classmethod
    def of(cls, flow: Floats, weight: Floats) -> Bend:
        """Decompose sum weight (flow x)^2; flow : (lines, ports) kW per kW, weight : (lines,) $/kW²h."""
        size, direction = principal(np.sqrt(2.0 * weight)[:, None] * flow)
        return cls(direction, size**2)

    def beyond(self, least: float) -> Bend:
        """Return the directions that bend more than that."""
        k = int((self.curvature > least).sum())
        return Bend(self.direction[:k], self.curvature[:k])


def project(
    ask: Ask, tangent: Callable[[Floats], Envelope | None], start: Floats, bend: Bend | None = None
) -> Point | None:
    """Return argmin cost(x) + price x + sum rho/2 (x - target)^2 within the limits, where `tangent` stands for both.

    Each pass solves one quadratic programme on the tangent at the last pass's answer, until the answer stands: a point where
    the tangent's Karush-Kuhn-Tucker conditions are those of what it touches. A tangent that is the same everywhere needs one
    pass, but where rho is zero: there the programme is linear, and is approached by proximal passes (Rockafellar, SIAM Journal
    on Control and Optimization 14, 1976). From x = 0 the first one finds the solution of least norm unless prices nearly tie
    (Mangasarian and Meyer, SIAM Journal on Control and Optimization 17, 1979), further ones an exact one.

    Parameters
    ----------
    ask
    tangent : the envelope at x, with the marginal cost there; None where there is none
    start : (ports,) kW
    bend : how the losses that the tangent leaves out bend; None where it leaves out nothing

    Returns None where nothing is within all limits, as seen from `start`, or the passes do not come to rest.
    """
    size = max(1.0, np.abs(ask.low).max(initial=0.0), np.abs(ask.high).max(initial=0.0))
    extra, soft = np.zeros_like(start), 0.0
    x, before, damping = start, np.inf, 0.0
    good: Floats | None = None
    for _ in range(_PASSES):
        envelope = tangent(x)
        if envelope is not None and not soft:
            soft = _least_curvature(ask, envelope, size)
            extra = np.maximum(soft - ask.rho, 0.0)
            bend = bend and bend.beyond(_BENT * float((ask.rho + extra).min(initial=np.inf)))
        point = None if envelope is None else nearest(envelope, ask, extra + damping, x, bend)
        if point is None:
            if good is None:
                return None
            x = (x + good) / 2.0  # the last step went where no power flows, or nothing is within the tangent's limits
            continue
        moved = float(np.abs(point.x - x).max(initial=0.0))
        good, x = x, point.x
        if moved <= _RESTS * size or (bend is None and not extra.any()):
            return point
        if bend is not None and moved > 0.7 * before:
            # The passes cycle, since tangents of the limits leave out their curvature.
            damping = max(4.0 * damping, 0.1 * float(ask.rho.max(initial=0.0)), soft)
        before = moved
    return point if bend is None else None


def _least_curvature(ask: Ask, envelope: Envelope, size: float) -> float:
    """Return the curvature, $/kW²h, far below which the solver would lose digits beside the others; size in kW."""
    steep = float(np.abs(ask.price + envelope.marginal).max(initial=0.0))
    return max(_LEAST, _WEAK * (steep / size + float(ask.rho.max(initial=0.0))))


def nearest(envelope: Envelope, ask: Ask, extra: Floats, centre: Floats, bend: Bend | None) -> Point | None:
    """Solve one quadratic programme: the question on an envelope, with extra/2 (x - centre)^2 and the bend around the centre."""
    n, m = len(centre), len(envelope.room)
    curvature = ask.rho + extra
    linear = ask.price + envelope.marginal - ask.rho * ask.target - extra * centre
    rows, low, high = envelope.rows, ask.low, ask.high
    side = np.concatenate([low, np.full(m, -np.inf)]), np.concatenate([high, envelope.room])
    sense = np.zeros(n + m, dtype=np.int32)
    if bend is not None and (k := len(bend.curvature)):
        # Each direction is one more number, so that the curvature stays a diagonal, which is what makes the solver fast.
        rows = np.block([[rows, np.zeros((m, k))], [bend.direction, -np.eye(k)]])
        along, endless = times(bend.direction, centre), np.full(k, np.inf)
        curvature, linear = np.concatenate([curvature, bend.curvature]), np.concatenate([linear, np.zeros(k)])
        side = (
            np.concatenate([low, -endless, side[0][n:], along]),
            np.concatenate([high, endless, side[1][n:], along]),
        )
        sense = np.concatenate([np.zeros(n + k + m, dtype=np.int32), np.full(k, _EQUAL, dtype=np.int32)])
    found = _daqp(curvature, linear, rows, side, sense)
    if found is None:
        return None
    first = len(linear)
    return Point(np.clip(found[0][:n], low, high), envelope, found[1][first : first + m])


_EQUAL = 5
"""DAQP's mark of an equation."""


def _daqp(
    curvature: Floats, linear: Floats, rows: Floats, side: tuple[Floats, Floats], sense: npt.NDArray[np.int32]
) -> tuple[Floats, Floats] | None:
    """Solve min sum curvature/2 x^2 + linear x on low <= (x, rows x) <= high: x and all multipliers, None where infeasible."""
    import daqp  # here: only a market on a feeder needs it

    # With the least curvature at 1 the solver's tolerance is one of kW; beyond rounding it would cycle.
    scale = curvature.min(initial=np.inf)
    h, f = curvature / scale, linear / scale
    tolerance = max(1e-11, 1e-15 * float(np.sqrt((f * f / h).sum())))
    # A row that is short in this measure would be taken for one of zeros.
    length = np.sqrt(times(np.square(rows), 1.0 / h))
    n = len(h)
    low, high = (np.concatenate([bound[:n], bound[n:] / length]) for bound in side)
    x, _, status, info = daqp.solve(
        np.diag(h),
        f,
        rows / length[:, None],
        high,
        low,
        sense,
        primal_tol=tolerance,
        dual_tol=1e-12,
        iter_limit=100 * (len(sense) + 10),
        eq_reduction=-1,
    )
    if status == -1:
        return None
    if status != 1:
        raise ArithmeticError(f"the projection onto the operating envelope ended with status {status} of DAQP")
    multiplier = np.asarray(info["lam"]) * scale
    multiplier[n:] /= length
    return x, multiplier


def misfit(envelope: Envelope, low: Floats, high: Floats) -> tuple[int, float]:
    """Return which row stands in the way where nothing keeps all of them, and by how much it is off at the nearest point.

    The nearest point has the least largest excess, each row's relative to what the ports can move it by.
    """
    from scipy import optimize  # here: only an error needs it

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

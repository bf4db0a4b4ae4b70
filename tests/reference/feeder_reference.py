"""The central programme of a market on a feeder, written from its lines alone, beside anything that agents compute."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gridparley.runs import RunError

from .feeder_flow import loss_factors, power_flow
from .feeder_problem import FeederProblem

__all__ = ["FeederSolution", "Network", "central_feeder"]

Floats = npt.NDArray[np.float64]
Network = Literal["none", "lindistflow", "exact", "relaxed"]

_TOLERANCES = (1e-12, 1e-11, 1e-10, 1e-9, 1e-8)
_PASSES = 60
_RESTS = 1e-7
"""kW: how much a pass may still move anybody."""
_STEP = 1e-2
"""kW, for derivatives by differences."""


@dataclass(frozen=True)
class FeederSolution:
    """The optimum of a market on a feeder.

    Attributes
    ----------
    p : (n,) kW, injections
    trade : (t,) kW, from the first to the second of each pair
    sold, bought : (n,) kW, at the tariffs
    dlmp : (n,) $/kWh, what a kW more from each prosumer is worth
    trade_price : (t,) $/kWh, of an import at either end
    cost : $/h, weighted where there are weights
    line_kw, voltage : (lines,) kW and (buses,) pu, as the programme has them
    losses_kw : as the programme has them
    gap_kw : what a relaxation loses more than the power flow at its solution; 0 where it is no relaxation
    passes : linearisations
    """

    p: Floats
    trade: Floats
    sold: Floats
    bought: Floats
    dlmp: Floats
    trade_price: Floats
    cost: float
    line_kw: Floats
    voltage: Floats
    losses_kw: float
    gap_kw: float
    passes: int


@dataclass(frozen=True)
class _Tangent:
    """What losses add to the flow without them: lines' kW, voltages squared and losses, each where p = 0 and per kW."""

    line: tuple[Floats, Floats]
    square: tuple[Floats, Floats]
    losses: tuple[float, Floats]


def central_feeder(problem: FeederProblem, network: Network = "none") -> FeederSolution:
    """Solve a market on a feeder centrally (CVXPY with Clarabel).

    Parameters
    ----------
    problem
    network : "none", LinDistFlow without losses; "lindistflow" and "exact", the fixed point of solving at the tangent of the
        power flow, with loss factors -2 sum r (P + tan phi Q) / v or with derivatives by differences; "relaxed", the branch
        flow with cones in the place of its quadratic equations (Farivar and Low, IEEE Transactions on Power Systems 28, 2013)

    Raises
    ------
    RunError
        The programme has no solution, or tangents do not come to rest.
    """
    if network in ("none", "relaxed"):
        return _solve(problem, None, relaxed=network == "relaxed", passes=1)
    p = _solve(problem, None, relaxed=False, passes=1).p
    step, before = 1.0, np.inf
    for number in range(1, _PASSES + 1):
        found = _solve(problem, _tangent(problem, p, exact=network == "exact"), relaxed=False, passes=number)
        moved = float(np.abs(found.p - p).max())
        if moved <= _RESTS:
            return found
        step = max(0.25, step / 2.0) if moved > 0.8 * before else step
        before, p = moved, p + step * (found.p - p)
    raise RunError(
        f"feeder {problem.feeder.name}: tangents still move injections by {moved:.1e} kW after {_PASSES} passes"
    )


def _solve(problem: FeederProblem, tangent: _Tangent | None, *, relaxed: bool, passes: int) -> FeederSolution:
    import cvxpy as cp

    n, t = len(problem.bus), len(problem.pairs)
    p, fed = cp.Variable(n), cp.Variable(n)
    sold, bought, trade = cp.Variable(n, nonneg=True), cp.Variable(n, nonneg=True), cp.Variable((t, 2))
    same = fed == p
    limits = [same, p >= problem.low, p <= problem.high, fed >= -problem.fuse[:, 0], fed <= problem.fuse[:, 1]]
    agree = trade[:, 0] + trade[:, 1] == 0 if t else None
    account: list[Any] = [sold[i] - bought[i] for i in range(n)]
    for k, (i, j) in enumerate(problem.pairs.tolist()):
        account[i], account[j] = account[i] + trade[k, 0], account[j] + trade[k, 1]
    limits += [p == cp.hstack(account)] + ([agree] if t else [])
    w = problem.weight
    cost = cp.sum(cp.multiply(w * problem.a / 2.0, cp.square(p))) + (w * problem.b) @ p
    cost += (w * problem.retail) @ bought - (w * problem.feed_in) @ sold
    if t:
        kappa = (w * problem.kappa)[problem.pairs] / 2.0
        cost += cp.sum(cp.multiply(kappa, cp.square(trade)))
    flow, square, lost, bounds = _network(cp, problem, fed, tangent, relaxed)
    cost += problem.wholesale * (problem.load_kw.sum() - cp.sum(fed) + lost) + problem.loss_price * lost
    programme = cp.Problem(cp.Minimize(cost), limits + bounds)
    _optimise(cp, programme, problem)
    injected = np.asarray(p.value)
    losses = float(lost.value) if relaxed or tangent is not None else 0.0
    return FeederSolution(
        p=injected,
        trade=np.asarray(trade.value)[:, 0] if t else np.zeros(0),
        sold=np.asarray(sold.value),
        bought=np.asarray(bought.value),
        dlmp=np.asarray(same.dual_value),
        trade_price=-np.asarray(agree.dual_value) if agree is not None else np.zeros(0),
        cost=float(programme.value),
        line_kw=np.array([f.value for f in flow]),
        voltage=np.sqrt([problem.source**2, *(v.value for v in square[1:])]),
        losses_kw=losses,
        gap_kw=losses - float(power_flow(problem, injected[:, None]).losses_kw[0]) if relaxed else 0.0,
        passes=passes,
    )


def _network(
    cp: Any, problem: FeederProblem, fed: Any, tangent: _Tangent | None, relaxed: bool
) -> tuple[list[Any], list[Any], Any, list[Any]]:
    """Lines' kW, voltages squared, losses in kW and constraints, line by line; powers are in units of all load."""
    feeder, count = problem.feeder, len(problem.feeder.parent)
    unit = max(1.0, float(np.abs(problem.load_kw).sum()))
    base = float(feeder.base_kv) ** 2 * 1e3 / unit
    p, q, v = cp.Variable(count), cp.Variable(count), cp.Variable(count + 1)
    i = cp.Variable(count, nonneg=True) if relaxed else np.zeros(count)
    limits = [v[0] == problem.source**2]
    for k, parent in enumerate(feeder.parent.tolist()):
        r, x = float(feeder.r_ohm[k]) / base, float(feeder.x_ohm[k]) / base
        mine, beyond = np.flatnonzero(problem.bus == k + 1), [child - 1 for child in problem.children[k + 1]]
        active = problem.load_kw[k + 1] / unit - cp.sum(fed[mine]) / unit + cp.sum(p[beyond]) + r * i[k]
        reactive = (
            problem.load_kvar[k + 1] / unit - problem.tan_phi[mine] @ fed[mine] / unit + cp.sum(q[beyond]) + x * i[k]
        )
        drop = 2.0 * (r * p[k] + x * q[k]) - (r * r + x * x) * i[k]
        limits += [p[k] == active, q[k] == reactive, v[k + 1] == v[parent] - drop]
        if relaxed:
            limits.append(cp.SOC(v[parent] + i[k], cp.hstack([2.0 * p[k], 2.0 * q[k], v[parent] - i[k]])))
    flow, square = [unit * p[k] for k in range(count)], [v[k] for k in range(count + 1)]
    lost: Any = cp.sum(cp.multiply(np.asarray(feeder.r_ohm) / base, i)) * unit if relaxed else 0.0
    if tangent is not None:
        flow = [f + tangent.line[0][k] + tangent.line[1][k] @ fed for k, f in enumerate(flow)]
        square = [s + tangent.square[0][k] + tangent.square[1][k] @ fed for k, s in enumerate(square)]
        lost = tangent.losses[0] + tangent.losses[1] @ fed
    for k in range(count):
        limits += [square[k + 1] >= problem.v_min**2, square[k + 1] <= problem.v_max**2]
        if np.isfinite(feeder.limit_kw[k]):
            limits += [flow[k] <= float(feeder.limit_kw[k]), flow[k] >= -float(feeder.limit_kw[k])]
    return flow, square, lost, limits


def _optimise(cp: Any, programme: Any, problem: FeederProblem) -> None:
    for tolerance in _TOLERANCES:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")  # the next tolerance follows
            try:
                options = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), tolerance)
                programme.solve(solver=cp.CLARABEL, max_iter=300, **options)
            except cp.error.SolverError:
                continue
        if programme.status == cp.OPTIMAL:
            return
        if programme.status in (cp.INFEASIBLE, cp.UNBOUNDED):
            break
    raise RunError(f"feeder {problem.feeder.name}: the central programme is {programme.status}")


def _tangent(problem: FeederProblem, p: Floats, *, exact: bool) -> _Tangent:
    """Return the difference between the power flow and the flow without losses, as a tangent at p."""
    n = len(p)
    here = _bends(problem, p[:, None])
    if exact:
        steps = p[:, None] + _STEP * np.concatenate([np.eye(n), -np.eye(n)], axis=1)
        slope = [(np.subtract(*np.split(column, 2, axis=-1))) / (2.0 * _STEP) for column in _bends(problem, steps)]
    else:
        slope = [np.zeros((len(part), n)) for part in here[:2]] + [loss_factors(problem, p)]
    line, square, losses = ((part[..., 0] - by @ p, by) for part, by in zip(here, slope, strict=True))
    return _Tangent(line, square, (float(losses[0]), losses[1]))


def _bends(problem: FeederProblem, p: Floats) -> tuple[Floats, Floats, Floats]:
    """Lines' kW, voltages squared and losses of injections (n, m) less those of the flow without losses."""
    full, plain = power_flow(problem, p), power_flow(problem, p, losses=False)
    return full.line_kw - plain.line_kw, full.square - plain.square, full.losses_kw

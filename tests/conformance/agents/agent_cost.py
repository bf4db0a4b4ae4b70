"""Checks of what stands beside `respond`: cost, slope, and the reference for a central solver."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from ..error import shown
from .questions import AgentSubject, Question

__all__ = ["cost_is_a_number", "cost_is_convex", "reference_agrees", "slope_fits_answers"]

Floats = npt.NDArray[np.float64]

SEGMENTS = 200
"""Segments on which convexity is tried."""
PRICE_MAX = 100.0
"""$/kWh, beyond which a general solver's own tolerance would drown the comparison."""
REFERENCES = 8
"""Questions that are put to CVXPY as well."""


def cost_is_a_number(subject: AgentSubject) -> bool:
    """`cost` is (agents, periods) and finite or +inf, never NaN nor -inf, however far x is from anything allowed."""
    rng = np.random.default_rng(subject.seed)
    shape = (subject.society.rows, subject.society.periods)
    for question in subject.questions:
        x = subject.ask(question)
        subject.cost(x)
        subject.cost(x + rng.standard_normal(shape) * 10.0 ** rng.integers(-9, 3))
    for size in 10.0 ** np.arange(-9, 13):
        for sign in (-1.0, 1.0):
            subject.cost(np.full(shape, sign * size))
        subject.cost(rng.standard_normal(shape) * size)
    return True


def cost_is_convex(subject: AgentSubject) -> bool:
    """Between two points the cost of each agent is finite and no higher than the straight line."""
    society = subject.society
    rng = np.random.default_rng(subject.seed)
    points = _points(subject, rng)
    costs = np.stack([_per_agent(subject, x) for x in points])
    one, two = rng.integers(len(points), size=(2, SEGMENTS))
    for a, b, share in zip(one.tolist(), two.tolist(), rng.uniform(0.05, 0.95, SEGMENTS).tolist(), strict=True):
        x = points[a] + share * (points[b] - points[a])
        line = (1 - share) * costs[a] + share * costs[b]
        here = _per_agent(subject, x)
        with np.errstate(invalid="ignore"):
            above = here > line + 1e-9 * (1 + np.abs(costs[a]) + np.abs(costs[b]))
        above &= np.isfinite(costs[a]) & np.isfinite(costs[b])
        if above.any():
            k = int(np.argmax(above))
            rows = slice(int(society.row_start[k]), int(society.row_start[k + 1]))
            given = f"{share!r} of the way from x {shown(points[a][rows])} to {shown(points[b][rows])} kW"
            wanted = f"at most {float(line[k])!r}, a convex cost on a convex set"
            raise subject.error("cost_is_convex", "cost", given, f"{float(here[k])!r} $/h", wanted)
    return True


def _points(subject: AgentSubject, rng: np.random.Generator) -> list[Floats]:
    """Return answers, which are allowed, and random points, some of which may be."""
    answers = [subject.ask(question) for question in subject.questions]
    spread = np.stack(answers)
    low, high = spread.min(axis=0), spread.max(axis=0)
    shape = low.shape
    points = list(answers)
    for _ in answers:
        points.append(low + rng.uniform(-0.1, 1.1, shape) * (high - low))
        points.append(answers[rng.integers(len(answers))] + rng.standard_normal(shape) * 10.0 ** rng.uniform(-3, 1))
        points.append(rng.standard_normal(shape) * 10.0 ** rng.uniform(-2, 2))
    return points


def _per_agent(subject: AgentSubject, x: Floats) -> Floats:
    """(n,) $/h: periods may be coupled, so that only their sum need be convex."""
    return np.asarray(subject.cost(x).sum(axis=1))


def slope_fits_answers(subject: AgentSubject) -> bool:
    """`slope` is (rows, periods), finite, at least 0, and -dx/dprice wherever x has one derivative."""
    society: Any = subject.society
    if not society.offers("slope"):
        return False
    shape = (society.rows, society.periods)
    target, rho = np.zeros(shape), np.zeros((shape[0], 1))
    for question in subject.questions:
        price = question.price
        try:
            slope = society.slope(price.copy())
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
            raise subject.error("slope_fits_answers", "slope", question, got, "a slope") from error
        if not isinstance(slope, np.ndarray) or slope.shape != shape or not (slope >= 0).all() or np.isinf(slope).any():
            got = f"shape {slope.shape}, {shown(slope)}" if isinstance(slope, np.ndarray) else repr(slope)
            wanted = f"shape {shape} = (rows, periods), finite and at least 0"
            raise subject.error("slope_fits_answers", "slope", f"price {shown(price)} $/kWh", got, wanted)
        left, right, rounding = _differences(subject, Question(price, target, rho))
        smooth = np.abs(left - right) <= 0.01 * np.maximum(left, right) + rounding
        wrong = smooth & (np.abs(slope - (left + right) / 2) > 0.02 * np.maximum(left, right) + rounding)
        if wrong.any():
            row, period = np.argwhere(wrong)[0].tolist()
            got = f"{shown(slope[row, period])} (row {row}, period {period})"
            moves = (left[row, period] + right[row, period]) / 2
            wanted = f"about {shown(moves)} kW per $/kWh, which is how the answers move"
            raise subject.error("slope_fits_answers", "slope", f"price {shown(price[row, period])} $/kWh", got, wanted)
    return True


def _differences(subject: AgentSubject, question: Question) -> tuple[Floats, Floats, Floats]:
    """Return -dx/dprice to the left and to the right of a price, row by row, and what rounding may add."""
    society, price = subject.society, question.price
    step = 1e-4 * np.maximum(np.abs(price), 1e-3)
    x = subject.ask(question)
    left, right = np.empty_like(x), np.empty_like(x)
    place = np.arange(society.rows) - np.repeat(society.row_start[:-1], np.diff(society.row_start))
    for row in range(int(place.max()) + 1):
        here = (place == row)[:, None]
        for way, sign in ((left, -1.0), (right, 1.0)):
            moved = subject.ask(Question(price + np.where(here, sign * step, 0.0), question.target, question.rho))
            way[:] = np.where(here, -sign * (moved - x) / step, way)
    return left, right, 1e-12 * (1 + np.abs(x)) / step


def reference_agrees(subject: AgentSubject) -> bool:
    """`reference` tells CVXPY the same problem: its optimum is worth what the answer is, and stands where it does."""
    society = subject.society
    if not society.offers("reference"):
        return False
    solved = 0
    for question in subject.questions:
        if np.abs(question.price).max() > PRICE_MAX or solved == REFERENCES:
            continue
        found = _solve(subject, question)
        if found is None:
            continue
        solved += 1
        x, (y, theirs) = subject.ask(question), found
        pull = question.rho / 2 * (x - question.target) ** 2
        mine = subject.cost(x).sum() + (question.price * x + pull).sum()
        noise = 1 + np.abs(subject.cost(x)).sum() + (np.abs(question.price * x) + pull + question.rho * y**2).sum()
        if not abs(mine - theirs) <= 1e-6 * noise:
            got = f"{float(mine)!r} $/h at x {shown(x)} kW"
            wanted = f"{theirs!r} $/h, as CVXPY finds from `reference` at {shown(y)} kW"
            raise subject.error("reference_agrees", "respond", question, got, wanted)
        rho = float(question.rho.min())
        if rho > 0 and np.abs(x - y).max() > 1e-4 * (1 + np.abs(x).max()) + 2 * np.sqrt(2e-6 * noise / rho):
            wanted = f"{shown(y)} kW, as CVXPY finds from `reference`"
            raise subject.error("reference_agrees", "respond", question, f"x {shown(x)} kW", wanted)
    if not solved:
        got = "no question that CVXPY could solve"
        raise subject.error("reference_agrees", "reference", f"{len(subject.questions)} questions", got, "at least one")
    return True


def _solve(subject: AgentSubject, question: Question) -> tuple[Floats, float] | None:
    """Return the optimum by Clarabel and its value, or None where the solver is not sure."""
    cp: Any = import_module("cvxpy")  # slow to import, and needed by few
    society: Any = subject.society
    x = cp.Variable((society.rows, society.periods))
    try:
        cost, limits = society.reference(cp, x)
        pull = cp.multiply(np.broadcast_to(question.rho / 2, x.shape), cp.square(x - question.target))
        objective = cost + cp.sum(cp.multiply(question.price, x)) + cp.sum(pull)
        problem = cp.Problem(cp.Minimize(objective), limits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that it may be inaccurate: the status says so too
            problem.solve(solver=cp.CLARABEL)
    except cp.SolverError:
        return None
    except Exception as error:
        got = f"{type(error).__name__}: {error}"
        wanted = "(cost, constraints) of a CVXPY variable"
        raise subject.error("reference_agrees", "reference", question, got, wanted) from error
    return (np.asarray(x.value), float(problem.value)) if problem.status == cp.OPTIMAL else None

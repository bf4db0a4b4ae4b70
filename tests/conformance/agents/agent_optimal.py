"""Checks that answers are optimal, by searches that know nothing of the type but its cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from ...agents import Society
from ..error import shown
from .questions import AgentSubject, Question

__all__ = ["answers_are_optimal", "ties_go_to_the_least"]

Floats = npt.NDArray[np.float64]

AGENTS_MAX = 6
"""Agents of a society whose answers are searched for better ones."""
SEARCHED_MAX = 4
"""Questions to agents of several rows or periods that a general minimiser, which is slow, is put to."""
POOL_MAX = 8
"""Answers to other questions, which are allowed points, that a search looks towards."""
STEPS = 10.0 ** np.linspace(-6, 3, 13)
"""How far a search along a line looks, relative to the answer."""
ROUNDING = 1e-12
"""What some thousand roundings add up to, relative to the numbers that are rounded."""
EPS = 1e-14
"""What some tens of them do."""


@dataclass(frozen=True)
class Objective:
    """What one agent minimises: cost(x) + sum price x + sum rho/2 |x - target|^2, at many points at once.

    Attributes
    ----------
    subject, agent, question
    cost_range : $/h, by which the agent's cost differs among the answers tried: an answer is rounded in kW, and so is what its
        cost is made of, however small the cost itself is where it is least
    cost_size : $/h, the largest cost among the answers tried, of which a constant is a part that no tolerance should know
    """

    subject: AgentSubject
    agent: Society
    question: Question
    cost_range: float
    cost_size: float

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, periods) of a point."""
        return self.agent.rows, self.agent.periods

    def __call__(self, points: Floats) -> Floats:
        """Return $/h, (m,), of points (m, rows, periods)."""
        m = len(points)
        many = self.agent.take(np.zeros(m, dtype=np.int64))
        cost = self.subject.cost(points.reshape(m * self.shape[0], self.shape[1]), many).sum(axis=1)
        q = self.question
        return np.asarray(cost + (q.price * points + q.rho / 2 * (points - q.target) ** 2).sum(axis=(1, 2)))

    def noise(self, x: Floats) -> float:
        """Return the size of the terms at x, in $/h: what a relative tolerance is relative to."""
        q = self.question
        terms = np.abs(q.price * x) + q.rho * (x * x + q.target * q.target)
        cost = float(np.abs(self.subject.cost(x, self.agent)).sum())
        return float(terms.sum()) + min(cost, self.cost_range)

    @property
    def rounding(self) -> float:
        """$/h that rounding alone may be worth."""
        return ROUNDING * self.cost_range + EPS * self.cost_size


def answers_are_optimal(subject: AgentSubject) -> bool:
    """No search finds a better point, and none as good that is far away where rho > 0."""
    answers = [subject.ask(question) for question in subject.questions]
    society = subject.society
    for k in range(min(len(society), AGENTS_MAX)):
        rows = slice(int(society.row_start[k]), int(society.row_start[k + 1]))
        pool = np.stack([x[rows] for x in answers])
        costs = _costs(subject, society[k], pool)
        for number, (question, x) in enumerate(zip(subject.questions, answers, strict=True)):
            objective = Objective(subject, society[k], question.rows(rows), *costs)
            if not np.isfinite(objective(x[None, rows])).all():
                got = f"x {shown(x[rows])} kW, whose cost is +inf"
                wanted = "an answer within its limits"
                raise subject.error("answers_are_optimal", "respond", objective.question, got, wanted)
            rng = np.random.default_rng(subject.seed)
            rivals = _rivals(objective, x[rows], pool, rng, thorough=number < SEARCHED_MAX)
            for how, y in rivals:
                _compare(objective, x[rows], y, how)
    return True


def _costs(subject: AgentSubject, agent: Society, points: Floats) -> tuple[float, float]:
    """Return by how much the cost of one agent, $/h, differs among points (m, rows, periods), and its largest size."""
    m, rows, periods = points.shape
    many = agent.take(np.zeros(m, dtype=np.int64))
    costs = subject.cost(points.reshape(m * rows, periods), many).sum(axis=1)
    known = costs[np.isfinite(costs)]
    return (float(np.ptp(known)), float(np.abs(known).max())) if known.size else (0.0, 0.0)


def _rivals(
    objective: Objective, x: Floats, pool: Floats, rng: np.random.Generator, *, thorough: bool
) -> Iterator[tuple[str, Floats]]:
    """Yield points that may be better than x, with the search that found each."""
    yield "a search along lines", best_along(objective, x, _directions(x, pool, rng))
    if x.size == 1:
        yield "scipy.optimize.minimize_scalar", _scalar(objective, x)
    elif thorough:
        starts = [x, pool[rng.integers(len(pool))]]
        for start in starts:
            found = optimize.minimize(
                lambda flat: objective(flat.reshape(1, *x.shape))[0],
                start.ravel(),
                method="Nelder-Mead",
                options={"maxfev": 100 + 20 * x.size, "xatol": 1e-10, "fatol": 1e-14},
            )
            yield "scipy.optimize.minimize", found.x.reshape(x.shape)


def _compare(objective: Objective, x: Floats, y: Floats, how: str) -> None:
    """Refuse an answer x if the rival y is better, or as good and elsewhere."""
    subject, question = objective.subject, objective.question
    mine, theirs = objective(np.stack([x, y])).tolist()
    if not np.isfinite(theirs):
        return
    noise = objective.noise(x)
    slack = _slack(objective, x)
    allowed = subject.tolerance * noise + slack + objective.rounding
    if mine - theirs > allowed:
        got = f"x {shown(x)} kW, worth {mine!r}; {how} found {shown(y)} kW, worth {theirs!r}"
        wanted = f"no better point by more than {allowed:.3g} $/h"
        raise subject.error("answers_are_optimal", "respond", question, got, wanted)
    rho = float(question.rho.min())
    if rho > 0 and theirs <= mine:
        # Values that agree to rounding fix a minimiser of curvature rho to the square root of it.
        blur = np.sqrt((64e-15 * noise + 4 * slack + 4 * objective.rounding) / rho)
        apart, near = float(np.abs(x - y).max()), 1e-5 * (1 + np.abs(x).max()) + blur
        if apart > near:
            got = f"x {shown(x)} kW; {how} found {shown(y)} kW, as good"
            wanted = f"the only minimiser, to {near:.3g} kW"
            raise subject.error("answers_are_optimal", "respond", question, got, wanted)


def _slack(objective: Objective, x: Floats) -> float:
    """Return what may be won, in $/h, by leaning on the tolerance of `within`: 1e-9 of limits not known here."""
    size = 1.0 + np.abs(x).max()
    step = 1e-10 * size
    unit = np.eye(x.size).reshape(-1, *x.shape)
    won = objective(x[None]) - objective(x + step * np.concatenate([unit, -unit]))
    return float(won.max(initial=0.0) / step * 4e-9 * size * x.size)


def best_along(objective: Objective, x: Floats, directions: Floats) -> Floats:
    """Return the best point on some rays from x, (d, rows, periods): a grid of lengths, then golden sections."""
    reach = 1.0 + np.abs(x).max()
    lengths = reach * STEPS
    d = len(directions)

    def at(t: Floats) -> Floats:
        """Values at lengths t, (d,) or (d, s)."""
        points = x + t[..., None, None] * (directions if t.ndim == 1 else directions[:, None])
        return objective(points.reshape(-1, *x.shape)).reshape(t.shape)

    best = np.argmin(at(np.broadcast_to(lengths, (d, len(lengths)))), axis=1)
    low = np.where(best > 0, lengths[np.maximum(best, 1) - 1], 0.0)
    high = lengths[np.minimum(best + 1, len(lengths) - 1)]
    golden = (np.sqrt(5.0) - 1.0) / 2.0
    a, b = high - golden * (high - low), low + golden * (high - low)
    at_a, at_b = at(a), at(b)
    for _ in range(45):
        left = (at_a <= at_b) | ~np.isfinite(at_b)  # beyond the limits: back towards x
        low, high = np.where(left, low, a), np.where(left, b, high)
        new = np.where(left, high - golden * (high - low), low + golden * (high - low))
        at_new = at(new)
        a, b, at_a, at_b = (
            np.where(left, new, b),
            np.where(left, a, new),
            np.where(left, at_new, at_b),
            np.where(left, at_a, at_new),
        )
    values = np.minimum(at_a, at_b)
    winner = int(np.argmin(values))
    t = a[winner] if at_a[winner] <= at_b[winner] else b[winner]
    return np.asarray(x + t * directions[winner])


def _directions(x: Floats, pool: Floats, rng: np.random.Generator) -> Floats:
    """Return ways to go from x: along each number, pairs of them, at random, and to other points that are allowed."""
    unit = np.eye(x.size)
    ways = [unit, -unit]
    if x.size > 1:
        # Where a sum is fixed only pairs can move.
        one, two = rng.integers(x.size, size=(2, 2 * x.size))
        ways += [unit[one] - unit[two], unit[one] + unit[two], rng.standard_normal((2 * x.size, x.size))]
        other = (pool[rng.integers(len(pool), size=POOL_MAX)] - x).reshape(POOL_MAX, -1)
        length = np.abs(other).max(axis=1, keepdims=True)
        ways.append((other / np.where(length > 0, length, 1.0))[length[:, 0] > 0])
    every = np.concatenate(ways)
    return np.asarray(every[np.abs(every).max(axis=1) > 0].reshape(-1, *x.shape))


def _scalar(objective: Objective, x: Floats) -> Floats:
    """Return the minimiser of one number over its whole range, found by probing where the cost is finite."""
    grid = 10.0 ** np.linspace(-9, 6, 61)
    around = np.unique(np.concatenate([-grid, [0.0], grid, [float(x[0, 0])]]))

    def value(points: Floats) -> Floats:
        return objective(np.reshape(points, (-1, 1, 1)))

    values = value(around)
    best = int(np.argmin(values))
    low, high = around[max(best - 1, 0)], around[min(best + 1, len(around) - 1)]
    middle = around[best]
    low, high = _edge(value, middle, low), _edge(value, middle, high)
    if not low < high:
        return np.asarray(middle).reshape(1, 1)
    found = optimize.minimize_scalar(
        lambda at: float(value(np.array([at]))[0]),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-12 * (1 + abs(middle))},
    )
    tried = np.array([found.x, low, high, middle])
    return np.asarray(tried[np.argmin(value(tried))]).reshape(1, 1)


def _edge(value: Callable[[Floats], Floats], inside: float, outside: float) -> float:
    """Return the last point from `inside` to `outside` with a finite value."""
    if np.isfinite(value(np.array([outside]))[0]):
        return outside
    for _ in range(80):
        middle = 0.5 * (inside + outside)
        if np.isfinite(value(np.array([middle]))[0]):
            inside = middle
        else:
            outside = middle
    return inside


def ties_go_to_the_least(subject: AgentSubject) -> bool:
    """Where nothing costs and nothing pulls, no smaller x is exactly as cheap."""
    society = subject.society
    zero = np.zeros((society.rows, society.periods))
    question = Question(zero, zero, zero[:, :1])
    x = subject.ask(question)
    for k in range(min(len(society), AGENTS_MAX)):
        rows = slice(int(society.row_start[k]), int(society.row_start[k + 1]))
        objective = Objective(subject, society[k], question.rows(rows), 0.0, 0.0)
        here = x[rows]
        # All of it smaller, and one row at a time. Only at price 0 is a tie exact; elsewhere rounding would decide.
        ways = [here * share for share in (0.0, 0.5, 0.9, 0.99)]
        for row in range(len(here)):
            for share in (0.0, 0.5, 0.99):
                way = here.copy()
                way[row] *= share
                ways.append(way)
        points = np.stack(ways)
        smaller = np.abs(points - here).max(axis=(1, 2)) > 1e-6
        tied = smaller & (objective(points) == objective(here[None])[0])
        if tied.any():
            got = f"x {shown(here)} kW, while {shown(points[int(np.argmax(tied))])} kW costs the same"
            wanted = "the least |x| among equals"
            raise subject.error("ties_go_to_the_least", "respond", objective.question, got, wanted)
    return True

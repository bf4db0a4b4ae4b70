"""Questions to put to an agent: prices, targets and penalties of every size, the awkward ones first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import Society
from ...environment.code import ended_from_outside
from ..error import ConformanceError, shown

__all__ = ["AgentSubject", "Question", "questions_for"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]

PRICES = (0.0, 1.0, -1.0, 0.05, 20.0, 1e4, -1e4)
RHOS = (0.0, 0.01, 1.0, 50.0)
PRICE_LIMIT = 1e9
"""$/kWh between which a price is looked for at which the agents are at no limit."""
HALVINGS = 60


@dataclass(frozen=True)
class Question:
    """One ask: price (rows, periods) $/kWh, target (rows, periods) kW, rho (rows, 1) $/kW^2h."""

    price: Floats
    target: Floats
    rho: Floats

    def rows(self, which: Rows | slice) -> Question:
        """Return the question to some of the rows."""
        return Question(self.price[which], self.target[which], self.rho[which])

    def columns(self) -> tuple[Floats, Floats, Floats]:
        """Return copies that may be written to."""
        return self.price.copy(), self.target.copy(), self.rho.copy()

    def __str__(self) -> str:
        return f"price {shown(self.price)} $/kWh, target {shown(self.target)} kW, rho {shown(self.rho)} $/kW^2h"


@dataclass(frozen=True)
class AgentSubject:
    """A society under test.

    Attributes
    ----------
    society
    questions
    seed : of every random choice of a check
    tolerance : how much worse than the best found an answer may be, relative to the terms of the objective
    """

    society: Society
    questions: tuple[Question, ...]
    seed: int = 0
    tolerance: float = 1e-9

    @property
    def name(self) -> str:
        """Name of the type."""
        return type(self.society).__name__

    def ask(self, question: Question, society: Society | None = None) -> Floats:
        """Ask a society (by default the one under test) and return its answer, once it is one at all.

        Raises
        ------
        ConformanceError
            Of the checks `answers_every_question`, `answers_have_shape` or `answers_are_finite`, whoever asks.
        """
        society = self.society if society is None else society
        try:
            x: Any = society.respond(*question.columns())
        except BaseException as error:
            if ended_from_outside(error):
                raise
            got = f"{type(error).__name__}: {error}"
            raise self.error("answers_every_question", "respond", question, got, "an answer") from error
        wanted = (society.rows, society.periods)
        if not isinstance(x, np.ndarray) or x.shape != wanted or x.dtype != np.float64:
            got = f"{x.dtype} of shape {x.shape}" if isinstance(x, np.ndarray) else f"{type(x).__name__} {x!r}"
            wish = f"an array of float64 of shape {wanted} = (rows, periods)"
            raise self.error("answers_have_shape", "respond", question, got, wish)
        if not np.isfinite(x).all():
            raise self.error("answers_are_finite", "respond", question, shown(x), "finite kW in every row and period")
        return np.asarray(x)

    def cost(self, x: Floats, society: Society | None = None) -> Floats:
        """Return what answers cost, (n, periods) $/h.

        Raises
        ------
        ConformanceError
            Of the check `cost_is_a_number`: it raised, has another shape, or is NaN or -inf.
        """
        society = self.society if society is None else society
        try:
            with np.errstate(all="ignore"):  # it is asked about points far outside
                value: Any = society.cost(x.copy())
        except BaseException as error:
            if ended_from_outside(error):
                raise
            got, wish = f"{type(error).__name__}: {error}", "a cost, +inf outside limits"
            raise self.error("cost_is_a_number", "cost", f"x {shown(x)} kW", got, wish) from error
        wanted = (len(society), society.periods)
        if not isinstance(value, np.ndarray) or value.shape != wanted or value.dtype != np.float64:
            got = f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
            wish = f"an array of float64 of shape {wanted} = (agents, periods)"
            raise self.error("cost_is_a_number", "cost", f"x {shown(x)} kW", got, wish)
        bad = np.isnan(value) | (value == -np.inf)
        if bad.any():
            agent = int(np.argwhere(bad)[0, 0])
            rows = slice(int(society.row_start[agent]), int(society.row_start[agent + 1]))
            given = f"x {shown(x[rows])} kW of {society.names[agent]}"
            raise self.error("cost_is_a_number", "cost", given, shown(value[agent]), "$/h, finite or +inf")
        return np.asarray(value)

    def told(
        self, method: str, question: Question, columns: Sequence[Floats], society: Society | None = None
    ) -> npt.NDArray[Any]:
        """Call `respond`, `cost` or `slope` as it is.

        Raises
        ------
        ConformanceError
            It raised: of the check that is about this method.
        """
        society = self.society if society is None else society
        try:
            return np.asarray(getattr(society, method)(*columns))
        except BaseException as error:
            if ended_from_outside(error):
                raise
            check = {"cost": "cost_is_a_number", "slope": "slope_fits_answers"}.get(method, "answers_every_question")
            got = f"{type(error).__name__}: {error}"
            raise self.error(check, method, question, got, "an answer for each agent") from error

    def error(self, check: str, method: str, given: object, got: str, wanted: str) -> ConformanceError:
        """Return the error of a check about one of the type's methods."""
        return ConformanceError(check, f"{self.name}.{method}", given=str(given), got=got, wanted=wanted)


def questions_for(society: Society, trials: int, seed: int) -> tuple[Question, ...]:
    """Return `trials` questions: round prices with every penalty, then random ones, some with a rho for each row."""
    rng = np.random.default_rng(seed)
    shape = (society.rows, society.periods)
    size = _size(society)
    made: list[Question] = []
    for price, rho in product(PRICES, RHOS):
        # A target of zero hides a sign error, and so does one that is never zero.
        target = rng.choice([0.0, 0.5, -0.5, 1.5], shape) * size if rho else np.zeros(shape)
        made.append(Question(np.full(shape, price), target, np.full((shape[0], 1), rho)))
    order = rng.permutation(len(made) - 1) + 1
    made = [made[0], *(made[k] for k in order[: trials // 2])]  # nothing costs: ties show here
    made += _where_it_moves(society, max(2, trials // 8), rng)
    while len(made) < trials:
        price = 10.0 ** rng.uniform(-2, 2) * rng.uniform(-0.3, 1.0, shape)
        rho = 10.0 ** rng.uniform(-2, 2, (shape[0], 1)) * rng.choice([0.0, 1.0], (shape[0], 1), p=[0.3, 0.7])
        if len(made) % 3 == 0:
            rho = np.zeros_like(rho)
        made.append(Question(price, rng.uniform(-1.5, 1.5, shape) * size, rho))
    return tuple(made[:trials])


def _where_it_moves(society: Society, count: int, rng: np.random.Generator) -> list[Question]:
    """Return questions at prices between those that drive the agents to one limit and to the other.

    Prices that do not know the agents are mostly beyond both, where a wrong answer is right. Every second one pulls, to what is
    the best answer without a pull.
    """
    shape = (society.rows, society.periods)
    zero, none = np.zeros(shape), np.zeros((society.rows, 1))

    def at(price: float) -> Floats:
        x = np.asarray(society.respond(zero + price, zero.copy(), none.copy()), dtype=np.float64)
        return x if x.shape == shape and np.isfinite(x).all() else zero

    made: list[Question] = []
    try:
        least, most = at(PRICE_LIMIT).sum(), at(-PRICE_LIMIT).sum()
        for number in range(count):
            wanted, low, high = least + rng.uniform(0.05, 0.95) * (most - least), -PRICE_LIMIT, PRICE_LIMIT
            for _ in range(HALVINGS):
                middle = 0.5 * (low + high)
                low, high = (middle, high) if at(middle).sum() > wanted else (low, middle)
            pull = 10.0 ** rng.uniform(-2, 2) if number % 2 else 0.0
            made.append(Question(zero + low, at(low).copy() if pull else zero.copy(), none + pull))
    except BaseException as error:  # whatever is wrong, the checks will ask again and say so
        if ended_from_outside(error):
            raise
    return made


def _size(society: Society) -> Floats:
    """(rows, 1) kW: about how large each row's answers are."""
    size = np.full((society.rows, 1), 1e-3)
    zero = np.zeros((society.rows, society.periods))
    for price in (0.0, 0.1, 1.0, 10.0, -1.0):
        try:
            x = np.asarray(society.respond(zero + price, zero.copy(), zero[:, :1].copy()), dtype=np.float64)
        except BaseException as error:  # whatever is wrong, the checks will ask again and say so
            if ended_from_outside(error):
                raise
            continue
        if x.shape == zero.shape and np.isfinite(x).all():
            size = np.maximum(size, np.abs(x).max(axis=1, keepdims=True))
    return np.asarray(np.minimum(size, 1e6))

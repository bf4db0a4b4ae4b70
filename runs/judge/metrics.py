"""The observer: metrics from the true state of all agents, computed outside of them, once a tick."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ...agents import AgentError, Society, tiles
from ...environment import Fate, Journal
from ...environment.code import Culprit
from ...environment.remembered import fixed
from ...protocols import Market, MarketState
from ...protocols.errors import AnswerError

__all__ = ["METRICS", "Observer", "cost_of", "costs_of"]

Floats = npt.NDArray[np.float64]

_WINDOW = 33
"""Rounds of prices that are kept to tell drifting from oscillating."""

METRICS = {
    "round": "rounds completed everywhere",
    "primal_residual": "kW, the largest imbalance of any balance",
    "dual_residual": "$/kWh, the largest change of a price since the last round",
    "price_disagreement": "$/kWh, the largest difference between two copies of one price",
    "cost": "$/h, cost less utility of what is proposed, without regularising terms",
    "sent": "messages sent so far",
    "lost": "messages lost so far",
    "in_flight": "messages on their way",
}
"""What is observed each tick, with units."""


class Observer:
    """Computes metrics of a market from outside the agents.

    Parameters
    ----------
    market
    cost_every : ticks between two looks at the cost, which alone asks every agent and so takes as long as a solve; 0: none

    Attributes
    ----------
    latest : the metrics of the last tick, by the names in `METRICS`
    rounds : one row (primal_residual, dual_residual) for each completed round
    round_tick : the tick in which the last round was completed
    """

    def __init__(self, market: Market, cost_every: int = 1) -> None:
        self.market, self.cost_every = market, cost_every
        self.latest: dict[str, float] = dict.fromkeys(METRICS, float("nan"))
        self.rounds: list[tuple[float, float]] = []
        self._free = [p.society.unregularised() for p in market.populations]
        self.round_tick = 0
        self._past: deque[Floats] = deque(maxlen=_WINDOW)
        self._round = -1
        self._answers: list[Floats] = []
        self._known = self._costed = False

    def open(self, market: Market) -> None:
        """Begin a period: other facts, and rounds from the first."""
        self.market = market
        self._free = [p.society.unregularised() for p in market.populations]
        self.rounds = []
        self._past.clear()
        self._round, self._answers = -1, []

    def imbalance(self, x: list[Floats]) -> Floats:
        """Return what the rows of every balance add up to, (B, periods) kW."""
        total = np.zeros((len(self.market.topology.balances), self.market.periods))
        for gather, rows in zip(self.market.gather, x, strict=True):
            total += _gathered(gather, rows)
        return total

    def cost(self, x: list[Floats], *, regularised: bool = False) -> float:
        """Return the cost of all agents in $/h, +inf where one is outside its limits."""
        societies = [p.society for p in self.market.populations] if regularised else self._free
        with np.errstate(invalid="ignore"):
            return sum(cost_of(society, rows) for society, rows in zip(societies, x, strict=True))

    def observe(self, state: MarketState, journal: Journal, tick: int, in_flight: int) -> None:
        """Compute the metrics of one tick."""
        rounds = int(state.round.min())
        latest = self.latest
        latest["round"] = rounds
        latest["sent"], latest["lost"], latest["in_flight"] = (
            journal.totals[Fate.SENT],
            journal.totals[Fate.LOST],
            in_flight,
        )
        if self._news(state.x):
            # An agent that has not answered yet has NaN, which neither a sum nor a maximum hides.
            residual = _largest(self.imbalance(state.x))
            self._known = not np.isnan(residual)
            self._costed = False
            if self._known:
                latest["primal_residual"] = residual
        if self._known and self.cost_every and tick % self.cost_every == 0 and not self._costed:
            latest["cost"], self._costed = self.cost(state.x), True
        latest["price_disagreement"] = self._disagreement(state)
        if rounds > self._round:
            now = state.price.copy()
            if self._past:
                latest["dual_residual"] = _largest(now - self._past[-1])
                self.rounds.append((latest["primal_residual"], latest["dual_residual"]))
            self._past.append(now)
            self._round, self.round_tick = rounds, tick

    def _news(self, x: list[Floats]) -> bool:
        """Tell whether answers may differ from those of the last tick: all but read-only arrays that are still the same."""
        last, self._answers = self._answers, list(x)
        kept = len(last) == len(x) and all(a is b and not b.flags.writeable for a, b in zip(last, x, strict=True))
        return not kept

    def _disagreement(self, state: MarketState) -> float:
        """Return the largest difference between a copy of a price and the mean of all its copies, twice, $/kWh."""
        if state.row_price is None:
            return 0.0
        return 2.0 * _largest(state.row_price - state.price[self.market.topology.row_balance])

    def drift(self) -> tuple[float, float, Floats]:
        """Return, for the last rounds, the path length of prices, their net change, and its direction.

        Returns
        -------
        path, net : $/kWh, the sum of all steps' lengths and the length of their sum
        direction : (B, periods) $/kWh, the sum of all steps
        """
        path = sum(_length(b - a) for a, b in pairwise(self._past))
        way = self._past[-1] - self._past[0]
        return path, _length(way), way


def _gathered(gather: sparse.csr_array, x: Floats) -> Floats:
    """Return gather @ x; where x lies in a wider block, without the copy that the kernel would make of it."""
    block = x.base
    if x.flags.c_contiguous or block is None or block.ndim != 2 or not block.flags.c_contiguous:
        return np.asarray(gather @ x)
    same = len(block) == len(x) and block.__array_interface__["data"][0] == x.__array_interface__["data"][0]
    return np.asarray((gather @ block)[:, : x.shape[1]] if same else gather @ x)


def _length(way: Floats) -> float:
    """Return the Euclidean norm; numpy's own goes through BLAS, whose sums differ between processors."""
    return float(np.sqrt(np.add.reduce(np.square(way), axis=None)))


def _largest(values: Floats) -> float:
    return float(np.abs(values).max()) if values.size else 0.0


def cost_of(society: Society, x: Floats) -> float:
    """Return what all agents of a society pay for an answer x, (rows, periods) kW, in $/h."""
    return float(costs_of(society, x).sum())


def costs_of(society: Society, x: Floats) -> Floats:
    """Return what each agent of a society pays in each period for an answer x, (rows, periods) kW: (n, periods) $/h.

    Raises
    ------
    AgentError
        `cost` is not written, raised, or returned something else than a number an agent and period: finite, or +inf.
    """
    return np.concatenate([_costs_of(part, x[rows]) for part, rows in tiles(society)])


def _costs_of(society: Society, x: Floats) -> Floats:
    name = type(society).__name__
    try:
        cost = np.asarray(society.cost(fixed(x.view())))
    except NotImplementedError as error:
        raise AgentError(str(error)) from error
    except Exception as error:
        text = f"{name}.cost raised {type(error).__name__}: {error} (first asked: {society[0].names[0]})"
        raise _failure(text, society, error) from error
    wanted = (len(society), society.periods)
    if cost.shape != wanted:
        raise _failure(f"{name}.cost returned shape {cost.shape}; wanted {wanted} = (agents, periods)", society)
    if cost.dtype.kind not in "fiu":
        raise _failure(f"{name}.cost returned {cost.dtype}; wanted floats, (agents, periods)", society)
    with np.errstate(invalid="ignore"):
        total = cost.sum()
    if not total > -np.inf:  # NaN too; +inf says that a limit is exceeded
        _check_costs(society, x, cost)
    return cost


def _check_costs(society: Society, x: Floats, cost: Floats) -> None:
    """Refuse a cost that is NaN or -inf, unless the answer is not there yet."""
    known = np.logical_and.reduceat(np.isfinite(x).all(axis=1), society.own_rows)
    wrong = ~(cost > -np.inf) & known[:, None]
    if wrong.any():
        agent, period = np.argwhere(wrong)[0].tolist()
        own = society[agent]
        at = x[society.row_start[agent] : society.row_start[agent + 1], period].tolist()
        name = f"{type(society).__name__}.cost of {own.names[0]}"
        raise _failure(f"{name} returned {cost[agent, period]} in period {period}, for x = {at}", own)


def _failure(text: str, society: Society, error: BaseException | None = None) -> AnswerError:
    return AnswerError(text, Culprit.of(type(society), "cost", society[0].names[0], error=error))

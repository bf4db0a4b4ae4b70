"""Rays: small and large steps away from the answers of a whole society, and what they would change by its own cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...agents import AgentError, Society
from ...agents.batch import is_batched
from ...agents.tiles import TILE
from ...environment.remembered import fixed

__all__ = ["Asked", "Costs", "Ray", "Rises", "rays_of", "reach_of"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

STEPS = (1e-5, 1e-3, 0.1, 1.0, 10.0)
"""Sizes of a step of one row or at random, relative to how far an agent reaches. The least is far above the 1e-9 to which
limits are met, so that no step wins by leaning on that."""
SHARES = (1e-3, 1e-2, 0.1, 0.5, 1.0)
"""How far a step goes towards another point that is allowed."""
REACH_MIN = 1e-2
"""kW."""
NUMBERS_MAX = 150_000
"""Numbers that the single steps of a tile may take; where there are more, each agent tries some, drawn for it. A horizon
counts twice, since its cost is most likely a programme of its own."""
STEPS_FEW, SHARES_FEW = (1e-3, 0.1), (0.1, 1.0)
"""The same for each of very many agents, of whom some are tried thoroughly."""
RANDOM = 4
"""Random directions of agents that have more than one number."""


class Asked(NamedTuple):
    """What a society was asked: price, target, (rows, periods), and rho, (rows, 1)."""

    price: Floats
    target: Floats
    rho: Floats

    def take(self, rows: slice) -> Asked:
        """Return what some rows were asked."""
        return Asked(self.price[rows], self.target[rows], self.rho[rows])


@dataclass(frozen=True)
class Ray:
    """A way to go from an answer, (rows, periods) kW at a step of size 1, and the sizes of the steps on it, ascending."""

    way: Floats
    sizes: Sequence[float]


def reach_of(society: Society, points: Sequence[Floats]) -> Floats:
    """(n,) kW: how far each agent reaches, by the largest number in some points; no agent's is nothing beside the others'.

    Nor is it ever so small that a step would lean on the 1e-9 kW to which limits are met.
    """
    size = np.max([np.maximum.reduceat(np.abs(x).max(axis=1), society.own_rows) for x in points], axis=0)
    most = float(size.max(initial=0.0))
    return np.maximum(size, max(1e-3 * most, REACH_MIN) if most > 0.0 else 1.0)


def rays_of(
    society: Society, x: Floats, reach: Floats, rivals: Sequence[Floats], rng: np.random.Generator, *, thorough: bool
) -> Iterator[Ray]:
    """Yield ways to go from x: every row and period, two of them at once, at random, and towards other points.

    Parameters
    ----------
    society
    x : (rows, periods) kW
    reach : (n,) kW, see `reach_of`
    rivals : points that are allowed, (rows, periods) kW each, the most telling first
    thorough : every way there is room for; else one row and period of each agent, and the first of the rivals
    """
    length = np.repeat(reach, society.port_count + 1)[:, None]
    steps, shares = (STEPS, SHARES) if thorough else (STEPS_FEW, SHARES_FEW)
    for way in _unit_ways(society, rng, thorough=thorough):
        for sign in (1.0, -1.0):
            yield Ray(sign * length * way, steps)
    if thorough and (x.shape[1] > 1 or society.rows > len(society)):
        for _ in range(RANDOM):
            yield Ray(length * rng.standard_normal(x.shape), steps)
    for rival in rivals if thorough else rivals[:1]:
        # What is the same point but for rounding shows nothing.
        way = rival - x
        apart = np.maximum.reduceat(np.abs(way).max(axis=1), society.own_rows) > STEPS[0] * reach
        if apart.any():
            yield Ray(np.where(np.repeat(apart, society.port_count + 1)[:, None], way, 0.0), shares)


def _unit_ways(society: Society, rng: np.random.Generator, *, thorough: bool) -> Iterator[Floats]:
    """Yield single steps and steps of pairs: every one, or as many as there is room for, drawn for each agent."""
    periods, most = society.periods, int(society.port_count.max(initial=0)) + 1
    kinds = [(1.0, 0.0), (1.0, -1.0), (1.0, 1.0)] if most * periods > 1 else [(1.0, 0.0)]
    room = max(6, NUMBERS_MAX // (society.rows * periods**2 * 2 * len(kinds) * len(STEPS))) if thorough else 1
    every = [(place, period) for place in range(most) for period in range(periods)]
    drawn = len(every) > room
    for k in range(min(room, len(every))):
        for one, two in kinds:
            if drawn:
                place = rng.integers(society.port_count + 1)
                period = rng.integers(periods, size=len(society))
            else:
                place, period = (np.full(len(society), number) for number in every[k])
            yield from _stepped(society, place, period, one, two, rng)


def _stepped(
    society: Society, place: Places, period: Places, one: float, two: float, rng: np.random.Generator
) -> Iterator[Floats]:
    """Yield what moves one number of each agent that has it, and with `two` a second: own bus, next port, other period."""
    count, periods = society.port_count + 1, society.periods
    has = place < count
    seconds: list[tuple[Places, Places]] = []
    if two:
        if (count > 1).any():
            # What comes in by a port goes out by the own bus, by the first port, or by the next one.
            seconds.append((np.where(place == 0, count - 1, 0), period))
            seconds.append((np.minimum(1, count - 1), period))
            seconds.append((np.where(place + 1 < count, place + 1, np.minimum(1, count - 1)), period))
        if periods > 1:
            seconds.append((place, (period + rng.integers(1, periods, size=len(society))) % periods))
    for other, then in seconds if two else [(place, period)]:
        way = np.zeros((society.rows, periods))
        agents = np.flatnonzero(has & ((other != place) | (then != period) | (two == 0.0)))
        if not len(agents):
            continue
        way[society.row_start[agents] + place[agents], period[agents]] = one
        if two:
            way[society.row_start[agents] + other[agents], then[agents]] = two
        yield way


@dataclass(frozen=True)
class Rises:
    """What some steps change: (s, n) each, in $/h.

    Attributes
    ----------
    cost : of the agent's own cost; +inf outside its limits
    whole : of all that it minimises, price and penalty included
    """

    cost: Floats
    whole: Floats

    def take(self, which: slice) -> Rises:
        """Return what some of the steps change."""
        return Rises(self.cost[which], self.whole[which])


class Costs:
    """What the agents of a society pay, asked at several points at once where it is small.

    Parameters
    ----------
    society
    """

    def __init__(self, society: Society) -> None:
        self.society = society
        self._several = TILE // (society.rows * society.periods) if is_batched(type(society).cost) else 1
        self._many: dict[int, Society] = {1: society}

    @property
    def rays_at_once(self) -> int:
        """How many rays are best asked about together."""
        return min(max(1, self._several // len(STEPS)), 32)

    def at(self, points: Sequence[Floats]) -> Floats:
        """Return what each agent pays at points of (rows, periods) kW, over all periods: (s, n) $/h.

        Raises
        ------
        AgentError
            `cost` raised, or is NaN or -inf somewhere: says for which agent and at which x.
        """
        if self._several < 2:
            return np.stack([_checked(self.society, point) for point in points])
        found = []
        for first in range(0, len(points), self._several):
            some = points[first : first + self._several]
            if len(some) not in self._many:
                self._many[len(some)] = self.society.take(np.tile(np.arange(len(self.society)), len(some)))
            found.append(_checked(self._many[len(some)], np.concatenate(some)).reshape(len(some), -1))
        return np.concatenate(found)

    def along(self, asked: Asked, x: Floats, base: Floats, steps: Sequence[Floats]) -> Rises:
        """Return what steps from x, (rows, periods) kW each, change; base : (n,) $/h, the cost at x. Raises as `at`."""
        own = self.society.own_rows
        rise = self.at([x + step for step in steps]) - base
        gradient = asked.price + asked.rho * (x - asked.target)
        paid = [np.add.reduceat(((gradient + asked.rho / 2.0 * s) * s).sum(axis=1), own) for s in steps]
        return Rises(rise, rise + np.stack(paid))


def _checked(society: Society, x: Floats) -> Floats:
    """(n,) $/h, over all periods; +inf outside the limits."""
    name = f"{type(society).__name__}.cost"
    try:
        with np.errstate(all="ignore"):
            cost = np.asarray(society.cost(fixed(x.view())), dtype=np.float64)
    except Exception as error:
        raise AgentError(
            f"{name} raised {type(error).__name__}: {error} (first asked: {society[0].names[0]})"
        ) from error
    total = cost.sum(axis=1)
    if not total.min(initial=0.0) > -np.inf:  # NaN too
        wrong = ~(cost > -np.inf)
        agent, period = np.argwhere(wrong)[0].tolist()
        rows = slice(int(society.row_start[agent]), int(society.row_start[agent + 1]))
        at = ", ".join(f"{v:.6g}" for v in x[rows, period].tolist())
        who = society[agent].names[0]
        where = f" in period {period}" if cost.shape[1] > 1 else ""
        raise AgentError(
            f"{name} of {who} is {cost[agent, period]}{where} for x = {at} kW; wanted a number, or +inf outside its limits"
        )
    return np.asarray(total)

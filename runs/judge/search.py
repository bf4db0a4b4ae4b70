"""Search: whether the agents of a society could have answered better, by nothing but their own cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from ...agents import Society
from .rays import Asked, Costs, Ray, Rises, rays_of, reach_of

__all__ = ["Searched", "search"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.integer]
Mask = npt.NDArray[np.bool_]

FLOOR = 1e-7
"""Of the range of what an agent minimises, within its reach: what it may miss by before its answer is called wrong."""
ROUNDING = 1e-12
"""Relative: what the sums behind a cost may be off by."""


@dataclass
class Searched:
    """What was found for each agent of a society.

    Attributes
    ----------
    gain : (n,) $/h, by how much a step was better than the answer, 0 where none was
    floor : (n,) $/h, what counts as nothing
    step : (rows, periods) kW, the best step of each agent
    bend : (n,) $/h, by how much its cost lies above a straight line between two points, +inf where it has a hole
    bent : (rows, periods) kW, the step at which it does most
    outside : (n,) whether its own cost is +inf at its answer
    """

    gain: Floats
    floor: Floats
    step: Floats
    bend: Floats
    bent: Floats
    outside: Mask

    def put(self, rows: slice | Places, agents: slice | Places, part: Searched) -> None:
        """Take over what was found for some agents."""
        for name in ("gain", "floor", "bend", "outside"):
            getattr(self, name)[agents] = getattr(part, name)
        for name in ("step", "bent"):
            getattr(self, name)[rows] = getattr(part, name)

    @classmethod
    def nothing(cls, society: Society) -> Searched:
        """Return that nothing was found."""
        n, shape = len(society), (society.rows, society.periods)
        zeros = [np.zeros(n) for _ in range(3)]
        return cls(zeros[0], zeros[1], np.zeros(shape), zeros[2], np.zeros(shape), np.zeros(n, dtype=bool))


def search(
    society: Society,
    asked: Asked,
    x: Floats,
    rivals: Sequence[Floats],
    rng: np.random.Generator,
    *,
    thorough: bool = True,
) -> Searched:
    """Look for better answers than x to what was asked, and for places where the cost is not convex.

    Every agent minimises cost(y) + sum price y + sum rho/2 |y - target|^2. If that is convex, and no small step from x makes
    it less, x is its minimum; and what is not convex shows on a way of three points.

    Parameters
    ----------
    society : as many agents as fit the cache, see `tiles`
    asked
    x : (rows, periods) kW
    rivals : points that are allowed, (rows, periods) kW each
    thorough : as for `rays_of`

    Raises
    ------
    AgentError
        `cost` raised, or is no number somewhere.
    """
    found = Searched.nothing(society)
    costs = Costs(society)
    base = costs.at([x])[0]
    found.outside = np.isinf(base)
    base = np.where(found.outside, 0.0, base)
    reach = reach_of(society, [x, *rivals])
    paid = np.add.reduceat(np.abs(asked.price * x).sum(axis=1), society.own_rows)
    spread, noise = paid.copy(), ROUNDING * (np.abs(base) + paid)
    rays = rays_of(society, x, reach, rivals, rng, thorough=thorough)
    while some := list(islice(rays, costs.rays_at_once)):
        rises = costs.along(asked, x, base, [size * ray.way for ray in some for size in ray.sizes])
        first = 0
        for ray in some:
            part = rises.take(slice(first, first + len(ray.sizes)))
            first += len(ray.sizes)
            _note_range(part, ray, spread)
            _note_better(society, part, ray, found)
            if thorough:
                _note_bend(society, part, ray, found)
    found.floor = FLOOR * spread + noise + _leaning(society, asked, x)
    found.gain[found.outside] = 0.0
    found.bend[found.outside] = 0.0
    return found


def _leaning(society: Society, asked: Asked, x: Floats) -> Floats:
    """(n,) $/h: what may be won by leaning on the 1e-9, relative above 1 kW, to which limits are met."""
    pull = np.abs(asked.price) + asked.rho * np.abs(x - asked.target)
    return 4e-9 * np.add.reduceat((pull * np.maximum(1.0, np.abs(x))).sum(axis=1), society.own_rows)


def _note_range(rises: Rises, ray: Ray, spread: Floats) -> None:
    """Widen the range of what is minimised, within the reach of each agent."""
    near = np.array(ray.sizes) <= 1.0
    for values in (rises.cost[near], rises.whole[near]):
        np.maximum(spread, np.where(np.isfinite(values), np.abs(values), 0.0).max(axis=0), out=spread)


def _note_better(society: Society, rises: Rises, ray: Ray, found: Searched) -> None:
    """Keep the best step of each agent."""
    best = np.argmin(rises.whole, axis=0)
    gain = -np.take_along_axis(rises.whole, best[None], axis=0)[0]
    better = gain > found.gain
    if better.any():
        found.gain = np.where(better, gain, found.gain)
        _keep(society, better, np.array(ray.sizes)[best], ray, found.step)


def _note_bend(society: Society, rises: Rises, ray: Ray, found: Searched) -> None:
    """Keep where the cost of each agent lies furthest above the line between its neighbours on the ray."""
    at = np.array([0.0, *ray.sizes])
    share = ((at[1:-1] - at[:-2]) / (at[2:] - at[:-2]))[:, None]
    values = np.concatenate([np.zeros((1, rises.cost.shape[1])), rises.cost])
    before, here, after = values[:-2], values[1:-1], values[2:]
    open_ = np.isfinite(before) & np.isfinite(after)
    with np.errstate(invalid="ignore"):
        above = here - ((1.0 - share) * before + share * after)
        # A large value rounds more than a small one.
        above -= 1e-9 * np.maximum(np.abs(before), np.abs(after))
    above = np.where(open_, above, 0.0)
    most = np.argmax(above, axis=0)
    bend = np.take_along_axis(above, most[None], axis=0)[0]
    more = bend > found.bend
    if more.any():
        found.bend = np.where(more, bend, found.bend)
        _keep(society, more, at[1:-1][most], ray, found.bent)


def _keep(society: Society, which: Mask, size: Floats, ray: Ray, into: Floats) -> None:
    rows = np.repeat(which, society.port_count + 1)
    into[rows] = (np.repeat(size, society.port_count + 1)[:, None] * ray.way)[rows]

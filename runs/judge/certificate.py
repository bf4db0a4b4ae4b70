"""The certificate: how far from the optimum a negotiated point is at most, shown without any central solver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...agents import Society
from ...protocols import Market, MarketState
from .findings import Probe
from .metrics import Observer, cost_of
from .probe import Answers, best_answers, last_answers, points_of, probe
from .restore_feasibility import restore_feasibility

__all__ = ["Certificate", "asked_prices", "certify"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Certificate:
    """A bracket of the optimal cost.

    Attributes
    ----------
    lower : $/h, no point that balances costs less: the dual value at the negotiated prices, a sum of all agents' minima
    upper : $/h, the cost of the feasible point; inf where there is none
    gap : (upper - lower) / max(abs(upper), 1 $/h)
    x : the feasible point, by population, (rows, periods) kW, or None
    residual : kW, where an equilibrium is sought that minimises no common cost: how far the feasible point is from the
        agents' best answers; else None
    probe : what trying the agents' answers against their costs has found; where that is anything, no lower bound is known
    """

    lower: float
    upper: float
    gap: float
    x: list[Floats] | None
    residual: float | None = None
    probe: Probe = Probe()  # noqa: RUF009 - frozen


def certify(
    market: Market,
    observer: Observer,
    state: MarketState,
    x: list[Floats] | None = None,
    *,
    asked: Market | None = None,
) -> Certificate:
    """Bracket the optimal cost by weak duality at the present prices and by a point that all agents can keep.

    Where two copies of a price differ, their mean is used: any price gives a valid bound.

    Parameters
    ----------
    market, observer, state
    x : by population, (rows, periods) kW, such a point where it is known; else it is looked for
    asked : the market in which the agents were asked, where that is another one, such as one without weights
    """
    best = best_answers(market, state.price)
    x = restore_feasibility(market, observer, state) if x is None else x
    upper = np.inf if x is None else observer.cost(x, regularised=True)
    last = last_answers(market if asked is None else asked, state)
    found = probe([best, last], points_of(best, state, x), abs(upper) if np.isfinite(upper) else 0.0)
    if found:
        return Certificate(-np.inf, upper, np.inf, x, probe=found)
    lower = _dual_value(best)
    gap = (upper - lower) / max(abs(upper), 1.0) if np.isfinite(upper) else np.inf
    return Certificate(lower, upper, float(gap), x)


def _dual_value(best: Answers) -> float:
    total = 0.0
    for population, asked, x in zip(best.market.populations, best.asked, best.x, strict=True):
        assert asked is not None
        total += cost_of(population.society, x) + float((asked.price * x).sum())
    return total


def asked_prices(market: Market, price: Floats) -> Iterator[tuple[Society, Floats]]:
    """Every society with the prices of its rows, (rows, periods)."""
    for population, gather in zip(market.populations, market.gather, strict=True):
        yield population.society, np.asarray(gather.T @ price)

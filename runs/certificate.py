"""The certificate: how far from the optimum a negotiated point is at most, shown without any central solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..protocols import Market, MarketState
from ..protocols.responder import answer
from .commit import commit
from .observer import Observer, cost_of

__all__ = ["Certificate", "certify", "infeasible_direction"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Certificate:
    """A bracket of the optimal cost.

    Attributes
    ----------
    lower : $/h, no point that balances costs less: the dual value at the negotiated prices, a sum of everybody's own minimum
    upper : $/h, the cost of the committed point; inf where there is none
    gap : (upper - lower) / max(abs(upper), 1 $/h)
    x : the committed point, by population, (rows, periods) kW, or None
    """

    lower: float
    upper: float
    gap: float
    x: list[Floats] | None


def certify(market: Market, observer: Observer, state: MarketState) -> Certificate:
    """Bracket the optimal cost by weak duality at the present prices and by the committed point.

    Where two copies of a price differ, their mean is used: any price gives a valid bound.
    """
    lower = _dual_value(market, observer, state.price, state.transfer_price.mean(axis=1))
    x = commit(market, observer, state)
    upper = np.inf if x is None else observer.cost(x, regularised=True)
    gap = (upper - lower) / max(abs(upper), 1.0) if np.isfinite(upper) else np.inf
    return Certificate(lower, upper, float(gap), x)


def _dual_value(market: Market, observer: Observer, price: Floats, transfer_price: Floats) -> float:
    total = 0.0
    for society, asked in _asked(market, observer, price, transfer_price):
        x = answer(society, asked, np.zeros_like(asked), np.zeros((society.rows, 1)))
        total += cost_of(society, x) + float((asked * x).sum())
    return total


def _asked(market: Market, observer: Observer, price: Floats, transfer_price: Floats):  # type: ignore[no-untyped-def]
    """Every society with the prices of its rows, (rows, periods)."""
    both = np.concatenate([price, transfer_price])
    for population, gather in zip(market.members, observer.gather, strict=True):
        yield population.society, gather.T @ both


def infeasible_direction(market: Market, observer: Observer, price: Floats, transfer_price: Floats) -> float:
    """Return how much power no balanced point can place along a direction of prices, relative to the power that moves.

    Whatever is balanced has price . x = 0 summed over everybody, for any price. If the least that everybody together can
    make of it within their limits is above zero, no balanced point exists: a Farkas certificate, found with the seam
    alone, by calling such high prices that costs do not matter.

    Parameters
    ----------
    price, transfer_price : (hubs, periods), (L, periods), the direction in which prices run away

    Returns
    -------
    > 0 proves that the market has no solution; <= 0 proves nothing
    """
    size = max(np.abs(price).max(initial=0.0), np.abs(transfer_price).max(initial=0.0))
    if not size > 0.0:
        return 0.0
    least, moved = 0.0, 0.0
    for society, asked in _asked(market, observer, price / size, transfer_price / size):
        x = answer(society, 1e12 * asked, np.zeros_like(asked), np.zeros((society.rows, 1)))
        least += float((asked * x).sum())
        moved += float(np.abs(asked * x).sum())
    return least / max(moved, 1e-300)

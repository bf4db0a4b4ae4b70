"""Proof of infeasibility: a direction of prices at which no agents' answers could ever balance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import AgentError, Society
from ...protocols import Market, MarketState
from ...protocols.machinery.answer import answer
from .certificate import asked_prices
from .metrics import Observer, costs_of
from .probe import best_answers, points_of, probe

__all__ = ["Infeasibility", "find_infeasibility", "look_for_proof", "prove_infeasible"]

Floats = npt.NDArray[np.float64]

_ROOM = 1e-6
"""kW, relative above 1: how near to a limit is at it."""
_HIGH = 1e6
"""$/kWh: prices beside which costs most likely do not matter."""
_CLIMBS, _CLIMB = 10, 10
"""How often a search for a proof looks whether it has one, and the steps in between."""
_PLANES, _PLANES_SIZE = 30, 300
"""Cutting planes of a search, and the numbers in a direction of prices up to which they are tried."""
_FIRST = 256
"""Ticks after which a run that makes no progress is first asked for a proof; then after twice as many, and so on."""
_ALONE = 8
"""Balances that are tried alone when a proof is put in few words."""


@dataclass(frozen=True)
class Infeasibility:
    """A proof that no point balances: price . x, which is zero where all balances add up, is always at least `missing`.

    Attributes
    ----------
    price : (B, periods), a direction of prices, the largest of which is 1 or -1
    missing : kW, what does not add up at these balances, added up over them, whatever the agents do within their limits
    """

    price: Floats = field(repr=False)
    missing: float

    def where(self, balances: Sequence[str]) -> str:
        """Say how much is missing, or left over, at which balances and in which period."""
        places, periods = (sorted({int(k) for k in found}) for found in np.nonzero(self.price))
        # Rounded downwards, so that what is said is certainly missing.
        digit = 10.0 ** (np.floor(np.log10(self.missing)) - 3.0)
        power = f"at least {np.floor(self.missing / digit) * digit:.4g} kW"
        if (self.price >= 0.0).all():
            what = f"{power} are missing"
        elif (self.price <= 0.0).all():
            what = f"{power} are left over"
        else:
            what = f"limits are {power} apart"
        names = [balances[k] for k in places[:3]] + ([f"{len(places) - 3} more"] if len(places) > 3 else [])
        text = (
            f"{what} at {', '.join(names[:-1])} and {names[-1]}, taken together"
            if len(names) > 1
            else f"{what} at {names[0]}"
        )
        if self.price.shape[1] == 1:
            return text
        when = f"in period {periods[0]}" if len(periods) == 1 else f"in periods {periods[0]} to {periods[-1]}"
        return f"{text}, {when}" if len(places) > 1 else f"{text} {when}"


def look_for_proof(market: Market, observer: Observer, state: MarketState, ticks: int) -> Infeasibility | None:
    """Look, while a run goes on, whether it can be proven that it goes on in vain.

    It looks after 256, 512, 1024 ... ticks, and only where the residual has come no nearer to zero, so that it takes little
    beside the run. It changes nothing and draws nothing, and what it finds depends on nothing but the run's own state.

    Parameters
    ----------
    market, observer, state
    ticks : done since the market was opened
    """
    turn, rest = divmod(ticks, _FIRST)
    if rest or turn & (turn - 1) or not turn or not _stuck(observer):
        return None
    if not all(population.society.convex for population in market.populations):
        return None  # the answers may be no minima, so they prove nothing that could not be said in the end
    try:
        with np.errstate(all="ignore"):
            return find_infeasibility(market, observer, state, climbs=1)
    except AgentError:  # an agent that cannot answer at such prices has not been asked them by the run
        return None


def _stuck(observer: Observer) -> bool:
    """Tell whether the residuals of the last quarter of rounds are no smaller than those of the quarter before."""
    quarter = len(observer.rounds) // 4
    if quarter < 2:
        return False
    residual = np.array([row[0] for row in observer.rounds[-2 * quarter :]])
    return bool(np.isfinite(residual).all() and residual[quarter:].max() > 0.9 * residual[:quarter].max())


def prove_infeasible(market: Market, price: Floats) -> Infeasibility | None:
    """Return the proof that a direction of prices gives, None where it gives none.

    At a balanced point price . x sums to zero over all rows, for any price. If its minimum within the agents' limits is
    above zero, no balanced point exists: a Farkas certificate. The minimum is found by asking at prices so high that costs
    do not matter. That they did not is then checked: a thousand times the price changes nothing, and no agent can gain by
    a step of a millionth without leaving its limits.

    Parameters
    ----------
    price : (B, periods), a direction; its length does not matter
    """
    size = float(np.abs(price).max(initial=0.0))
    if not (np.isfinite(size) and size > 0.0):
        return None
    price = np.where(np.abs(price) > 1e-6 * size, price / size, 0.0)
    for high in (_HIGH, 1e3 * _HIGH):
        least = slack = change = 0.0
        limited = True
        for society, asked in asked_prices(market, price):
            zero = np.zeros_like(asked), np.zeros((society.rows, 1))
            x, beyond = (answer(society, factor * asked, *zero) for factor in (high, 1e3 * high))
            room = _ROOM * np.maximum(1.0, np.abs(x))
            least += float((asked * x).sum())
            slack += float((np.abs(asked) * room).sum())
            change += float(np.abs((asked * (x - beyond)).sum()))
            limited = limited and _at_limits(society, asked, x, room)
        if limited and change <= slack and least > 2.0 * slack:
            return Infeasibility(price, least - slack)
    return None


def _at_limits(society: Society, asked: Floats, x: Floats, room: Floats) -> bool:
    """Tell whether no agent gains at these prices by a small step: of one row alone, or from a port to its own bus."""
    first = np.repeat(society.own_rows, society.port_count + 1)
    place = np.arange(society.rows) - first
    for k in range(int(place.max(initial=0)) + 1):
        rows = np.flatnonzero(place == k)
        own = first[rows]
        for through in (False, True) if k else (False,):
            gain = asked[rows] - asked[own] if through else asked[rows]
            step = -np.sign(gain) * np.where(np.abs(gain) > 1e-6, np.maximum(room[rows], room[own]), 0.0)
            moved = x.copy()
            moved[rows] += step
            if through:
                moved[own] -= step
            # (agents, periods): an agent that moves must leave its limits by it.
            moves = np.zeros((len(society), x.shape[1]), dtype=bool)
            moves[np.searchsorted(society.own_rows, own)] = step != 0.0
            if np.isfinite(costs_of(society, moved)[moves]).any():
                return False
    return True


def find_infeasibility(
    market: Market, observer: Observer, state: MarketState, climbs: int = _CLIMBS
) -> Infeasibility | None:
    """Search for a direction of prices that proves that no balanced point exists.

    The minimum of price . x within all limits is concave in the direction, and the imbalance at it is its slope. Of small
    markets it is climbed by cutting planes, then of all by a few steps from where the prices are going, from where they are,
    and from the same price everywhere. The answers that a proof rests on are probed. Finding nothing proves nothing.

    Parameters
    ----------
    market, observer, state
    climbs : how often a climb looks whether it has a proof, some steps each time
    """
    if any(population.society.strategic for population in market.populations):
        return None  # by declaration their answers are not the least of their costs
    drift = observer.drift()[2] if observer.rounds else state.price
    guesses = [_unit(guess) for guess in (drift, state.price, np.ones_like(drift), -np.ones_like(drift))]
    guesses = [guess for guess in guesses if np.isfinite(guess).all() and guess.any()]
    proof = _by_planes(market, observer, guesses[0]) if drift.size <= _PLANES_SIZE else None
    for guess in guesses:
        proof = proof or _uphill(market, observer, guess, climbs * _CLIMB)
    proof = proof and _in_few_words(market, proof)
    return proof if proof and _is_sound(market, state, proof) else None


def _is_sound(market: Market, state: MarketState, proof: Infeasibility) -> bool:
    """Tell whether the answers that a proof rests on are the least by the agents' own costs, as far as the probe can tell."""
    best = best_answers(market, _HIGH * proof.price)
    # At such prices rounding alone shows; what would take something from the missing kW is worth far more.
    weighty = 1e-3 * _HIGH * proof.missing
    found = probe([best], points_of(best, state, None), 0.0).findings
    return not any(one.fault in ("outside", "error") or not one.gain <= weighty for one in found)


def _unit(price: Floats) -> Floats:
    return price / max(np.abs(price).max(initial=0.0), 1e-300)


def _least(market: Market, way: Floats) -> tuple[list[Floats], npt.NDArray[np.bool_]]:
    """Return the answers at very high prices, and the periods in which price . x stays above zero at them."""
    asked = [prices for _, prices in asked_prices(market, way)]
    x = [
        answer(population.society, _HIGH * prices, np.zeros_like(prices), np.zeros((len(prices), 1)))
        for population, prices in zip(market.populations, asked, strict=True)
    ]
    # Only in some periods may there be no solution; what the others have to spare must not make up for it.
    each = sum(((prices * rows).sum(axis=0) for prices, rows in zip(asked, x, strict=True)), np.zeros(market.periods))
    return x, each > 0.0


def _uphill(market: Market, observer: Observer, way: Floats, steps: int) -> Infeasibility | None:
    for step in range(steps):
        x, lacking = _least(market, way)
        if step % _CLIMB == 0 and lacking.any() and (proof := prove_infeasible(market, way * lacking)):
            return proof
        way = np.clip(way + _unit(observer.imbalance(x)) / np.sqrt(step + 1.0), -1.0, 1.0)
    return None


def _by_planes(market: Market, observer: Observer, way: Floats) -> Infeasibility | None:
    """Climb period by period to where the planes found so far are highest (J. E. Kelley, J. SIAM 8, 1960)."""
    from scipy import sparse
    from scipy.optimize import linprog

    balances, periods = way.shape
    cuts: list[Any] = []
    # Of each period the direction, and the height of its lowest plane, which is to be the greatest possible.
    cost = np.append(np.zeros(way.size), -np.ones(periods))
    for _ in range(_PLANES):
        x, lacking = _least(market, way)
        if lacking.any() and (proof := prove_infeasible(market, way * lacking)):
            return proof
        slope = observer.imbalance(x)
        size = np.maximum(np.abs(slope).max(axis=0), 1.0)
        rows = sparse.block_diag([column[None, :] for column in (-slope / size).T], format="csr")
        cuts.append(sparse.hstack([rows, sparse.diags_array(1.0 / size)], format="csr"))
        bounds = [(-1.0, 1.0)] * way.size + [(None, 1e12)] * periods
        found = linprog(cost, sparse.vstack(cuts), np.zeros(len(cuts) * periods), bounds=bounds, method="highs")
        if not found.success:
            return None
        way = np.where(found.x[way.size :] > _ROOM, found.x[: way.size].reshape(periods, balances).T, 0.0)
        if not way.any():  # no period is without a solution on its own
            return None
    return None


def _in_few_words(market: Market, proof: Infeasibility) -> Infeasibility:
    """Return the proof that names the fewest periods and balances: what a person has to look at."""
    price = proof.price
    each = [price * (np.arange(price.shape[1]) == t) for t in np.flatnonzero(price.any(axis=0))]
    if price.shape[1] > 1:
        proof = max(_proofs(market, each), key=_missing, default=proof)
        # Another period may lack more in the same way.
        most = np.abs(proof.price).max(axis=0).argmax()
        each = [np.where(np.arange(price.shape[1]) == t, proof.price[:, [most]], 0.0) for t in range(price.shape[1])]
        proof = max(_proofs(market, each), key=_missing, default=proof)
        price = proof.price
    order = np.argsort(-np.abs(price).max(axis=1), kind="stable")[:_ALONE]
    places = np.arange(len(price))[:, None]
    alone = [np.sign(price) * (places == k) for k in order]
    if found := max(_proofs(market, alone), key=_missing, default=None):
        return found
    plain = (np.sign(price) * (np.abs(price) >= share) for share in (0.9, 0.5, 0.1))
    return next(_proofs(market, plain), proof)


def _proofs(market: Market, prices: Sequence[Floats] | Iterator[Floats]) -> Iterator[Infeasibility]:
    return (proof for price in prices if (proof := prove_infeasible(market, price)))


def _missing(proof: Infeasibility) -> float:
    return proof.missing

"""Exchange ADMM: each row is asked with a price, a target and a penalty of its own (note 001, its last block put right)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from .machinery.coordination.balances import Balances
from .machinery.options import Column
from .machinery.protocol import Protocol

__all__ = ["RHO_MAX", "RHO_MIN", "ExchangeADMM"]

Floats = npt.NDArray[np.float64]

RHO_MIN, RHO_MAX = 1e-9, 1e9
"""$/kW²h: no penalty leaves these limits, whatever is heard."""
_SPREAD, _SPREAD_POOLED = 30.0, 10.0
"""How far a row's penalty may be from what its balance, or all pooled rows of its coordinator, would have as a whole: one
that does not move tells nothing."""
_AVERAGED = 5.0
"""Over how many times as many rounds pooled penalties are averaged: they go 5 / round of the way, at most half of it."""
_FACTOR = 3.0
"""Most by which a penalty changes in a round."""


class ExchangeADMM(Protocol):
    """Each row i is asked with (price, target_i, rho_i); argmin cost(x) + price x + rho_i / 2 (x - target_i)² answers.

    What it answers tells its marginal cost too: g_i = -(price + rho_i (x_i - target_i)). Then, with w_i = 1 / rho_i,

        step = sum x / sum w,   target_i = x_i - w_i step,   price += step,

    where x is first taken further than it went, to relaxation x + (1 - relaxation) target. It is ADMM in the metric of the
    penalties (S. Boyd et al., Distributed Optimization and Statistical Learning via the Alternating Direction Method of
    Multipliers, 2011, section 7.3.2, with one penalty a row), the sound parallel form of the last block of note 001, which
    as printed lacks a term and diverges. A penalty that equals the curvature of its row's cost needs fewest rounds, and two
    answers tell the curvature: h_i = |change of g_i| / |change of x_i|. So rho_i moves to the geometric mean of itself and
    h_i. After `adapting` rounds penalties are fixed: from then on it is ADMM with a fixed metric, which converges for every
    convex market. A round is two ticks.

    Examples
    --------
    >>> ExchangeADMM(rho=10.0).rho
    10.0
    """

    name: ClassVar[str] = "exchange_admm"
    asks: ClassVar[Mapping[str, str]] = {"price": "$/kWh", "target": "kW", "rho": "$/kW²h"}
    columns: ClassVar[Mapping[str, Column]] = {
        "target": Column("row"),
        "rho": Column("row", "rho", 1, low=float(np.nextafter(0.0, 1.0))),
        "last_x": Column("row", np.nan, per_period=True),
        "last_gradient": Column("row", np.nan, per_period=True),
        "steps": Column("balance", 0.0, 1, per_period=True),
        "moved": Column("balance", np.inf, 1, per_period=True),
    }
    pooled: ClassVar[tuple[str, ...]] = ()
    """Kinds of balances whose penalties bound one another where one coordinator keeps them, and settle step by step:
    where limits pin both ends of a line, its flow follows other prices than its own."""

    rho: float = Field(default=0.01, ge=RHO_MIN, le=RHO_MAX, description="first penalty, $/kW²h; it adapts by itself")
    adapting: int = Field(default=200, ge=0, description="rounds of a period in which penalties adapt")
    relaxation: float = Field(default=1.0, ge=1, lt=2, description="how far answers are taken; 1 as they are")

    def update(self, balances: Balances) -> None:
        """Take a step in every balance."""
        b, over = balances, self.relaxation
        x, rho, before = b.x, b.rho, b.target
        gradient = -(b.spread(b.price) + rho * (x - before))
        total, further = b.imbalance, x
        if over != 1.0:
            total = over * total + (1.0 - over) * b.sum(before)
            further = over * x + (1.0 - over) * before
        step = total / b.sum(1.0 / rho)
        target = further - b.spread(step) / rho
        moved = b.most(np.abs(rho * (target - before)).max(axis=1))
        b.moved = np.maximum(np.abs(step).max(axis=1), moved)[:, None]
        b.price += step
        adapting = b.steps < self.adapting
        if adapting.any():
            b.rho = np.where(b.spread(adapting), self.curvature(b, x, gradient), rho)
        b.target, b.last_x, b.last_gradient = target, x, gradient
        b.steps += 1.0

    def curvature(self, b: Balances, x: Floats, gradient: Floats) -> Floats:
        """(m, 1) $/kW²h: penalties a step nearer to what two answers tell of the costs' curvature."""
        squares = [((new - old) ** 2).sum(axis=1) for new, old in ((x, b.last_x), (gradient, b.last_gradient))]
        dx, dg = (np.where(np.isfinite(s), s, 0.0) for s in squares)
        place, pooled = b.group, np.zeros((len(x), 1), dtype=bool)
        if self.pooled:
            which = b.kind_in(*self.pooled)
            pooled = b.spread(which)[:, None]
            pool = np.where(which, -1 - b.coordinator, np.arange(len(b)))
            place = b.spread(np.unique(pool, return_inverse=True)[1])
        all_x, all_g = np.bincount(place, dx), np.bincount(place, dg)
        known = all_g > 1e-24
        # Where marginal costs move and no row answers, all stand at limits: only larger steps of the price find the end.
        whole = (np.sqrt(np.where(known, all_g, 1.0)) / np.maximum(np.sqrt(all_x), 1e-12)).take(place)[:, None]
        own = (np.sqrt(dg) / np.maximum(np.sqrt(dx), 1e-12))[:, None]
        spread = np.where(pooled, _SPREAD_POOLED, _SPREAD)
        way = np.sqrt(np.clip(own, whole / spread, whole * spread) / b.rho)
        if self.pooled:
            rest = np.minimum(1.0, 2.0 * _AVERAGED / np.maximum(b.spread(b.steps), 1.0))
            way = np.where(pooled, way**rest, way)
        factor = np.clip(way, 1.0 / _FACTOR, _FACTOR)
        return np.where(known.take(place)[:, None], np.clip(b.rho * factor, RHO_MIN, RHO_MAX), b.rho)

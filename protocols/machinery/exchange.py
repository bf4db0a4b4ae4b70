"""Exchange: balances of which a keeper moves the prices and tells each row what it should come near to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Exchange"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

RHO_MIN, RHO_MAX = 1e-9, 1e9
"""$/kW²h: no penalty leaves these limits, whatever is heard."""
_SPREAD, _SPREAD_OF_KIN = 30.0, 10.0
"""How far a row's penalty may be from what its balance, or all balances of its keeper, would have as a whole: one that does
not move tells nothing."""
_AVERAGED = 5.0
"""Over how many times as many rounds penalties of kin are averaged: they go 5 / round of the way, at most half of it."""
_FACTOR = 3.0
"""Most by which a penalty changes in a round."""


class Exchange:
    """Some balances, sum of rows = 0 each, on their way by exchange ADMM with a penalty for each row.

    Each row i is asked with (price, target_i, rho_i), so what it answers tells its marginal cost too:
    g_i = -(price + rho_i (x_i - target_i)). Then, with w_i = 1 / rho_i,

        step = sum x / sum w,   target_i = x_i - w_i step,   price += step,

    where x is first taken further than it went, to relaxation x + (1 - relaxation) target. It is ADMM in the metric of the
    penalties (S. Boyd et al., Distributed Optimization and Statistical Learning via the Alternating Direction Method of
    Multipliers, 2011, section 7.3.2, with one penalty a row). A penalty that equals the curvature of its row's cost needs
    fewest rounds, and two answers tell the curvature: h_i = |change of g_i| / |change of x_i|. So rho_i moves to the
    geometric mean of itself and h_i. After `adapting` rounds penalties rest: from then on it is ADMM with a fixed metric,
    which converges for every convex market.

    Parameters
    ----------
    group : (m,) the balance of each row
    groups : number of balances
    periods
    rho : $/kW²h, the first penalty of every row
    adapting : rounds
    relaxation : 1 takes answers as they are; up to 1.6 saves rounds where costs are smooth
    kin : (groups,) balances with the same number, one keeper's, bound one another's penalties, which besides come to rest by
        and by: where limits pin both ends of a line, what moves there is not what its own price moves

    Attributes
    ----------
    target : (m, periods) kW
    rho : (m, 1) $/kW²h
    moved : (groups,) $/kWh, the most by which the last step moved a price or any row's penalty term
    """

    def __init__(
        self,
        group: Places,
        groups: int,
        periods: int,
        rho: float,
        adapting: int,
        relaxation: float = 1.0,
        kin: Places | None = None,
    ) -> None:
        from scipy import sparse  # here: listing the protocols does without

        self.kin = kin
        self.group, self.first_rho, self.adapting, self.relaxation = group, rho, adapting, relaxation
        m = len(group)
        # Sums go through one kernel, CSR times columns, whose order does not depend on who else is summed.
        self._sum = sparse.csr_array((np.ones(m), (group, np.arange(m))), shape=(groups, m))
        self.target = np.zeros((m, periods))
        self.rho = np.full((m, 1), rho)
        self.moved = np.full(groups, np.inf)
        self._x = np.full((m, periods), np.nan)
        self._gradient = np.full((m, periods), np.nan)
        self._rounds = np.zeros(groups, dtype=np.int64)

    def ask(self, price: Floats) -> Floats:
        """(m, 2 periods + 1): price, target and penalty of each row; price : (groups, periods) $/kWh."""
        return np.concatenate([price.take(self.group, axis=0), self.target, self.rho], axis=1)

    def step(self, which: Mask, price: Floats, x: Floats) -> None:
        """Take a step in some balances, `price` (groups, periods) in place, with the answers x, (m, periods) kW."""
        groups = which.nonzero()[0]
        if not len(groups):
            return
        # Under faults few balances are complete in a tick: only their rows are touched.
        whole = len(groups) == len(which)
        rows = np.arange(len(self.group)) if whole else which.take(self.group).nonzero()[0]
        place = self.group if whole else groups.searchsorted(self.group.take(rows))
        add = self._sum if whole else self._sum[groups]
        total = np.asarray(add @ x)
        if self.relaxation != 1.0:
            total = self.relaxation * total + (1.0 - self.relaxation) * np.asarray(add @ self.target)
        asked, x = price.take(groups, axis=0).take(place, axis=0), x.take(rows, axis=0)
        before, rho = self.target.take(rows, axis=0), self.rho.take(rows, axis=0)
        gradient = -(asked + rho * (x - before))
        step = total / np.bincount(place, 1.0 / rho[:, 0], len(groups))[:, None]
        further = x if self.relaxation == 1.0 else self.relaxation * x + (1.0 - self.relaxation) * before
        target = further - step.take(place, axis=0) / rho
        moved = np.abs(step).max(axis=1)
        np.maximum.at(moved, place, np.abs(rho * (target - before)).max(axis=1))
        price[groups] += step
        self.moved[groups] = moved
        adapting = (self._rounds[groups] < self.adapting).take(place)
        if adapting.any():
            new = self._curvature(rows, place, x, gradient)
            self.rho[rows] = np.where(adapting[:, None], new, rho)
        self.target[rows], self._x[rows], self._gradient[rows] = target, x, gradient
        self._rounds[groups] += 1

    def _curvature(self, rows: Places, place: Places, x: Floats, gradient: Floats) -> Floats:
        """(k, 1) $/kW²h: penalties of some rows a step nearer to what two answers tell of the costs' curvature."""
        squares = [
            ((new - old.take(rows, axis=0)) ** 2).sum(axis=1) for new, old in ((x, self._x), (gradient, self._gradient))
        ]
        dx, dg = (np.where(np.isfinite(s), s, 0.0) for s in squares)
        if self.kin is not None:
            place = np.unique(self.kin.take(self.group.take(rows)), return_inverse=True)[1]
        all_x, all_g = np.bincount(place, dx), np.bincount(place, dg)
        told = all_g > 1e-24
        # Where marginal costs move and nobody answers, all stand at limits: only larger steps of the price find the end.
        whole = np.sqrt(np.where(told, all_g, 1.0)) / np.maximum(np.sqrt(all_x), 1e-12)
        own = np.sqrt(dg) / np.maximum(np.sqrt(dx), 1e-12)
        whole = whole.take(place)
        spread = _SPREAD if self.kin is None else _SPREAD_OF_KIN
        curvature = np.clip(own, whole / spread, whole * spread)[:, None]
        rho = self.rho.take(rows, axis=0)
        way = np.sqrt(curvature / rho)
        if self.kin is not None:
            rounds = self._rounds.take(self.group.take(rows))[:, None]
            way = way ** np.minimum(1.0, 2.0 * _AVERAGED / np.maximum(rounds, 1))
        factor = np.clip(way, 1.0 / _FACTOR, _FACTOR)
        return np.where(told.take(place)[:, None], np.clip(rho * factor, RHO_MIN, RHO_MAX), rho)

    def recall(self, rows: Mask, asked: Floats) -> None:
        """Take up again what some rows, (m,) bool, were asked last, (m, 2 periods + 1)."""
        periods = self.target.shape[1]
        self.target[rows] = asked[rows, periods:-1]
        self.rho[rows, 0] = np.where(asked[rows, -1] > 0.0, asked[rows, -1], self.first_rho)

    def open(self) -> None:
        """Begin a new period: penalties may adapt again, targets stay where they are."""
        self._rounds[:] = 0
        self.moved[:] = np.inf
        self._x[:] = self._gradient[:] = np.nan

    def forget(self, which: Mask) -> None:
        """Begin anew in some balances."""
        rows = which.take(self.group)
        self.target[rows], self.rho[rows] = 0.0, self.first_rho
        self._x[rows] = self._gradient[rows] = np.nan
        self.moved[which], self._rounds[which] = np.inf, 0

"""The microgrid operator's local solve, for many operators with equally many ports at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .supply import Supply
from .water_fill import offers, water_fill

__all__ = ["OperatorProblem"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OperatorProblem:
    """min C(Y) + price x_0 + rho/2 (x_0 - target)^2 + sum_k (curvature_k/2 e_k^2 - worth_k e_k + fee_k max(e_k, 0)).

    Subject to x_0 = -(Y - sum e), low <= e <= high, sum e <= PV, Y being what the sources supply together. Separable but
    for the last row and x_0: with the marginal value m of supply at the own bus, each source supplies until its marginal
    cost is m, and e_k = clip((worth_k - pi) / curvature_k) where pi = max(m, pi_lim), pi_lim being the level at which
    exports use up the PV. m is the price, or, where rho > 0, the root of one more water filling.

    Attributes
    ----------
    supply : of m x periods
    price, rho, target : of the own bus, (m, periods) $/kWh, (m, 1) $/kW²h, (m, periods) kW
    worth, curvature, low, high, fee : (m, k, periods or 1) $/kWh, $/kW²h, kW, kW, $/kWh
    """

    supply: Supply
    price: Floats
    rho: Floats
    target: Floats
    worth: Floats
    curvature: Floats
    low: Floats
    high: Floats
    fee: Floats

    def solve(self) -> tuple[Floats, Floats]:
        """Return the supply Y, (m, periods) kW, and exports e, (m, k, periods) kW."""
        m, k = self.worth.shape[:2]
        worth, curvature, low, high = self._lines()
        limit = water_fill(worth, curvature, low, high, self.supply.pv)
        # Beyond this level the PV limit fixes the exports, which is the same as a lower upper limit for each of them.
        high = _fitted(np.minimum(high, offers(worth, curvature, low, high, limit)), low, self.supply.pv)
        value, rho, target = map(self._bus, (self.price, self.rho, self.target))
        if rho.any():
            value = np.where(rho > 0.0, self._marginal_value(worth, curvature, low, high), value)
        exports = offers(worth, curvature, low, high, value)
        # Where free PV is worth nothing it is used as far as x_0 wants it: to its target, or to zero.
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(rho > 0.0, target - self._bus(self.price) / rho, 0.0)
        used = self.supply.at(value, _sum(exports) - own)
        if exports.shape[1] > k:
            exports = exports[:, 0::2] + exports[:, 1::2]
        periods = self.price.shape[1]
        total = used.generation + used.pv + used.storage
        return total.reshape(m, periods), exports.reshape(m, periods, k).transpose(0, 2, 1)

    def slope(self) -> tuple[Floats, Floats]:
        """Return -dx/dprice at rho = 0: of x_0, (m, periods), and of each e_k, (m, k, periods), kW per $/kWh."""
        m, k = self.worth.shape[:2]
        worth, curvature, low, high = self._lines()
        value = self._bus(self.price)
        limit = water_fill(worth, curvature, low, high, self.supply.pv)
        wanted = (worth - np.maximum(value, limit)[:, None]) / curvature
        lines = np.where((wanted > low) & (wanted < high), 1.0 / curvature, 0.0)
        if lines.shape[1] > k:
            lines = lines[:, 0::2] + lines[:, 1::2]
        every, open_ = _sum(lines), value > limit
        # Where the PV limits the exports, more on one line is less on the others.
        share = np.where(open_ | (every <= 0.0), 0.0, 1.0 / np.where(every > 0.0, every, 1.0))[:, None]
        own = self.supply.slope(value) + np.where(open_, every, 0.0)
        ports = lines * (1.0 - lines * share)
        periods = self.price.shape[1]
        return own.reshape(m, periods), ports.reshape(m, periods, k).transpose(0, 2, 1)

    def _bus(self, column: Floats) -> Floats:
        """(m, periods or 1) to (m x periods,)."""
        return np.broadcast_to(column, self.price.shape).reshape(-1)

    def _lines(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Ports as offers, (m x periods, k); twice as many where exporting costs a fee, which puts a kink at zero."""
        shape = (*self.worth.shape[:2], self.price.shape[1])

        def flat(column: Floats) -> Floats:
            wide = np.broadcast_to(column, shape)
            return np.asarray(wide.transpose(0, 2, 1).reshape(shape[0] * shape[2], shape[1]))

        worth, curvature, low, high = map(flat, (self.worth, self.curvature, self.low, self.high))
        if not self.fee.any():
            return worth, curvature, low, high
        fee, zero = flat(self.fee), np.zeros_like(low)

        def twice(exported: Floats, imported: Floats) -> Floats:
            return np.stack([exported, imported], axis=2).reshape(len(exported), -1)

        return twice(worth - fee, worth), twice(curvature, curvature), twice(zero, low), twice(high, zero)

    def _marginal_value(self, worth: Floats, curvature: Floats, low: Floats, high: Floats) -> Floats:
        """Return m, (m x periods,), where generation, exports and x_0 add up to the PV."""
        rho = self._bus(self.rho)
        soft = np.where(rho > 0.0, rho, 1.0)
        endless = np.full_like(soft, np.inf)
        # -Y, every e_k and -x_0 all fall in m, so their sum is one more clipped offer curve.
        bus = self._bus(self.price) - rho * self._bus(self.target), soft, -endless, endless
        lines = worth, curvature, low, high
        taken = tuple(np.concatenate([a, b[:, None]], axis=1) for a, b in zip(lines, bus, strict=True))
        return self.supply.value((taken[0], taken[1], taken[2], taken[3]))


def _sum(exports: Floats) -> Floats:
    total = np.zeros(len(exports))
    for column in exports.T:
        total = total + column
    return total


def _fitted(high: Floats, low: Floats, total: Floats) -> Floats:
    """Lower upper limits (m, k) that add up to more than `total`: a small curvature magnifies the level's rounding.

    A sum that is off by no more than its own rounding stays as it is, so that exact solutions keep their bits.
    """
    excess = -total
    for column in high.T:
        excess = excess + column
    excess = np.where(excess > 1e-12 * np.maximum(1.0, total), excess, 0.0)
    fitted = high.copy()
    for column, least in zip(fitted.T, low.T, strict=True):
        less = np.clip(excess, 0.0, column - least)
        column -= less
        excess = excess - less
    return fitted

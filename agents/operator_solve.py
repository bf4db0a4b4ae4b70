"""The microgrid operator's local solve, for many operators with equally many ports at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .water_fill import offers, water_fill

__all__ = ["OperatorProblem"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OperatorProblem:
    """min a G^2 + b G + v x_0 + pull/2 (x_0 - wish)^2 + sum_k (curvature_k/2 e_k^2 - worth_k e_k + fee_k max(e_k, 0)).

    Subject to x_0 = -(G + PV - sum e), 0 <= G <= power_max, low <= e <= high, sum e <= PV. Separable but for the last row
    and x_0: with the marginal value m of supply at the own bus, G = clip((m - b) / 2a) and e_k = clip((worth_k - pi) /
    curvature_k) where pi = max(m, pi_lim), pi_lim being the level at which exports use up the PV. m is v, or, where
    pull > 0, the root of one more water filling.

    Attributes
    ----------
    quadratic, linear, power_max, pull : (m, 1) $/kW^2h, $/kWh, kW, $/kW^2h
    pv, value, wish : (m, periods) kW, $/kWh, kW
    worth, curvature, low, high, fee : (m, k, periods or 1) $/kWh, $/kW^2h, kW, kW, $/kWh
    """

    quadratic: Floats
    linear: Floats
    power_max: Floats
    pv: Floats
    value: Floats
    pull: Floats
    wish: Floats
    worth: Floats
    curvature: Floats
    low: Floats
    high: Floats
    fee: Floats

    def solve(self) -> tuple[Floats, Floats]:
        """Return supply G, (m, periods) kW, and exports e, (m, k, periods) kW."""
        m, k = self.worth.shape[:2]
        worth, curvature, low, high = self._lines()
        pv = self._bus(self.pv)
        limit = water_fill(worth, curvature, low, high, pv)
        # Beyond this level the PV limit fixes the exports, which is the same as a lower upper limit for each of them.
        high = _fitted(np.minimum(high, offers(worth, curvature, low, high, limit)), low, pv)
        value = self._bus(self.value)
        pull = self._bus(self.pull)
        if pull.any():
            value = np.where(pull > 0.0, self._marginal_value(worth, curvature, low, high), value)
        supply = np.clip(
            (value - self._bus(self.linear)) / (2.0 * self._bus(self.quadratic)), 0.0, self._bus(self.power_max)
        )
        exports = offers(worth, curvature, low, high, value)
        if exports.shape[1] > k:
            exports = exports[:, 0::2] + exports[:, 1::2]
        periods = self.value.shape[1]
        return supply.reshape(m, periods), exports.reshape(m, periods, k).transpose(0, 2, 1)

    def _bus(self, column: Floats) -> Floats:
        """(m, periods or 1) to (m x periods,)."""
        return np.broadcast_to(column, self.value.shape).reshape(-1)

    def _lines(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Ports as offers, (m x periods, k); twice as many where exporting costs a fee, which puts a kink at zero."""
        shape = (*self.worth.shape[:2], self.value.shape[1])

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
        """Return m, (m x periods,), where generation, exports and the pulled x_0 add up to the PV."""
        pull = self._bus(self.pull)
        soft = np.where(pull > 0.0, pull, 1.0)
        quadratic, linear, most = map(self._bus, (self.quadratic, self.linear, self.power_max))
        endless = np.full_like(soft, np.inf)
        zero = np.zeros_like(soft)

        def beside(generation: Floats, lines: Floats, bus: Floats) -> Floats:
            return np.concatenate([generation[:, None], lines, bus[:, None]], axis=1)

        # -G, every e_k and -x_0 all fall in m, so their sum is one more clipped, piecewise linear offer curve.
        return water_fill(
            beside(linear, worth, self._bus(self.value) - pull * self._bus(self.wish)),
            beside(2.0 * quadratic, curvature, soft),
            beside(-most, low, -endless),
            beside(zero, high, endless),
            self._bus(self.pv),
        )


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

"""A lossless storage over a horizon, exactly: from how its bus values power in each period to what it charges and discharges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .bus_curve import BusCurve, place

__all__ = ["StoragePath"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StoragePath:
    """min sum_t F_t(u_t) + wear u_t^2, |u| <= rate, 0 <= E <= capacity, E_t = E_{t-1} - u_t hours, E_0 = E_T = capacity / 2.

    F_t is what the rest costs when the storage discharges u_t; its slope is minus the value of power at the bus. With a
    price theta of stored energy the storage discharges u_t(theta), where value - 2 wear u = theta: a falling line of
    straight pieces, like the bus's need. Theta stays the same while the storage is neither full nor empty. So the horizon
    is solved as if it never were; where it then would be furthest beyond full or empty it is exactly full or empty at the
    optimum (van der Klauw, Gerards, Hurink, "Resource allocation problems in decentralized energy management", OR
    Spectrum 39, 2017), which leaves two shorter horizons to be solved in the same way.

    Attributes
    ----------
    theta, need : (n, T, i) $/kWh rising, and kW falling: points of u_t(theta) before the rate limits it
    rate, capacity, hours : (n, 1) kW, kWh, h
    levels : (n, a) $/kWh, all theta at which any line bends, in order
    """

    theta: Floats
    need: Floats
    rate: Floats
    capacity: Floats
    hours: Floats
    levels: Floats

    @classmethod
    def of(cls, curve: BusCurve, wear: Floats, rate: Floats, capacity: Floats, hours: Floats) -> StoragePath:
        """Build the problem from the curves of n x T buses; wear, rate, capacity, hours : (n, 1)."""
        n = len(wear)
        need = curve.need.reshape(n, -1, curve.need.shape[1])
        theta = np.maximum.accumulate(curve.value.reshape(need.shape) - 2.0 * wear[:, :, None] * need, axis=2)
        rate = np.where(capacity > 0.0, rate, 0.0)
        bends = [theta.reshape(n, -1)]
        for limit in (rate, -rate):
            at, share = place(-need, np.broadcast_to(-limit, need.shape[:2]))
            below = np.take_along_axis(theta, at[..., None], 2)[..., 0]
            above = np.take_along_axis(theta, at[..., None] + 1, 2)[..., 0]
            bends.append(below + share * (above - below))
        return cls(theta, need, rate, capacity, hours, np.sort(np.concatenate(bends, axis=1), axis=1))

    def discharge(self) -> Floats:
        """Return u, (n, T) kW; where there is no solution, something near one."""
        n, periods = self.theta.shape[:2]
        u = np.empty((n, periods))
        full = np.full((n, periods + 1), np.nan)  # energy where it is known: before the first period, after each
        full[:, [0, -1]] = self.capacity / 2.0
        open_ = np.arange(n)
        for _ in range(periods):
            part = self._some(open_)
            u[open_], split = part._between(full[open_])
            known = ~np.isnan(split)
            full[open_] = np.where(known, split, full[open_])
            open_ = open_[known.any(axis=1)]
            if not len(open_):
                break
        return u

    def energy(self, u: Floats) -> Floats:
        """Return the energy after each period, (n, T) kWh."""
        return self.capacity / 2.0 - np.cumsum(u, axis=1) * self.hours

    def _some(self, which: npt.NDArray[np.integer]) -> StoragePath:
        columns = self.theta, self.need, self.rate, self.capacity, self.hours, self.levels
        return self if len(which) == len(self.rate) else StoragePath(*(column[which] for column in columns))

    def _between(self, known: Floats) -> tuple[Floats, Floats]:
        """Solve each stretch between known energies, (n, T + 1); return u and the energies where it has to be split, else NaN."""
        fixed = ~np.isnan(known)
        index = np.arange(known.shape[1])
        first = np.maximum.accumulate(np.where(fixed, index, 0), axis=1)[:, :-1]
        last = np.minimum.accumulate(np.where(fixed, index, index[-1])[:, ::-1], axis=1)[:, ::-1][:, 1:]
        before, after = np.take_along_axis(known, first, 1), np.take_along_axis(known, last, 1)
        wanted = (before - after) / self.hours

        def total(u: Floats) -> tuple[Floats, Floats]:
            """What is discharged from the beginning of each stretch, until each period and in all."""
            sums = np.concatenate([np.zeros((len(u), 1)), np.cumsum(u, axis=1)], axis=1)
            start = np.take_along_axis(sums, first, 1)
            return sums[:, 1:] - start, np.take_along_axis(sums, last, 1) - start

        low = np.zeros_like(first)
        high = np.full_like(first, self.levels.shape[1] - 1)
        while (high - low > 1).any():
            middle = (low + high) // 2
            enough = total(self._at(np.take_along_axis(self.levels, middle, 1)))[1] >= wanted
            low, high = np.where(enough, middle, low), np.where(enough, high, middle)
        below, above = (self._at(np.take_along_axis(self.levels, side, 1)) for side in (low, high))
        most, least = total(below)[1], total(above)[1]
        wide = most > least
        share = np.where(wide, np.clip((most - wanted) / np.where(wide, most - least, 1.0), 0.0, 1.0), 0.0)
        u = below + share * (above - below)
        energy = before - total(u)[0] * self.hours
        return u, self._splits(known, first, energy)

    def _at(self, theta: Floats) -> Floats:
        """Return u at prices of stored energy, (n, T)."""
        count = self.theta.shape[2]
        lines = self.theta.reshape(-1, count)
        wanted = np.clip(theta.reshape(-1), lines[:, 0], lines[:, -1])
        at = np.minimum((lines <= wanted[:, None]).sum(axis=1), count - 1) + self._before
        u = self.need.reshape(-1)[at] + self._steep[at] * (wanted - lines.reshape(-1)[at])
        return np.clip(u.reshape(theta.shape), -self.rate, self.rate)

    @cached_property
    def _before(self) -> npt.NDArray[np.integer]:
        """(n T,) the place of the point before the first one of each line, among all points."""
        n, periods, count = self.theta.shape
        return np.arange(n * periods) * count - 1

    @cached_property
    def _steep(self) -> Floats:
        """(n T i,) how need grows with theta from each point on to the next."""
        wide = np.diff(self.theta, axis=2)
        steep = np.diff(self.need, axis=2) / np.where(wide > 0.0, wide, np.inf)
        return np.concatenate([steep, np.zeros_like(steep[:, :, :1])], axis=2).reshape(-1)

    def _splits(self, known: Floats, first: npt.NDArray[np.integer], energy: Floats) -> Floats:
        """Return the energy, (n, T + 1), at the worst place of each stretch that leaves the limits, NaN elsewhere."""
        beyond = np.maximum(energy - self.capacity, -energy)
        beyond = np.where(np.isnan(known[:, 1:]), beyond, -np.inf)
        together = np.where(first[:, :, None] == first[:, None, :], beyond[:, None, :], -np.inf)
        worst = together.argmax(axis=2)
        wrong = together.max(axis=2) > 1e-11 * np.maximum(1.0, self.capacity)
        split = np.full_like(known, np.nan)
        row, period = np.nonzero(wrong)
        at = worst[row, period]
        split[row, at + 1] = np.where(energy[row, at] > 0.0, self.capacity[row, 0], 0.0)
        return split

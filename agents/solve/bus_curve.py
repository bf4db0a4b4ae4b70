"""What a bus needs beside its own sources as the value of power rises: one falling line of straight pieces a period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["BusCurve"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BusCurve:
    """Points (value, need) of load - sum_j clip((value - price_j) / curvature_j, low_j, high_j), between which it is straight.

    A curvature of zero is a step from low to high at the price, with both its ends among the points; of several at the
    same price the first one goes first. Beyond the ends the need stays the same.

    Attributes
    ----------
    value : (m, i) $/kWh, rising
    need : (m, i) kW, falling
    parts : (m, i, j) kW, what each source supplies
    """

    value: Floats
    need: Floats
    parts: Floats

    @classmethod
    def of(cls, price: Floats, curvature: Floats, low: Floats, high: Floats, load: Floats) -> BusCurve:
        """Build curves from sources, (m, j) each and finite, and loads, (m,) kW."""
        j = price.shape[1]
        events = np.concatenate([price + curvature * low, price + curvature * high], axis=1)
        order = np.argsort(events, axis=1, kind="stable")  # a step's lower end comes before its upper
        value = np.take_along_axis(events, order, axis=1)
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(2 * j)[None, :], axis=1)
        here = np.arange(2 * j)[None, :, None]
        begins, ends = rank[:, None, :j], rank[:, None, j:]
        bend = curvature[:, None, :]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            inner = np.clip((value[:, :, None] - price[:, None, :]) / bend, low[:, None, :], high[:, None, :])
        at_most = np.where((begins >= here) | (bend == 0.0), low[:, None, :], inner)
        parts = np.where(ends <= here, high[:, None, :], at_most)
        need = np.repeat(load[:, None], 2 * j, axis=1)
        for k in range(j):
            need = need - parts[:, :, k]
        return cls(value, np.minimum.accumulate(need, axis=1), parts)

    def supplied(self, need: Floats) -> Floats:
        """Return what each source supplies, (m, j) kW, where the need is as given, (m,) kW."""
        at, share = place(-self.need, -need)
        each = np.arange(len(need))
        below, above = self.parts[each, at], self.parts[each, at + 1]
        return below + share[:, None] * (above - below)


def place(points: Floats, x: Floats) -> tuple[npt.NDArray[np.integer], Floats]:
    """Return between which neighbours of rising points, (..., i), each x, (...), lies, and how far from one to the next."""
    count = points.shape[-1]
    at = np.clip((points <= x[..., None]).sum(axis=-1) - 1, 0, count - 2)[..., None]
    below, above = np.take_along_axis(points, at, -1)[..., 0], np.take_along_axis(points, at + 1, -1)[..., 0]
    wide = above > below
    return at[..., 0], np.where(wide, np.clip((x - below) / np.where(wide, above - below, 1.0), 0.0, 1.0), x > below)

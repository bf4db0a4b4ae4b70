"""An electric vehicle (note 001, microgrids A and B)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..facts import Column, fact
from ..period import Period
from .log_load import LogLoad

__all__ = ["EV"]

Floats = npt.NDArray[np.float64]

_ROUNDING = 1e-9
"""h: a period that ends when the car leaves, to a rounding error, is one in which it is connected."""


class EV(LogLoad):
    """Electric vehicle with utility U(x) = beta ln(1 + sigma min(x, D_t)), 0 <= x <= D_t.

    D_t = min(power_max, need / (efficiency Delta t)) in a period through all of which it is connected, else 0; settling a
    period takes efficiency x Delta t off the need. It knows its own times and need and nothing else. Source: note 001,
    first block; the note gives neither D_t nor numbers.
    """

    beta = fact(default=2.6)
    sigma = fact(default=0.15)
    arrival: Column = fact("h", "on the scenario's clock, the next morning being 24 and more")
    departure: Column = fact("h", "on the scenario's clock, the next morning being 24 and more")
    need: Column = fact("kWh", "still to reach the battery", ge=0.0)
    efficiency: Column = fact("1", "of charging", default=0.92, gt=0.0, le=1.0)
    power_max: Column = fact("kW", "largest charging power", default=7.2, gt=0.0)
    demand = fact(text="D_t: set when a period is opened, 0 until then", default=0.0)

    def check(self) -> None:
        """Refuse an EV that leaves before it arrives."""
        late = self.departure <= self.arrival
        if late.any():
            arrival = self.arrival[np.argwhere(late)[0, 0], 0]
            self.refuse(late, "departure", f"more than arrival = {arrival:g}; the next morning is 24 and more")

    def connected(self, period: Period) -> npt.NDArray[np.bool_]:
        """Tell which EVs are connected from the beginning to the end of a period, (n, 1)."""
        return np.asarray(
            (self.arrival <= period.start + _ROUNDING) & (self.departure >= period.end - _ROUNDING), dtype=bool
        )

    def open(self, period: Period) -> Self:
        """Return the same EVs in one period, with D_t as their demand."""
        most = np.minimum(self.power_max, self.need / (self.efficiency * period.hours))
        return super().open(period).replace(demand=np.where(self.connected(period), most, 0.0))

    def settle(self, period: Period, x: Floats) -> Self:
        """Return the same EVs with what x, (n, 1) kW, has brought taken off their need."""
        return self.replace(need=np.maximum(self.need - self.efficiency * period.hours * x, 0.0))

    def day_reference(self, cp: Any, x: Any, periods: Sequence[Period]) -> tuple[Any, list[Any]]:
        """Return cost and constraints of a whole day, (rows, periods) kW: no period brings what the need leaves no room for."""
        most = np.concatenate([self.power_max * self.connected(period) for period in periods], axis=1)
        cost, limits = self.replace(demand=most).reference(cp, x)
        brought = cp.multiply(self.efficiency[:, 0] * periods[0].hours, cp.sum(x, axis=1))
        return cost, [*limits, brought <= self.need[:, 0]]

    def unservable(self, periods: Sequence[Period]) -> Floats:
        """Return the kWh of need, (n, 1), that full power in all the periods would not bring."""
        hours = sum((period.hours * self.connected(period) for period in periods), np.zeros_like(self.need))
        return np.maximum(self.need - self.efficiency * self.power_max * hours, 0.0)

    def unserved(self, period: Period) -> Floats:
        """Return the kWh of need, (n, 1), that are missing where the EV leaves before the period is over; else 0.

        Asked once a period is settled. An EV is counted in the period in which it leaves and in all later ones.
        """
        return np.where(self.departure < period.end + _ROUNDING, self.need, 0.0)

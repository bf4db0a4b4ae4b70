"""Numbers of a run that the terminal view draws: prices and residuals over ticks, and what does not add up at a bus."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..record.frames import Frame
from ..record.reading import Record

__all__ = ["Series"]

Floats = npt.NDArray[np.float64]


class Series:
    """Prices and residuals of each tick so far.

    Parameters
    ----------
    record

    Attributes
    ----------
    prices : by tick, (microgrids,) $/kWh, the mean over the horizon
    residuals : by tick, the primal residual, kW
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        row = record.world("row")
        self._rows: list[tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]] = []
        for k in range(len(record.shape.rows)):
            world = record.world(f"population.{k}")
            start = np.full(len(record.agents), -1)
            start[world["address"]] = world["row_start"][:-1]
            mine = start[row["agent"]] >= 0
            self._rows.append((start[row["agent"][mine]] + row["place"][mine], row["balance"][mine]))
        self.prices: list[Floats] = []
        self.residuals: list[float] = []
        self.catch_up()

    def catch_up(self) -> None:
        """Read the ticks that are new in the record."""
        for frame in self._record.states(len(self.prices)):
            self.prices.append(frame.price[self._record.home_balance].mean(axis=1))
            self.residuals.append(frame.metrics["primal_residual"])

    def imbalance(self, frame: Frame) -> Floats | None:
        """Return what does not add up at each bus, as proposed.

        Returns
        -------
        (microgrids,) kW of net import, of several periods the largest; None where answers are not in the record
        """
        if frame.x is None:
            return None
        total = np.zeros((self._record.shape.balances, self._record.shape.periods))
        for (rows, balance), x in zip(self._rows, frame.x, strict=True):
            np.add.at(total, balance, np.nan_to_num(x[rows]))
        total = total[self._record.home_balance]
        largest = np.abs(total).argmax(axis=1)
        return np.asarray(total[np.arange(len(total)), largest])

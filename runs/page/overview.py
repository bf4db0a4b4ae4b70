"""What the page keeps of every tick, however long the run: metrics, counts and a few prices."""

from __future__ import annotations

import numpy as np

from ...environment import Fate
from ..record.frames import Frame
from ..record.reading import Record
from .block import Column

__all__ = ["OVERVIEW_MAX", "Overview"]

COUNTED = (Fate.SENT, Fate.LOST, Fate.LATE, Fate.DELIVERED)
"""In the order in which the page knows them."""
PRICES_MAX = 8
"""Microgrids beyond which only the highest, the median and the lowest price are kept."""
OVERVIEW_MAX = 16_384
"""Ticks of a recorded run beyond which every second, third, ... one is read."""


class Overview:
    """Collects rows until they are sent.

    Parameters
    ----------
    record : whose header names metrics and microgrids

    Attributes
    ----------
    names : of the prices that are kept
    """

    def __init__(self, record: Record) -> None:
        self._metrics = list(record.header["metrics"])
        microgrids = record.header["homes"]
        self._balance = record.home_balance
        self._each = len(microgrids) <= PRICES_MAX
        self.names = list(microgrids) if self._each else ["highest", "median", "lowest"]
        self._rows: list[tuple[int, list[float], list[int], list[float]]] = []

    def note(self, frame: Frame) -> None:
        """Keep a tick: what the observer saw, how many messages met which fate, and prices."""
        found = dict.fromkeys(COUNTED, 0)
        for _, fate, _, number in frame.counts:
            if fate in found:
                found[fate] += number
        mean = frame.price[self._balance].mean(axis=1)
        kept = mean if self._each else np.array([mean.max(), np.median(mean), mean.min()])
        metrics = [frame.metrics[name] for name in self._metrics]
        self._rows.append((frame.tick, metrics, [*found.values()], kept.tolist()))

    def read(self, record: Record) -> None:
        """Keep the ticks of a record; of a very long one every second, third, ..."""
        stride = -(-record.ticks // OVERVIEW_MAX) or 1
        if stride == 1:
            frames = record.states()
        else:
            frames = (next(record.states(tick, tick + 1)) for tick in range(0, record.ticks, stride))
        for frame in frames:
            self.note(frame)

    def take(self) -> dict[str, Column]:
        """Return what was collected since the last time, as columns ``over.*``."""
        rows, self._rows = self._rows, []
        metrics = np.array([row[1] for row in rows], dtype=np.float64).reshape(len(rows), len(self._metrics))
        columns: dict[str, Column] = {f"over.metric.{name}": metrics[:, k] for k, name in enumerate(self._metrics)}
        columns["over.tick"] = np.array([row[0] for row in rows], dtype=np.int32)
        columns["over.count"] = np.array([row[2] for row in rows], dtype=np.int32).reshape(len(rows), len(COUNTED))
        columns["over.price"] = np.array([row[3] for row in rows], dtype=np.float64).reshape(len(rows), len(self.names))
        return columns

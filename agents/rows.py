"""Rows: where the rows of prices and answers of each agent lie."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["RowLayout"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]


class RowLayout:
    """Flat rows of n agents: row 0 of an agent is the net import from its own bus, then comes one row a port.

    Agent k has rows ``row_start[k] : row_start[k + 1]``.

    Parameters
    ----------
    port_count : (n,) ports of each agent

    Examples
    --------
    >>> layout = RowLayout(np.array([2, 0, 1]))
    >>> layout.row_start.tolist(), layout.own_rows.tolist(), layout.port_rows.tolist()
    ([0, 3, 4, 6], [0, 3, 4], [1, 2, 5])
    """

    def __init__(self, port_count: Rows) -> None:
        self.port_count = port_count

    def __len__(self) -> int:
        return len(self.port_count)

    @property
    def rows(self) -> int:
        """Rows of prices and answers: one an agent and one a port."""
        return len(self.port_count) + int(self.port_count.sum())

    @cached_property
    def row_start(self) -> Rows:
        """(n + 1,) the first row of each agent, and the number of rows."""
        return np.concatenate([[0], np.cumsum(self.port_count + 1)])

    @cached_property
    def own_rows(self) -> Rows:
        """(n,) the row of each agent's own bus."""
        return self.row_start[:-1]

    @cached_property
    def port_rows(self) -> Rows:
        """(p,) the rows of all ports."""
        mask = np.ones(self.rows, dtype=bool)
        mask[self.own_rows] = False
        return np.flatnonzero(mask)

    def rows_of(self, which: Rows, *, own: bool = True) -> Rows:
        """Return the flat rows of some agents, in their order; ``own=False``: only their ports'."""
        count = self.port_count[which] + own
        first = self.row_start[which] + (not own)
        skipped = np.cumsum(count) - count
        return np.arange(count.sum()) - np.repeat(skipped - first, count)

    def supplied(self, x: Floats) -> Floats:
        """Return what each agent supplies over all its rows together, (n, periods) kW; x : (rows, periods) kW."""
        return -np.add.reduceat(x, self.own_rows)

    def exported(self, x: Floats) -> Floats:
        """Return what each agent supplies over its ports, (n, periods) kW; x : (rows, periods) kW."""
        return x[self.own_rows] + self.supplied(x)

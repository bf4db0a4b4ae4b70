"""Agents with equally many ports, which are solved together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PortGroups", "port_groups", "port_sum"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer[Any]]
PortGroups = Sequence[tuple[Rows, Rows]]
"""Which agents are alike, (m,), and their ports, (m, k)."""


def port_groups(port_count: Rows, sort: npt.NDArray[np.bool_] | None = None) -> PortGroups:
    """Group agents by their number of ports, and those of one sort, (n,), apart from the others."""
    first = np.cumsum(port_count) - port_count
    alike = 2 * port_count + (0 if sort is None else sort)
    groups = []
    for one in np.unique(alike).tolist():
        members = np.flatnonzero(alike == one)
        groups.append((members, first[members, None] + np.arange(one // 2)))
    return groups


def port_sum(groups: PortGroups, values: Floats) -> Floats:
    """Add up port values by agent, in port order: (p, periods) to (n, periods)."""
    total = np.zeros((sum(len(members) for members, _ in groups), values.shape[1]))
    for members, ports in groups:
        for column in ports.T:
            total[members] += values[column]
    return total

"""What the page shows of a feeder: its buses as a single-line drawing, and what would flow at what agents propose."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ...protocols import Market
from ..common.errors import RunError, ScenarioError
from ..feeder.ports import NetworkPorts, network_ports
from ..record.frames import Frame
from ..record.reading import Record
from ..record.tables.tick_tables import X_MAX
from ..simulation.simulation import Simulation

__all__ = ["PageFeeder", "bus_places", "feeder_of", "page_feeder"]

Floats = npt.NDArray[np.float64]

BUSES_MAX = 400
"""Buses beyond which a feeder is not drawn: they would touch one another, and each tick would cost too much."""


@dataclass(frozen=True, eq=False)
class PageFeeder:
    """The feeder of a market with one network operator, and what is proposed for each of its ports."""

    ports: NetworkPorts

    @property
    def operator(self) -> Any:
        """A `NetworkOperator` that stands alone."""
        return self.ports.operator

    def meta(self) -> dict[str, Any]:
        """Return what never changes: names, places, limits, and which agent is connected at which bus."""
        feeder = self.operator.grid.feeder
        return {
            "name": str(feeder.name),
            "buses": list(map(str, feeder.buses)),
            "lines": list(map(str, feeder.line_names)),
            "parent": [int(bus) for bus in feeder.parent],
            "places": bus_places(feeder.parent),
            "limit_kw": [float(kw) if np.isfinite(kw) else None for kw in feeder.limit_kw],
            "v_min": float(self.operator.v_min[0, 0]),
            "v_max": float(self.operator.v_max[0, 0]),
            "bus": [int(bus) for bus in self.operator.bus[:, 0]],
            "agent": [int(agent) for agent in self.ports.agent],
        }

    def columns(self, frames: Iterable[Frame]) -> dict[str, npt.NDArray[Any]]:
        """Return the exact power flow at the proposals of each tick, and the prices of the ports.

        Of several periods a bus shows the voltage that is nearest to a limit, or furthest beyond one, a line the largest
        power, and a port the means.

        Returns
        -------
        feeder.voltage : (ticks, buses) pu; feeder.kw : (ticks, lines) where each line begins; NaN without a power flow
        feeder.p : (ticks, ports) kW; NaN where nothing is proposed yet; feeder.price : (ticks, ports) $/kWh
        """
        found = [(self.ports.proposed(frame.x or []), frame.price[self.ports.balance]) for frame in frames]
        p, price = (np.stack(column) for column in zip(*found, strict=True))  # (ticks, ports, periods)
        flows = []
        for t, network in enumerate(self.operator.networks):
            active, reactive = network.ports.injected(p[:, :, t].T, len(network.load))
            taken, lagging = network.load[:, None] - active, network.reactive[:, None] - reactive
            flows.append(network.grid.flow(taken, lagging, np.full(len(p), network.source)))
        voltage, kw = np.stack([f.voltage for f in flows]), np.stack([f.active for f in flows])
        room = np.minimum(voltage - self.operator.v_min[0, 0], self.operator.v_max[0, 0] - voltage)
        return {
            "feeder.voltage": _picked(voltage, -room),
            "feeder.kw": _picked(kw, np.abs(kw)),
            "feeder.p": p.mean(axis=2).astype(np.float32),
            "feeder.price": price.mean(axis=2).astype(np.float32),
        }


def _picked(values: Floats, weight: Floats) -> npt.NDArray[np.float32]:
    """Return for each tick and place the value of the period with the largest weight; values are (periods, places, ticks)."""
    best = np.argmax(weight, axis=0)[None]
    return np.take_along_axis(values, best, axis=0)[0].T.astype(np.float32)


def page_feeder(market: Market) -> PageFeeder | None:
    """Return what the page shows of a market's feeder; None where there is no network operator, or too many buses."""
    ports = network_ports(market)
    return None if ports is None or len(ports.operator.grid.feeder.buses) > BUSES_MAX else PageFeeder(ports)


def feeder_of(record: Record, simulation: Callable[[], Simulation]) -> PageFeeder | None:
    """Return what the page shows of a run's feeder; None where the record lacks the proposals, or there is none.

    Parameters
    ----------
    record
    simulation : returns the simulation of the run, in any tick; it may take a while to build
    """
    if sum(record.shape.rows) * record.shape.periods > X_MAX:
        return None
    try:
        built = simulation()
    except (RunError, ScenarioError):  # a type of the user's own may be gone; everything else can be shown
        return None
    return None if built.day is not None else page_feeder(built.market)


def bus_places(parent: npt.NDArray[np.integer]) -> list[list[int]]:
    """Return the column and the level of every bus: columns count lines from the source.

    The longest branch goes straight on; others turn off into the nearest level that is free all its way, those furthest from
    the source first, so that branches cross only where nothing else is left.

    >>> bus_places(np.array([0, 1, 1]))
    [[0, 0], [1, 0], [2, 0], [2, 1]]
    """
    count = len(parent) + 1
    depth, length = [0] * count, [1] * count
    children: list[list[int]] = [[] for _ in range(count)]
    for bus, fed_by in enumerate(parent.tolist(), start=1):
        children[fed_by].append(bus)
        depth[bus] = depth[fed_by] + 1
    for bus in range(count - 1, 0, -1):
        length[parent[bus - 1]] = max(length[parent[bus - 1]], length[bus] + 1)
    level, taken = [0] * count, {(column, 0) for column in range(length[0])}
    open_branches = [0]
    while open_branches:
        way = [open_branches.pop()]
        while children[way[-1]]:
            way.append(max(children[way[-1]], key=length.__getitem__))
            level[way[-1]] = level[way[0]]
        for bus, ahead in reversed(list(pairwise(way))):
            for child in children[bus]:
                if child != ahead:
                    level[child] = _free_level(taken, depth[bus], level[bus], length[child])
                    open_branches.append(child)
    return [list(place) for place in zip(depth, level, strict=True)]


def _free_level(taken: set[tuple[int, int]], column: int, level: int, length: int) -> int:
    """Return a free level for a branch that turns off in a column, and take its cells; it crosses others only if it must."""
    steps = [step for far in range(1, len(taken) + 2) for step in (far, -far)]

    def cells(step: int) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
        side = 1 if step > 0 else -1
        down = {(column, level + each) for each in range(side, step + side, side)}
        return down, {(each, level + step) for each in range(column, column + length + 1)}

    free = [step for step in steps if not taken & cells(step)[1]]
    step = next((step for step in free if not taken & cells(step)[0]), free[0])
    taken.update(*cells(step))
    return level + step

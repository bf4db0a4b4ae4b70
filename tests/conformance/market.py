"""A small market to put protocols to the test on, and markets whose agents have other private facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import networkx as nx
import numpy as np
import numpy.typing as npt

from ..agents import MicrogridOperator, Society, SquareRootLoad, VirtualAgent
from ..environment import Topology
from ..protocols import Market, Population

__all__ = ["agents_of", "three_microgrids", "with_facts"]

Floats = npt.NDArray[np.float64]
Kind = TypeVar("Kind", bound=Society)
Change = Callable[[int, str, Floats], Floats]
"""Returns the new values of a fact: given an agent's address, the fact's name, and its (rows, periods or 1) values."""


def three_microgrids() -> Market:
    """Return three microgrids, each with an operator and a load, all joined by tie-lines: note 000."""
    graph = nx.Graph([("A", "B"), ("A", "C"), ("B", "C")])
    nx.set_node_attributes(graph, {name: {"operator": 1, "load": 1} for name in graph}, "members")
    pv = np.array([0.5, 1.0, 1.0])
    operators = MicrogridOperator(
        names=["A.operator", "B.operator", "C.operator"],
        ports=[2, 2, 2],
        cost_quadratic=np.array([10.0, 1.0, 1.0]),
        cost_linear=1.0,
        power_max=40.0,
        pv=pv[:, None],
        alpha=0.05,
        export_max=np.repeat(pv, 2)[:, None],
        import_max=pv[[1, 2, 0, 2, 0, 1], None],  # the neighbour's PV: A hears from B and C, B from A and C, ...
    )
    loads = SquareRootLoad(
        names=["A.load", "B.load", "C.load"], beta=np.array([10.0, 1.0, 1.0]), cap=np.array([100.0, 0.5, 0.5])
    )
    return Market(
        topology=Topology.from_graph(graph),
        virtual=VirtualAgent(names=["A.virtual", "B.virtual", "C.virtual"], ports=[2, 2, 2]),
        members=(
            Population(operators, np.arange(3, 6, dtype=np.int32)),
            Population(loads, np.arange(6, 9, dtype=np.int32)),
        ),
    )


def agents_of(market: Market) -> dict[int, Society]:
    """Return every agent, by address."""
    agents: dict[int, Society] = {hub: market.virtual[hub] for hub in range(market.topology.hubs)}
    for population in market.populations:
        agents |= {address: population.society[k] for k, address in enumerate(population.address.tolist())}
    return agents


def with_facts(market: Market, change: Change) -> Market:
    """Return the same market with other private facts. Port facts count as their agent's own."""
    hubs = list(range(market.topology.hubs))
    members = tuple(Population(_changed(p.society, p.address.tolist(), change), p.address) for p in market.populations)
    return Market(market.topology, _changed(market.virtual, hubs, change), members, market.periods)


def _changed(society: Kind, addresses: list[int], change: Change) -> Kind:
    columns = {name: getattr(society, name).copy() for name in society.facts}
    first_port = np.cumsum(society.port_count) - society.port_count
    for k, address in enumerate(addresses):
        for name, fact in society.facts.items():
            start = int(first_port[k])
            rows = slice(start, start + int(society.port_count[k])) if fact.shape.by_port else slice(k, k + 1)
            columns[name][rows] = change(address, name, columns[name][rows])
    return society.replace(**columns)

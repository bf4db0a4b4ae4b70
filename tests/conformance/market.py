"""A small market to put protocols to the test on, and markets whose agents have other private facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
        # A keeps its bus and its two lines, B its bus and the line to C, C its bus.
        virtual=VirtualAgent(
            names=["A.virtual", "B.virtual", "C.virtual"],
            ports=[3, 2, 1],
            price=[[1.0], [0.0], [0.0], [1.0], [0.0], [1.0]],
        ),
        populations=(
            Population(operators, np.arange(3, 6, dtype=np.int32)),
            Population(loads, np.arange(6, 9, dtype=np.int32)),
        ),
    )


def agents_of(market: Market) -> dict[int, Society]:
    """Return every agent, by address."""
    agents: dict[int, Society] = {k: market.virtual[k] for k in range(len(market.topology.coordinators))}
    for population in market.populations:
        agents |= {address: population.society[k] for k, address in enumerate(population.address.tolist())}
    return agents


def with_facts(market: Market, change: Change) -> Market:
    """Return the same market with other private facts.

    Port facts count as their agent's own, and the weights of rows as facts of the coordinator that asks about them.
    """
    coordinators, coordinator = list(range(len(market.topology.coordinators))), market.topology.row_coordinator
    populations = tuple(
        Population(_changed(p.society, p.address.tolist(), change), p.address) for p in market.populations
    )
    weight = None if market.weight is None else market.weight.copy()
    if weight is not None:
        for address in coordinators:
            weight[coordinator == address] = change(address, "weight", weight[coordinator == address])
    virtual = _changed(market.virtual, coordinators, change)
    return replace(market, virtual=virtual, populations=populations, weight=weight)


def _changed(society: Kind, addresses: list[int], change: Change) -> Kind:
    columns = {name: getattr(society, name).copy() for name in society.facts}
    first_port = np.cumsum(society.port_count) - society.port_count
    for k, address in enumerate(addresses):
        for name, fact in society.facts.items():
            start = int(first_port[k])
            rows = slice(start, start + int(society.port_count[k])) if fact.shape.by_port else slice(k, k + 1)
            columns[name][rows] = change(address, name, columns[name][rows])
    return society.replace(**columns)

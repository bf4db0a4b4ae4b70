"""A market refuses agents that do not fit their places."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from gridparley.agents import MicrogridOperator, SquareRootLoad, VirtualAgent
from gridparley.environment import Topology
from gridparley.protocols import Market, Population, ProtocolError


def town():
    graph = nx.Graph([("A", "B")])
    nx.set_node_attributes(graph, {name: {"operator": 1, "load": 2} for name in graph}, "members")
    return Topology.from_graph(graph)


def operators(ports=(1, 1), periods=1):
    facts = {"cost_quadratic": 1.0, "cost_linear": 1.0, "power_max": 1.0}
    return MicrogridOperator(ports=list(ports), periods=periods, **facts)


def loads(n, periods=1):
    return SquareRootLoad(names=[f"load {k}" for k in range(n)], periods=periods, beta=1.0, cap=1.0)


def market(operator=None, load=None, operator_at=(2, 3), load_at=(4, 5, 6, 7)):
    virtual = VirtualAgent(ports=[1, 1])
    at = np.array(operator_at, dtype=np.int32), np.array(load_at, dtype=np.int32)
    return Market(town(), virtual, (Population(operator or operators(), at[0]), Population(load or loads(4), at[1])))


def test_everybody_at_home_fits():
    built = market()
    line, end = built.port_ends(built.members[0])
    assert line.tolist() == [0, 0]
    assert end.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"load_at": (4, 5, 6, 9)}, "address 9 is out of range: members have addresses 2 to 7"),
        ({"load_at": (0, 5, 6, 7)}, "address 0 is out of range"),
        ({"load_at": (4, 4, 6, 7)}, "2 agents live at A.load.0"),
        ({"load": loads(3), "load_at": (4, 5, 6)}, "0 agents live at B.load.1"),
        ({"operator": operators((1, 2))}, "B.operator has 2 ports, its place in the topology has 1"),
        ({"load": loads(4, periods=3)}, "SquareRootLoad has 3 periods, this market has 1"),
        ({"load": loads(3)}, "4 addresses for 3 agents"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(change, says):
    with pytest.raises(ProtocolError, match=says):
        market(**change)

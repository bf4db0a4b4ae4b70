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


def market(operator=None, load=None, operator_at=(2, 3), load_at=(4, 5, 6, 7), keeps=(2, 1)):
    # A keeps its bus and the line, B its bus; first prices are told apart.
    virtual = VirtualAgent(ports=list(keeps), price=np.arange(1.0, 1.0 + sum(keeps))[:, None])
    at = np.array(operator_at, dtype=np.int32), np.array(load_at, dtype=np.int32)
    return Market(town(), virtual, (Population(operator or operators(), at[0]), Population(load or loads(4), at[1])))


def test_agents_that_fit_their_places_have_their_rows_there():
    built = market()
    at, row = built.rows[0]
    assert at.tolist() == [0, 1, 2, 3]
    assert [built.topology.balances[balance] for balance in built.topology.row_balance[row]] == ["A", "A-B", "B", "A-B"]
    assert built.topology.row_end[row].tolist() == [0, 0, 0, 1]
    assert [built.topology.balances[b] for b in built.topology.row_balance[built.rows[1].row]] == ["A", "A", "B", "B"]
    assert [built.operates(population).all() for population in built.populations] == [True, False]


def test_the_first_price_of_a_balance_is_that_of_its_virtual_agent():
    # The virtual agents' ports go coordinator by coordinator, balances go places first.
    built = market()
    assert built.topology.balances == ("A", "B", "A-B")
    assert built.first_price[:, 0].tolist() == [1.0, 3.0, 2.0]


def test_sums_and_rows_are_those_that_the_topology_numbers():
    built = market()
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(population.society.rows, 2)) for population in built.populations]
    rows = built.of_rows(values)
    assert rows.shape == (8, 2)
    for back, given in zip(built.to_rows(rows), values, strict=True):
        assert np.array_equal(back, given)
    total = sum(gather @ column for gather, column in zip(built.gather, values, strict=True))
    expected = np.zeros((3, 2))
    np.add.at(expected, built.topology.row_balance, rows)
    assert total == pytest.approx(expected, abs=1e-15)
    operator, load = values
    assert total[0] == pytest.approx(operator[0] + load[0] + load[1])
    assert total[2] == pytest.approx(operator[1] + operator[3])


def test_a_row_in_no_balance_counts_nowhere():
    graph = nx.Graph([("A", "B")])
    nx.set_node_attributes(graph, {"A": {"operator": 1, "load": 2}, "B": {"operator": 1}}, "members")
    graph.nodes["B"]["bus"] = False
    at = np.array([2, 3], dtype=np.int32), np.array([4, 5], dtype=np.int32)
    populations = Population(operators(), at[0]), Population(loads(2), at[1])
    built = Market(Topology.from_graph(graph), VirtualAgent(ports=[2, 0]), populations)
    assert built.rows[0].at.tolist() == [0, 1, 3]  # not 2, the own row of B's operator
    assert (built.gather[0].toarray()[:, 2] == 0).all()
    values = [np.ones((4, 1)), np.ones((2, 1))]
    assert [column.ravel().tolist() for column in built.to_rows(built.of_rows(values))] == [[1, 1, 0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"load_at": (4, 5, 6, 9)}, "address 9 is out of range: agents have addresses 2 to 7"),
        ({"load_at": (0, 5, 6, 7)}, "address 0 is out of range"),
        ({"load_at": (4, 4, 6, 7)}, "2 agents live at A.load.0"),
        ({"load": loads(3), "load_at": (4, 5, 6)}, "0 agents live at B.load.1"),
        ({"operator": operators((1, 2))}, "B.operator has 2 ports, its place in the topology has 1"),
        ({"load": loads(4, periods=3)}, "SquareRootLoad has 3 periods, this market has 1"),
        ({"load": loads(3)}, "4 addresses for 3 agents"),
        ({"keeps": (1, 1)}, "virtual wants one agent per coordinator, with one port for each balance that it keeps"),
        ({"keeps": (1, 2)}, "virtual wants one agent per coordinator"),
        ({"keeps": (2, 1, 0)}, "virtual wants one agent per coordinator"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(change, says):
    with pytest.raises(ProtocolError, match=says):
        market(**change)

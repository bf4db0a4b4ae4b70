"""Topology: addresses, names, patterns, tie-lines, and a bound on the diameter."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

from gridparley.environment import Topology, TopologyError

from .conftest import connected_graphs, give_members, topology, town


def test_coordinators_come_first_then_members_by_name_and_home():
    t = topology("A-B", load=2)
    wanted = "A.virtual B.virtual A.operator B.operator A.load.0 A.load.1 B.load.0 B.load.1"
    assert [t.name(a) for a in range(t.size)] == wanted.split()
    assert t.coordinators == ("A.virtual", "B.virtual")
    assert t.home.tolist() == [0, 1, 0, 1, 0, 0, 1, 1]


def test_groups_with_nobody_in_them_have_no_address():
    graph = town("A-B", load=1)
    graph.nodes["A"]["members"]["load"] = 0
    t = Topology.from_graph(graph)
    assert [t.name(a) for a in range(t.size)] == ["A.virtual", "B.virtual", "A.operator", "B.operator", "B.load"]


def test_the_names_of_coordinator_and_operator_can_be_chosen():
    graph = nx.Graph([("A", "B")])
    nx.set_node_attributes(graph, {n: {"gate": 1} for n in graph}, "members")
    t = Topology.from_graph(graph, coordinator="square", operator="gate")
    assert [t.name(a) for a in range(t.size)] == ["A.square", "B.square", "A.gate", "B.gate"]
    assert len(t.channels) == 4 + 4 + 2


def test_tie_lines_stand_in_the_order_of_the_graph_earlier_home_first():
    graph = nx.Graph()
    graph.add_nodes_from("ABC")
    graph.add_edges_from([("C", "B"), ("C", "A")])
    t = Topology.from_graph(give_members(graph))
    assert t.ends[t.joins].tolist() == [[0, 2], [1, 2]]
    assert [t.balances[line] for line in t.joins] == ["A-C", "B-C"]
    assert [t.coordinators[coordinator] for coordinator in t.coordinator[t.joins]] == ["A.virtual", "B.virtual"]


def test_rows_list_the_balances_of_each_agent_and_which_end_it_is():
    t = topology("A-B A-C B-C D-A")
    assert t.balances == ("A", "B", "C", "D", "A-B", "A-C", "A-D", "B-C")
    rows = {}
    for agent, balance, end in zip(t.row_agent.tolist(), t.row_balance.tolist(), t.row_end.tolist(), strict=True):
        rows.setdefault(t.name(agent), []).append((t.balances[balance], end))
    assert rows["A.operator"] == [("A", 0), ("A-B", 0), ("A-C", 0), ("A-D", 0)]
    assert rows["C.operator"] == [("C", 0), ("A-C", 1), ("B-C", 1)]
    assert rows["D.operator"] == [("D", 0), ("A-D", 1)]


def test_a_place_is_where_agents_meet_and_its_operator_takes_what_is_left_over():
    t = topology("A-B", load=2)
    assert t.place.tolist() == [True, True, False]
    assert t.place_of.tolist() == [0, 1]
    assert [t.name(agent) for agent in t.slack[:2]] == ["A.operator", "B.operator"]
    assert t.slack[2] == -1


def test_pieces_are_told_apart_and_each_has_its_own_diameter():
    t = topology("A-B B-C D E-F")
    assert len({*t.piece[:3].tolist()}) == 1
    assert len({*t.piece.tolist()}) == 3
    assert t.piece[4] == t.piece[5]
    assert t.diameter.tolist() == [2, 2, 2, 0, 1, 1]


def test_of_two_pieces_too_large_for_exactness_each_has_its_own_bound():
    graph = nx.disjoint_union(nx.path_graph(300), nx.star_graph(299))
    t = Topology.from_graph(give_members(graph))
    assert 299 <= t.diameter[:300].min() <= t.diameter[:300].max() <= 2 * 299
    assert 2 <= t.diameter[300:].min() <= t.diameter[300:].max() <= 4


def test_rows_kept_by_others_are_asked_by_those_and_the_price_keeps_its_coordinator():
    t = topology("A-B", load=1)
    own = t.home[t.row_agent]  # each row is asked about by the coordinator of its agent's home
    other = t.kept_by(own.astype(np.int32))
    assert np.array_equal(other.row_coordinator, own)
    assert np.array_equal(other.coordinator, t.coordinator)
    assert np.array_equal(other.channels.receiver[: len(own)], own)
    assert other.channels.peers.size == 2


def test_one_microgrid_alone_is_a_town():
    graph = nx.Graph()
    graph.add_node("A", members={"load": 1})
    t = Topology.from_graph(graph)
    assert (t.size, t.diameter.tolist(), len(t.joins), len(t.channels)) == (2, [0], 0, 2)
    assert t.ends.tolist() == [[-1, -1]]


@given(connected_graphs())
@settings(max_examples=60, deadline=None)
def test_the_diameter_is_never_too_small(graph):
    assert (Topology.from_graph(graph).diameter >= nx.diameter(graph)).all()


@pytest.mark.parametrize("graph", [nx.path_graph(500), nx.cycle_graph(450), nx.star_graph(420), nx.path_graph(400)])
def test_the_diameter_is_never_too_small_in_a_large_town(graph):
    exact = {500: 499, 450: 225, 421: 2, 400: 399}[len(graph)]
    diameter = Topology.from_graph(give_members(graph)).diameter
    assert exact <= diameter.min() <= diameter.max() <= 2 * exact


@given(connected_graphs(most=8))
@settings(max_examples=30, deadline=None)
def test_address_is_the_inverse_of_name(graph):
    t = Topology.from_graph(graph)
    assert [t.address(t.name(a)) for a in range(t.size)] == list(range(t.size))


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("B.operator", "B.operator"),
        ("*.operator", "A.operator B.operator"),
        ("A.load", "A.load.0 A.load.1"),
        ("A.load.1", "A.load.1"),
        ("A.load.*", "A.load.0 A.load.1"),
        ("*.load.0", "A.load.0 B.load.0"),
        ("A.virtual", "A.virtual"),
        ("A.*", "A.virtual A.operator A.load.0 A.load.1"),
        ("*", "A.virtual B.virtual A.operator B.operator A.load.0 A.load.1 B.load.0 B.load.1"),
    ],
)
def test_a_pattern_finds_every_agent_that_fits_once_in_ascending_order(pattern, names):
    t = topology("A-B", load=2)
    assert [t.name(a) for a in t.addresses(pattern)] == names.split()


def test_the_only_agent_of_a_group_also_answers_to_number_0():
    t = topology("A-B")
    assert t.address("A.operator.0") == t.address("A.operator")


@pytest.mark.parametrize("pattern", ["C.load", "A.load.2", "A.load.-1", "A.load.²", "a.load", "A.lod", "", "A"])
def test_a_pattern_that_nobody_fits_is_refused_with_names_that_exist(pattern):
    with pytest.raises(TopologyError, match=r"no agent is called .*agents here are called A\.virtual, B\.virtual"):
        topology("A-B", load=2).addresses(pattern)


def test_a_name_that_means_several_agents_is_no_address():
    with pytest.raises(TopologyError, match=r"'A\.load' means 2 agents, wanted exactly one, such as 'A\.load\.0'"):
        topology("A-B", load=2).address("A.load")


@pytest.mark.parametrize("address", [-1, 8, 1000])
def test_an_address_out_of_range_is_refused_with_the_range(address):
    with pytest.raises(TopologyError, match=f"address {address} is out of range.*0 to 7"):
        topology("A-B", load=2).name(address)

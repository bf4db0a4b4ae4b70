"""Topology: addresses, names, patterns, tie-lines, and a bound on the diameter."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

from gridparley.environment import Topology, TopologyError

from .conftest import connected_graphs, give_members, topology, town


def test_hubs_come_first_then_members_by_name_and_hub():
    t = topology("A-B", load=2)
    wanted = "A.virtual B.virtual A.operator B.operator A.load.0 A.load.1 B.load.0 B.load.1"
    assert [t.name(a) for a in range(t.size)] == wanted.split()
    assert t.hubs == 2
    assert t.home.tolist() == [0, 1, 0, 1, 0, 0, 1, 1]


def test_groups_with_nobody_in_them_have_no_address():
    graph = town("A-B", load=1)
    graph.nodes["A"]["members"]["load"] = 0
    t = Topology.from_graph(graph)
    assert [t.name(a) for a in range(t.size)] == ["A.virtual", "B.virtual", "A.operator", "B.operator", "B.load"]


def test_the_names_of_hub_and_terminal_can_be_chosen():
    graph = nx.Graph([("A", "B")])
    nx.set_node_attributes(graph, {n: {"gate": 1} for n in graph}, "members")
    t = Topology.from_graph(graph, hub_name="square", terminal="gate")
    assert [t.name(a) for a in range(t.size)] == ["A.square", "B.square", "A.gate", "B.gate"]
    assert len(t.channels) == 4 + 4 + 2 + 2


def test_tie_lines_stand_in_the_order_of_the_graph_smaller_hub_first():
    graph = nx.Graph()
    graph.add_nodes_from("ABC")
    graph.add_edges_from([("C", "B"), ("C", "A")])
    t = Topology.from_graph(give_members(graph))
    assert t.lines.tolist() == [[0, 2], [1, 2]]
    assert t.line_names == ("A-C", "B-C")


def test_ends_at_lists_the_lines_of_each_hub_and_which_end_it_is():
    t = topology("A-B A-C B-C D-A")
    assert t.line_names == ("A-B", "A-C", "A-D", "B-C")
    line, end = t.ends_at(np.array([2, 0, 3]))
    assert line.tolist() == [1, 3, 0, 1, 2, 2]
    assert end.tolist() == [1, 1, 0, 0, 0, 1]


def test_one_microgrid_alone_is_a_town():
    graph = nx.Graph()
    graph.add_node("A", members={"load": 1})
    t = Topology.from_graph(graph)
    assert (t.size, t.diameter, len(t.lines), len(t.channels)) == (2, 0, 0, 2)
    assert [part.tolist() for part in t.ends_at(np.array([0]))] == [[], []]


@given(connected_graphs())
@settings(max_examples=60, deadline=None)
def test_the_diameter_is_never_too_small(graph):
    assert Topology.from_graph(graph).diameter >= nx.diameter(graph)


@pytest.mark.parametrize("graph", [nx.path_graph(500), nx.cycle_graph(450), nx.star_graph(420), nx.path_graph(400)])
def test_the_diameter_is_never_too_small_in_a_large_town(graph):
    exact = {500: 499, 450: 225, 421: 2, 400: 399}[len(graph)]
    assert exact <= Topology.from_graph(give_members(graph)).diameter <= 2 * exact


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

"""What a graph must be: every refusal says what stood there, where, and what is allowed."""

import networkx as nx
import numpy as np
import pytest

from gridparley.environment import Topology, TopologyError

from .conftest import channel_names, give_members, town


def refused(graph, match, **names):
    with pytest.raises(TopologyError, match=match):
        Topology.from_graph(graph, **names)


@pytest.mark.parametrize("thing", [None, {"A": ["B"]}, [("A", "B")]])
def test_only_a_networkx_graph_is_read(thing):
    refused(thing, f"read from a networkx.Graph, not from {type(thing).__name__}")


def test_an_empty_graph_is_refused():
    refused(nx.Graph(), "empty; a topology needs at least one microgrid")


@pytest.mark.parametrize("kind", [nx.DiGraph, nx.MultiDiGraph])
def test_a_directed_graph_is_refused(kind):
    refused(give_members(kind([("A", "B")])), "directed; a tie-line carries power both ways")


def test_a_graph_in_pieces_is_read_like_its_pieces():
    both, one, other = (Topology.from_graph(town(lines, load=1)) for lines in ("A-B C-D", "A-B", "C-D"))
    names, keys = channel_names(both), both.channels.key.tolist()
    alone = dict(zip(channel_names(one) + channel_names(other), [*one.channels.key, *other.channels.key], strict=True))
    assert dict(zip(names, keys, strict=True)) == alone
    assert len(set(both.piece.tolist())) == 2


def test_parallel_tie_lines_are_refused_by_the_names_of_their_ends():
    graph = give_members(nx.MultiGraph([("A", "B"), ("B", "C"), ("C", "B")]))
    refused(graph, "parallel tie-lines between (B and C|C and B): one line is allowed")


def test_a_multigraph_without_parallel_lines_is_read_like_a_graph():
    multi, plain = (Topology.from_graph(give_members(kind(["AB", "BC"]))) for kind in (nx.MultiGraph, nx.Graph))
    assert np.array_equal(multi.channels.key, plain.channels.key)
    assert np.array_equal(multi.diameter, plain.diameter)


@pytest.mark.parametrize("kind", [nx.Graph, nx.MultiGraph])
def test_a_line_from_a_microgrid_to_itself_is_refused(kind):
    refused(give_members(kind([("A", "B"), ("B", "B")])), "tie-line from B to itself: .*two different")


@pytest.mark.parametrize("name", ["", "A.B", "A*", "A?", "[A", "A]", "A>B", "A B", "A\n", "A\x1f"])
def test_a_name_that_would_not_fit_a_pattern_is_refused(name):
    graph = nx.Graph([("ok", name)])
    refused(give_members(graph), r"microgrid name .*printable and holds none of \. \* \? \[ \] > or a space")


def test_two_nodes_with_one_name_are_refused():
    refused(give_members(nx.Graph([(1, "1")])), "two microgrids are called '1': 1 and '1'")


@pytest.mark.parametrize("members", [None, {}, [("operator", 1)], 3])
def test_a_microgrid_without_a_mapping_of_members_is_refused(members):
    graph = town("A-B")
    graph.nodes["B"]["members"] = members
    refused(graph, "microgrid B: node attribute 'members' is .*wanted e.g. .'operator': 1, 'load': 3")


def test_a_microgrid_that_lacks_the_attribute_is_refused():
    graph = town("A-B")
    del graph.nodes["A"]["members"]
    refused(graph, "microgrid A: node attribute 'members' is None")


@pytest.mark.parametrize("count", [-1, 1.5, 2.0, "3", None, True, float("nan")])
def test_a_count_that_is_no_whole_number_is_refused(count):
    graph = town("A-B")
    graph.nodes["B"]["members"]["load"] = count
    refused(graph, "microgrid B: .* members called 'load'; wanted a whole number, 0 or more")


def test_a_count_may_be_a_numpy_integer():
    graph = town("A-B")
    graph.nodes["B"]["members"]["load"] = np.int64(3)
    assert Topology.from_graph(graph).size == 7


@pytest.mark.parametrize("name", ["virtual", "", "a.b", "a*", "a b", "a>b", "7", "[", 7, "a\n"])
def test_a_member_name_that_would_be_ambiguous_is_refused(name):
    graph = town("A-B")
    graph.nodes["B"]["members"][name] = 1
    refused(graph, "microgrid B: member name .*no number, and not 'virtual'")


@pytest.mark.parametrize("count", [0, 2])
def test_a_microgrid_with_tie_lines_has_exactly_one_operator(count):
    graph = town("A-B", load=1)
    graph.nodes["B"]["members"]["operator"] = count
    refused(graph, f"microgrid B: {count} members called 'operator'; its tie-lines end at exactly one")


def test_a_missing_operator_is_refused_under_its_chosen_name():
    refused(town("A-B"), "microgrid A: 0 members called 'gate'", operator="gate")


def test_a_microgrid_with_nobody_in_it_is_refused():
    graph = nx.Graph()
    graph.add_node("A", members={"load": 0})
    refused(graph, "microgrid A has no members; wanted at least one")


def test_two_tie_lines_of_one_name_are_refused_by_their_ends():
    graph = give_members(nx.Graph([("A-B", "C"), ("A", "B-C")]))
    refused(graph, "two tie-lines would be called 'A-B-C', A-B to C and A to B-C: rename a microgrid")


def test_a_line_of_an_unknown_kind_is_refused():
    graph = town("A-B")
    graph.edges["A", "B"]["balance"] = "barter"
    refused(graph, "a tie-line is a balance of kind 'barter'; wanted bus, tie_line, trade, .* or a BalanceKind")


def test_without_a_bus_there_is_nobody_but_the_operator():
    graph = town("A-B", load=2)
    graph.nodes["B"]["bus"] = False
    refused(graph, "microgrid B has no bus, so no members but its operator; it has operator, load")


def test_without_a_bus_the_operator_has_only_what_the_lines_give_it():
    graph = town("A-B B-C")
    graph.nodes["B"]["bus"] = False
    read = Topology.from_graph(graph)
    assert read.balances == ("A", "C", "A-B", "B-C")
    mine = read.row_agent == read.address("B.operator")
    assert read.row_place[mine].tolist() == [1, 2]  # row 0, which would be for its bus, is in no balance
    assert [read.balances[balance] for balance in read.row_balance[mine]] == ["A-B", "B-C"]
    assert read.place_of.tolist() == [0, -1, 1]
    assert [read.balances[balance] for balance in read.home_balance] == ["A", "A-B", "C"]
    # Its virtual agent is still there for the line that it keeps; one that keeps nothing is idle.
    assert read.coordinators == ("A.virtual", "B.virtual", "C.virtual")
    assert not read.idle.any()
    graph.nodes["C"]["bus"] = False
    assert Topology.from_graph(graph).idle.tolist() == [False, False, True]


def test_the_graph_is_not_changed():
    graph = town("A-B", load=2)
    before = dict(graph.nodes(data=True)), list(graph.edges)
    Topology.from_graph(graph)
    assert (dict(graph.nodes(data=True)), list(graph.edges)) == before

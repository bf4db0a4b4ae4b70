"""The bipartite front door: what it makes of a graph of agents and balances, and what it refuses, with who it was."""

import networkx as nx
import numpy as np
import pytest

from gridparley.environment import BalanceKind, Topology, TopologyError

from .conftest import channel_names, town


def market(edges, **balances):
    """Read ``"a-pool b-pool"``, with the kind of each balance by its name."""
    graph = nx.Graph()
    for name, kind in balances.items():
        graph.add_node(name, balance=kind)
    graph.add_edges_from(edge.split("-") for edge in edges.split())
    return graph


def read(edges, **balances):
    return Topology.from_bipartite(market(edges, **balances))


def refused(graph, match):
    with pytest.raises(TopologyError, match=match):
        Topology.from_bipartite(graph)


def names(topology):
    return [topology.name(address) for address in range(topology.size)]


def test_a_pool_has_a_coordinator_of_its_own_and_agents_live_there():
    t = read("a-pool b-pool c-pool", pool="pool")
    assert names(t) == ["pool.virtual", "a", "b", "c"]
    assert (t.homes, t.balances) == (("pool",), ("pool",))
    assert t.home.tolist() == [0, 0, 0, 0]
    assert t.row_place.tolist() == [0, 0, 0]
    assert t.joins.size == 0


def test_peers_that_only_trade_live_by_themselves_and_the_first_one_s_coordinator_keeps_the_trade():
    t = read("a-ab b-ab b-bc c-bc", ab="trade", bc="trade")
    assert names(t) == ["a.virtual", "b.virtual", "c.virtual", "a", "b", "c"]
    assert t.idle.tolist() == [False, False, True]
    assert t.homes == ("a", "b", "c")
    assert [t.coordinators[coordinator] for coordinator in t.coordinator] == ["a.virtual", "b.virtual"]
    assert t.row_place.tolist() == [1, 1, 2, 1]  # row 0 is for a place where one lives
    assert t.ends.tolist() == [[0, 1], [1, 2]]
    assert (t.place_of == -1).all()


def test_a_place_comes_first_and_then_what_joins_agents_in_the_order_of_the_graph():
    t = read("a-trade a-pool b-pool b-trade c-deal a-deal", trade="trade", deal="trade", pool="pool")
    assert t.balances == ("pool", "trade", "deal")
    mine = t.row_agent == t.address("a")
    assert [t.balances[balance] for balance in t.row_balance[mine]] == ["pool", "trade", "deal"]
    assert t.row_place[mine].tolist() == [0, 1, 2]
    assert t.row_place[t.row_agent == t.address("c")].tolist() == [1]
    # c lives by itself, but keeps nothing: a's home, the pool, comes first.
    assert t.coordinators == ("pool.virtual", "c.virtual")
    assert [t.coordinators[coordinator] for coordinator in t.coordinator] == ["pool.virtual"] * 3


def test_who_is_in_several_places_says_where_it_lives():
    graph = market("a-north manager-north manager-pool b-pool", pool="pool", north="community")
    graph.nodes["manager"]["home"] = "north"
    t = Topology.from_bipartite(graph)
    mine = t.row_agent == t.address("manager")
    assert [t.balances[balance] for balance in t.row_balance[mine]] == ["north", "pool"]
    assert t.row_place[mine].tolist() == [0, 1]
    assert t.homes[t.home[t.address("manager")]] == "north"
    assert len(set(t.piece.tolist())) == 1
    graph.nodes["manager"]["home"] = "south"
    refused(graph, "manager is at pool and north; .* home = 'south'")


def test_a_graph_of_microgrids_and_its_bipartite_form_have_the_same_channels():
    one = Topology.from_graph(town("A-B B-C", load=2))
    graph = nx.Graph()
    for place, kind, slack in zip(one.balances, one.kind, one.slack, strict=True):
        graph.add_node(place, balance=one.kinds[kind], slack=one.name(int(slack)) if slack >= 0 else None)
    rows = zip(one.row_agent.tolist(), one.row_balance.tolist(), strict=True)
    graph.add_edges_from((one.name(agent), one.balances[balance]) for agent, balance in rows)
    two = Topology.from_bipartite(graph)
    assert sorted(channel_names(one)) == sorted(channel_names(two))
    assert (one.balances, one.coordinators) == (two.balances, two.coordinators)
    assert [one.name(a) if a >= 0 else "" for a in one.slack] == [two.name(a) if a >= 0 else "" for a in two.slack]


def test_pieces_stand_side_by_side():
    t = read("a-p b-p c-q d-q e-ef f-ef", p="pool", q="community", ef="trade")
    assert len(set(t.piece[~t.idle].tolist())) == 3
    assert t.diameter.tolist() == [0, 0, 0, 0]


def test_balances_with_many_rows_may_join_too_and_have_no_ends():
    t = read("a-deal b-deal c-deal", deal=BalanceKind("deal", "offer", "wish", place=False))
    assert t.ends.tolist() == [[-1, -1]]
    assert t.joins.size == 0
    assert (t.kinds[0].ask, t.kinds[0].answer) == ("offer", "wish")


def test_nodes_may_be_anything_and_have_names():
    graph = market("1-2 3-2")
    graph = nx.relabel_nodes(graph, int)
    nx.set_node_attributes(graph, {1: {"name": "north.mill"}, 2: {"balance": "pool", "slack": 1}, 3: {"name": "south"}})
    t = Topology.from_bipartite(graph)
    assert names(t) == ["2.virtual", "north.mill", "south"]
    assert t.slack.tolist() == [t.address("north.mill")]


def test_the_coordinators_may_be_called_otherwise():
    t = Topology.from_bipartite(market("a-p b-p", p="pool"), coordinator="clerk")
    assert t.coordinators == ("p.clerk",)


@pytest.mark.parametrize("graph", [nx.DiGraph([("a", "b")]), nx.MultiGraph([("a", "b")]), [("a", "b")]])
def test_only_a_plain_undirected_graph_is_read(graph):
    refused(graph, f"plain, undirected networkx.Graph, not from {type(graph).__name__}")


@pytest.mark.parametrize(
    ("graph", "says"),
    [
        (nx.Graph(), "a market has agents and balances"),
        (market("a-b"), "a node with the attribute 'balance' is a balance"),
        (market("p-q", p="pool", q="pool"), "a market has agents and balances"),
        (market("a-p b-p a-b", p="pool"), "an edge joins the agents a and b; wanted an agent and a balance"),
        (market("a-p a-q p-q", p="pool", q="trade"), "an edge joins the balances p and q; wanted an agent"),
        (market("a-p a-q b-q", p="pool", q="community"), "agent a is at p and q; wanted one place at most"),
        (market("a-p b-p", p="pool", empty="trade"), "balance empty is joined to nothing"),
        (market("a-p b-p", p="barter"), "p is a balance of kind 'barter'; wanted bus, tie_line, trade"),
        (market("a-p b*-p", p="pool"), r"name 'b\*': a name is printable and holds none of \* \? \[ \] > or a space"),
        (market("a-p .b-p", p="pool"), "name '.b': a name is printable"),
    ],
)
def test_what_is_no_market_is_refused_and_says_who_it_was(graph, says):
    refused(graph, says)


def test_an_agent_without_any_row_is_refused():
    graph = market("a-p b-p", p="pool")
    graph.add_node("hermit")
    refused(graph, "agent hermit is joined to nothing")


def test_two_nodes_of_one_name_are_refused():
    graph = market("a-p b-p", p="pool")
    graph.nodes["b"]["name"] = "a"
    refused(graph, "two nodes are called 'a': 'a' and 'b'")


def test_an_agent_with_the_name_of_a_coordinator_is_refused():
    refused(market("a-p p.virtual-p", p="pool"), r"agent p\.virtual is called like the coordinator of p: rename it")


@pytest.mark.parametrize("slack", ["b", "nobody", "p"])
def test_a_slack_that_has_no_row_there_is_refused(slack):
    graph = market("a-p c-p b-q d-q", p="pool", q="pool")
    graph.nodes["p"]["slack"] = slack
    refused(graph, f"balance p: slack = {slack!r}; wanted an agent with a row there")


def test_the_graph_is_not_changed():
    graph = market("a-p b-p", p="pool")
    before = dict(graph.nodes(data=True)), list(graph.edges)
    Topology.from_bipartite(graph)
    assert (dict(graph.nodes(data=True)), list(graph.edges)) == before


def test_the_same_market_has_the_same_luck_in_whichever_order_its_nodes_come():
    one = market("a-p b-p b-q c-q", p="pool", q="trade")
    two = nx.Graph()
    two.add_nodes_from(reversed(list(one.nodes(data=True))))
    two.add_edges_from(one.edges)
    keys = [
        dict(zip(channel_names(t), t.channels.key.tolist(), strict=True))
        for t in map(Topology.from_bipartite, (one, two))
    ]
    same = keys[0].keys() & keys[1].keys()
    assert len(same) >= 4
    assert all(keys[0][name] == keys[1][name] for name in same)
    assert np.unique(list(keys[0].values())).size == len(keys[0])

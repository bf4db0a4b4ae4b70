"""Channels: which lanes a row and a tie-line open, how they are numbered, and what their keys depend on."""

import numpy as np
from hypothesis import given, settings

from gridparley.environment import Topology
from gridparley.environment.topology.channels import Link, meetings

from .conftest import channel, channel_names, connected_graphs, topology, town


def test_a_prosumer_has_one_channel_from_and_one_to_its_coordinator():
    t = topology("A-B", load=2)
    c = t.channels
    for address in t.addresses("*.load").tolist():
        (up,), (down,) = np.flatnonzero(c.sender == address), np.flatnonzero(c.receiver == address)
        assert (c.sender[down], c.receiver[up]) == (t.home[address], t.home[address])
        assert (c.link[down], c.link[up]) == (Link.DOWN, Link.UP)
        assert c.balance[down] == c.balance[up] == t.home[address]


def test_coordinators_are_asked_by_nobody_and_speak_to_neighbours_about_no_balance():
    t = topology("A-B")
    c, coordinators = t.channels, len(t.coordinators)
    assert set(c.link[c.receiver < coordinators].tolist()) == {Link.UP, Link.PEER}
    assert (c.balance[c.link == Link.PEER] == -1).all()
    assert (c.balance[c.link != Link.PEER] >= 0).all()


def test_a_tie_line_opens_six_lanes():
    t = topology("A-B", load=1)
    about = {(s, r) for s, r, balance in channel_names(t) if balance == "A-B"}
    coordinator, other, near, far = "A.virtual", "B.virtual", "A.operator", "B.operator"
    assert about == {(coordinator, near), (near, coordinator), (coordinator, far), (far, coordinator)}
    assert {(s, r) for s, r, balance in channel_names(t) if not balance} == {(coordinator, other), (other, coordinator)}
    assert len(t.channels) == 6 + 2 * 4


def test_each_row_has_its_two_lanes_by_its_number():
    t = topology("A-B B-C A-C", load=2)
    c, rows = t.channels, len(t.row_agent)
    for row in range(rows):
        coordinator = t.name(int(t.coordinator[t.row_balance[row]]))
        agent, balance = t.name(int(t.row_agent[row])), t.balances[t.row_balance[row]]
        assert row == channel(t, agent, coordinator, balance)
        assert rows + row == channel(t, coordinator, agent, balance)
    assert c.rows == rows
    assert c.peers.tolist() == list(range(2 * rows, len(c)))


@given(connected_graphs(most=10))
@settings(max_examples=40, deadline=None)
def test_back_leads_the_other_way_about_the_same(graph):
    c = Topology.from_graph(graph).channels
    assert np.array_equal(c.sender[c.back], c.receiver)
    assert np.array_equal(c.receiver[c.back], c.sender)
    assert np.array_equal(c.balance[c.back], c.balance)
    assert np.array_equal(c.back[c.back], np.arange(len(c)))


def test_links_say_what_a_channel_joins():
    c = topology("A-B", load=1).channels
    assert (c.link[: c.rows] == Link.UP).all()
    assert (c.link[c.rows : 2 * c.rows] == Link.DOWN).all()
    assert (c.link[c.peers] == Link.PEER).all()


def test_a_channel_knows_the_kind_of_the_balance_that_it_is_about():
    t = topology("A-B", load=1)
    about = [t.kinds[kind].name for kind in t.channels.about[: t.channels.rows]]
    assert about == [t.kinds[t.kind[balance]].name for balance in t.row_balance]
    assert set(about) == {"bus", "tie_line"}


@given(connected_graphs(most=10))
@settings(max_examples=40, deadline=None)
def test_rows_are_numbered_by_agent_and_place_and_peers_by_receiver_then_sender(graph):
    t = Topology.from_graph(graph)
    c = t.channels
    rows = list(zip(t.row_agent.tolist(), t.row_place.tolist(), strict=True))
    assert rows == sorted(rows)
    assert len(set(rows)) == len(rows) == t.size - len(t.coordinators) + 2 * len(t.joins)
    peers = list(zip(c.receiver[c.peers].tolist(), c.sender[c.peers].tolist(), strict=True))
    assert peers == sorted(peers)
    assert len(set(peers)) == len(peers) == 2 * len(t.joins)


def test_coordinators_meet_in_a_star_around_that_of_an_agent_s_first_row():
    # One that trades with three others, each kept by another's coordinator, meets all; they do not meet each other.
    agent = np.array([5, 5, 5, 6, 7], dtype=np.int32)
    coordinator = np.array([0, 1, 2, 1, 2], dtype=np.int32)
    balance = np.array([0, 1, 2, 1, 2], dtype=np.int32)
    assert meetings(agent, coordinator, balance).tolist() == [[0, 1], [0, 2]]


def test_coordinators_of_one_balance_meet():
    rows = np.array([5, 6], dtype=np.int32), np.array([0, 1], dtype=np.int32), np.array([0, 0], dtype=np.int32)
    assert meetings(*rows).tolist() == [[0, 1]]


@given(connected_graphs(most=10))
@settings(max_examples=20, deadline=None)
def test_no_two_channels_share_a_key(graph):
    key = Topology.from_graph(graph).channels.key
    assert len(np.unique(key)) == len(key)


def keys_by_name(t):
    return dict(zip(channel_names(t), t.channels.key.tolist(), strict=True))


def test_a_new_microgrid_changes_no_key():
    before, after = topology("A-B B-C"), topology("Z-A A-B Q-Z B-C Q-C")
    assert keys_by_name(before).items() <= keys_by_name(after).items()
    assert before.channels.key.tolist() != after.channels.key[: len(before.channels)].tolist()


def test_a_new_member_or_group_changes_no_key():
    before, after = topology("A-B", load=2), topology("A-B", boiler=3, load=5)
    assert keys_by_name(before).items() <= keys_by_name(after).items()


def test_the_first_of_a_group_keeps_its_key_when_a_second_joins():
    # Alone it is called A.load, in company A.load.0; that is the same agent.
    alone, two = topology("A-B", load=1), topology("A-B", load=2)
    assert (
        alone.channels.key[channel(alone, "A.load", "A.virtual", "A")]
        == two.channels.key[channel(two, "A.load.0", "A.virtual", "A")]
    )


def test_keys_do_not_depend_on_the_order_of_the_graph():
    one, two = town("A-B B-C", load=1), town("C B A", load=1)
    two.add_edges_from([("B", "A"), ("C", "B")])
    # A tie-line is named after the earlier of its ends, so only lanes that are about no line are compared.
    keys = [
        {name: key for name, key in keys_by_name(Topology.from_graph(g)).items() if "-" not in name[2]}
        for g in (one, two)
    ]
    assert keys[0] == keys[1]

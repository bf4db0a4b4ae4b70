"""Channels: which lanes a tie-line opens, how they are numbered, and what their keys depend on."""

import numpy as np
from hypothesis import given, settings

from gridparley.environment import Topology
from gridparley.environment.channels import Link

from .conftest import channel, channel_names, connected_graphs, topology, town


def test_a_member_has_one_channel_from_and_one_to_its_hub():
    t = topology("A-B", load=2)
    for member in range(t.hubs, t.size):
        down, up = t.channels.down[member], t.channels.up[member]
        assert (t.channels.sender[down], t.channels.receiver[down]) == (t.home[member], member)
        assert (t.channels.sender[up], t.channels.receiver[up]) == (member, t.home[member])
        assert (t.channels.link[down], t.channels.link[up]) == (Link.DOWN, Link.UP)
        assert t.channels.line[down] == t.channels.line[up] == -1


def test_hubs_have_no_hub_of_their_own():
    t = topology("A-B")
    assert t.channels.down[: t.hubs].tolist() == t.channels.up[: t.hubs].tolist() == [-1, -1]


def test_a_tie_line_opens_eight_lanes():
    t = topology("A-B", load=1)
    about = {(s, r) for s, r, line in channel_names(t) if line == "A-B"}
    keeper, other, near, far = "A.virtual", "B.virtual", "A.operator", "B.operator"
    own = {(keeper, near), (near, keeper), (other, far), (far, other)}
    assert about == own | {(keeper, far), (far, keeper), (keeper, other), (other, keeper)}
    assert len(t.channels) == 8 + 2 * 4


def test_each_table_of_a_line_points_at_its_lanes():
    t = topology("A-B B-C A-C")
    for number, name in enumerate(t.line_names):
        a, b = name.split("-")
        c = t.channels
        hubs, terminals = (f"{a}.virtual", f"{b}.virtual"), (f"{a}.operator", f"{b}.operator")
        for end in (0, 1):
            assert c.line_down[number, end] == channel(t, hubs[end], terminals[end], name)
            assert c.line_up[number, end] == channel(t, terminals[end], hubs[end], name)
            assert c.peer[number, end] == channel(t, hubs[end], hubs[1 - end], name)
        assert c.far_down[number] == channel(t, hubs[0], terminals[1], name)
        assert c.far_up[number] == channel(t, terminals[1], hubs[0], name)


def test_links_say_what_a_channel_joins():
    t = topology("A-B")
    c = t.channels
    assert (c.link[c.line_down] == Link.LINE_DOWN).all()
    assert (c.link[c.far_down] == Link.LINE_DOWN).all()
    assert (c.link[c.line_up] == Link.LINE_UP).all()
    assert (c.link[c.far_up] == Link.LINE_UP).all()
    assert (c.link[c.peer] == Link.PEER).all()


@given(connected_graphs(most=10))
@settings(max_examples=40, deadline=None)
def test_channels_are_numbered_by_receiver_then_sender_then_line(graph):
    t = Topology.from_graph(graph)
    c = t.channels
    rows = list(zip(c.receiver.tolist(), c.sender.tolist(), c.line.tolist(), strict=True))
    assert rows == sorted(rows)
    assert len(set(rows)) == len(rows) == 2 * (t.size - t.hubs) + 8 * len(t.lines)


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
        alone.channels.key[alone.channels.up[alone.address("A.load")]]
        == (two.channels.key[two.channels.up[two.address("A.load.0")]])
    )


def test_keys_do_not_depend_on_the_order_of_the_graph():
    one, two = town("A-B B-C", load=1), town("C B A", load=1)
    two.add_edges_from([("B", "A"), ("C", "B")])
    # A tie-line is named after its keeper, the earlier of its hubs, so only lanes that are about no line are compared.
    keys = [
        {name: key for name, key in keys_by_name(Topology.from_graph(g)).items() if not name[2]} for g in (one, two)
    ]
    assert keys[0] == keys[1]

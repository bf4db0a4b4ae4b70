"""Schedules: a fixed order of stages, and draws that nothing elsewhere can move."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridparley.environment import FaultError, Topology
from gridparley.environment.faults import Delay, Duplicate, FaultSchedule, Loss, fault_types

from .conftest import BID, ECHO, KINDS, NEWS, channel_names, connected_graphs, fates, send_through, topology

FAULTS = (Duplicate(probability=0.4, copies=2, delay="0..4"), Loss(probability=0.4), Delay(ticks="0..6"))


def by_name(faults, where, tick=3, kind=NEWS):
    return fates(send_through(faults, where, tick, kind=kind), where)


def unchanged(before, after):
    """Every channel that was there before has the same messages, due in the same ticks."""
    return all(after[name] == ticks for name, ticks in before.items())


def test_whatever_their_place_in_a_list_copies_come_before_loss_before_delay():
    for faults in (FAULTS, FAULTS[::-1]):
        schedule = FaultSchedule(faults, topology("A-B"), KINDS, 0)
        assert [fault.kind for fault in schedule.at_send] == ["duplicate", "loss", "delay"]
        assert schedule.at_delivery == []


@given(st.permutations(FAULTS))
@settings(max_examples=6, deadline=None)
def test_the_order_of_the_list_moves_no_draw(order):
    town = topology("A-B B-C", load=3)
    assert by_name(order, town) == by_name(FAULTS, town)


@pytest.mark.parametrize("lines", ["A-B B-C D-A", "Z-A A-B B-C", "A-B B-C C-A"])
def test_another_microgrid_or_line_moves_no_draw(lines):
    before, after = topology("A-B B-C", load=3), topology(lines, load=3)
    assert len(after.channels) > len(before.channels)
    assert unchanged(by_name(FAULTS, before), by_name(FAULTS, after))


def test_another_member_moves_no_draw():
    before, after = topology("A-B B-C", load=3), topology("A-B B-C", boiler=4, load=9)
    assert unchanged(by_name(FAULTS, before), by_name(FAULTS, after))


@given(connected_graphs(most=8))
@settings(max_examples=20, deadline=None)
def test_leaving_a_microgrid_out_moves_no_draw(graph):
    before = Topology.from_graph(graph)
    graph.add_node("new", members={"operator": 1, "load": 5})
    graph.add_edge("new", 0)
    assert unchanged(by_name(FAULTS, before), by_name(FAULTS, Topology.from_graph(graph)))


def test_a_fault_that_touches_nobody_here_moves_no_draw():
    town = topology("A-B B-C", load=3)
    more = [*FAULTS, Loss(probability=1, name="other", message="echo"), Delay(ticks=9, name="then", start=50)]
    assert by_name(more, town) == by_name(FAULTS, town)


def test_a_second_loss_only_adds_losses():
    town = topology("A-B B-C", load=30)
    one = send_through([Loss(probability=0.3)], town).channel
    two = send_through([Loss(probability=0.3), Loss(probability=0.3, name="other")], town).channel
    alone = send_through([Loss(probability=0.3, name="other")], town).channel
    assert two.tolist() == sorted(set(one.tolist()) & set(alone.tolist()))
    assert one.tolist() != alone.tolist()


def test_a_narrower_scope_under_the_same_name_moves_no_draw():
    town = topology("A-B B-C", load=10)
    wide = by_name([Loss(probability=0.5, name="storm")], town)
    narrow = by_name([Loss(probability=0.5, name="storm", agent="A.load")], town)
    for name, ticks in narrow.items():
        touched = any("A.load" in end for end in name[:2])
        assert ticks == (wide[name] if touched else [4])


def test_what_else_is_said_moves_no_draw():
    # The same channel in a batch of its own, and among all others.
    town = topology("A-B B-C", load=3)
    schedule = FaultSchedule([Delay(ticks="0..1000")], town, KINDS, 1)
    (fault,) = schedule.at_send
    whole = send_through([Delay(ticks="0..1000")], town)
    for number in range(len(town.channels)):
        alone = schedule.apply(fault, replace(whole.take(np.array([number])), due=None), 0)
        assert alone.due_ticks.tolist() == whole.due_ticks[[number]].tolist()


@pytest.mark.parametrize("fault", [Loss(probability=0.5), Duplicate(probability=0.5), Delay(ticks="0..9")])
def test_kinds_and_ticks_have_draws_of_their_own(fault):
    town = topology("A-B B-C", load=30)
    seen = [by_name([fault], town, tick, kind) for tick, kind in ((3, NEWS), (3, ECHO), (3, BID), (4, NEWS))]
    shifted = [{n: [due - 3 - (k == 3) for due in ticks] for n, ticks in f.items()} for k, f in enumerate(seen)]
    assert all(shifted[a] != shifted[b] for a in range(4) for b in range(a))


def test_both_ways_of_a_channel_and_all_lanes_between_two_agents_have_draws_of_their_own():
    town = topology("A-B B-C")
    due = dict(zip(channel_names(town), send_through([Delay(ticks="0..100000")], town).due_ticks, strict=True))
    assert len(set(due.values())) == len(due)


def test_two_faults_with_one_name_are_refused():
    two = [Loss(probability=0.1), Loss(probability=0.2)]
    with pytest.raises(FaultError, match="two faults are called 'loss' and would share their luck: give one a name"):
        FaultSchedule(two, topology("A-B"), KINDS, 0)


def test_a_fault_is_named_after_its_kind_and_scope():
    scope = {"agent": "*.operator", "message": "bid", "from": 2, "to": 9}
    assert Loss(probability=0.1, **scope).name == "loss agent=*.operator message=bid from=2 to=9"
    assert Loss(probability=0.1, start=2).name == Loss(probability=0.1, **{"from": 2}).name == "loss from=2"
    assert Loss(probability=0.1).name == Loss(probability=0.9, start=0, end=None).name == "loss"
    assert Loss(probability=0.1, name="storm", agent="A.load").name == "storm"


def test_faults_of_one_kind_with_different_scopes_need_no_name():
    faults = [Loss(probability=0.1, agent="A.operator"), Loss(probability=0.1, agent="B.operator")]
    assert len(FaultSchedule(faults, topology("A-B"), KINDS, 0).at_send) == 2


def test_faults_are_known_by_kind():
    known = fault_types()
    assert (known["loss"], known["delay"], known["duplicate"]) == (Loss, Delay, Duplicate)


def test_a_fault_cannot_be_changed_after_it_was_made():
    fault = Loss(probability=0.1)
    with pytest.raises(ValueError, match="frozen"):
        fault.probability = 0.5

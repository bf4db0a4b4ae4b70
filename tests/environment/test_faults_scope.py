"""Scopes: agent, channel, message kind and window, each exact and all of them together."""

import pytest
from pydantic import ValidationError

from gridparley.environment import FaultError
from gridparley.environment.faults import FaultSchedule, Loss

from .conftest import BID, ECHO, KINDS, NEWS, PRICE, channel_names, envelopes, send_through, topology

TOWN = topology("A-B B-C", load=2)


def lost(tick=0, kind=NEWS, **scope):
    """Return the (sender, receiver, line) of every channel on which a message of this kind is lost."""
    left = set(send_through([Loss(probability=1, **scope)], TOWN, tick, kind=kind).channel.tolist())
    return {name for number, name in enumerate(channel_names(TOWN)) if number not in left}


EVERY = set(channel_names(TOWN))


def test_without_a_scope_everything_is_touched():
    assert lost() == EVERY


@pytest.mark.parametrize("agent", ["B.operator", "A.load.1", "B.virtual"])
def test_an_agent_is_touched_in_what_it_says_and_in_what_it_hears(agent):
    assert lost(agent=agent) == {name for name in EVERY if agent in name[:2]}


def test_an_agent_pattern_covers_everyone_who_fits():
    assert lost(agent="*.operator") == {n for n in EVERY if n[0].endswith("operator") or n[1].endswith("operator")}
    assert lost(agent="A.load") == {n for n in EVERY if n[0].startswith("A.load") or n[1].startswith("A.load")}


def test_a_channel_is_touched_one_way():
    assert lost(channel="A.virtual->B.virtual") == {("A.virtual", "B.virtual", "")}
    assert lost(channel="A.virtual -> B.virtual") == {("A.virtual", "B.virtual", "")}


def test_a_channel_is_touched_both_ways_on_request():
    both = {("A.virtual", "B.virtual", ""), ("B.virtual", "A.virtual", "")}
    assert lost(channel="A.virtual<->B.virtual") == both
    assert lost(channel="B.virtual<->A.virtual") == both


def test_a_channel_names_every_lane_between_its_ends():
    assert lost(channel="B.virtual->B.operator") == {
        ("B.virtual", "B.operator", "B"),
        ("B.virtual", "B.operator", "B-C"),
    }
    assert lost(channel="A.virtual->B.operator") == {("A.virtual", "B.operator", "A-B")}


def test_a_channel_may_be_a_pattern():
    assert lost(channel="*.virtual->*.virtual") == {n for n in EVERY if n[0][2:] == n[1][2:] == "virtual"}


def test_agent_and_channel_together_mean_both():
    assert lost(agent="A.virtual", channel="*.virtual->*.virtual") == {
        ("A.virtual", "B.virtual", ""),
        ("B.virtual", "A.virtual", ""),
    }


def test_a_message_kind_is_touched_alone():
    assert lost(message="news", kind=NEWS) == EVERY
    assert lost(message="news", kind=ECHO) == set()


@pytest.mark.parametrize("window", [{"from": 3, "to": 5}, {"start": 3, "end": 5}, {"from": 3, "end": 5}])
def test_a_window_holds_from_its_first_tick_until_before_its_last(window):
    assert [bool(lost(tick, **window)) for tick in range(7)] == [False, False, False, True, True, False, False]


def test_a_window_may_have_no_end_or_no_beginning():
    assert [bool(lost(tick, start=2)) for tick in (0, 1, 2, 1000)] == [False, False, True, True]
    assert [bool(lost(tick, end=2)) for tick in (0, 1, 2, 1000)] == [True, True, False, False]


@pytest.mark.parametrize("window", [(3, 3), (5, 3), (0, 0), (0, -1)])
def test_an_empty_window_is_refused(window):
    with pytest.raises(ValidationError, match=f"from={window[0]} to={window[1]} is empty: 'to' must be later"):
        Loss(probability=0.5, start=window[0], end=window[1])


def test_a_window_does_not_begin_before_the_first_tick():
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        Loss(probability=0.5, start=-1)


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        ({"agent": "D.operator"}, r"fault 'loss agent=D\.operator': no agent is called 'D\.operator'"),
        ({"channel": "A.virtual->D.virtual"}, r"no agent is called 'D\.virtual'"),
        ({"channel": "A.virtual->C.virtual"}, r"there is no channel A\.virtual->C\.virtual"),
        ({"channel": "A.virtual-B.virtual"}, r"write A\.virtual->B\.virtual, or <-> for both ways"),
        ({"channel": "A.virtual"}, r"write A\.virtual->B\.virtual"),
        ({"message": "gossip"}, "no message is called 'gossip'; this protocol has price, bid, news, echo"),
        (
            {"agent": "C.load", "channel": "A.virtual->B.virtual"},
            r"no channel A\.virtual->B\.virtual is one of C\.load",
        ),
    ],
)
def test_a_scope_that_covers_nothing_is_refused_by_the_name_of_its_fault(scope, why):
    with pytest.raises(FaultError, match=why):
        FaultSchedule([Loss(probability=0.5, **scope)], TOWN, KINDS, 0)


@pytest.mark.parametrize("scope", [{"agents": "A.load"}, {"until": 3}, {"agent": 3}, {"message": ["bid"]}])
def test_a_scope_that_cannot_be_read_is_refused(scope):
    with pytest.raises(ValidationError, match=next(iter(scope))):
        Loss(probability=0.5, **scope)


def test_messages_outside_the_scope_pass_by_without_being_copied_or_moved():
    schedule = FaultSchedule([Loss(probability=1, agent="A.load", start=2)], TOWN, KINDS, 0)
    (fault,) = schedule.at_send
    early, elsewhere = envelopes(TOWN, 1), envelopes(TOWN, 2, [0, 1])
    assert schedule.apply(fault, early, 1) is early
    assert not set(elsewhere.channel.tolist()) & {n for n, c in enumerate(channel_names(TOWN)) if "load" in str(c)}
    assert schedule.apply(fault, elsewhere, 2) is elsewhere


@pytest.mark.parametrize("kind", [BID, PRICE])
def test_kinds_that_only_some_channels_carry_are_scoped_alike(kind):
    assert lost(agent="A.load.0", kind=kind) == {name for name in EVERY if "A.load.0" in name}

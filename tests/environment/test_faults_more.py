"""Bursts, held-back messages, cuts, crashes, garbled payloads and narrow channels, each by its own figures."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from gridparley.environment import FaultError
from gridparley.environment.faults import (
    BurstLoss,
    Corrupt,
    Crash,
    Delay,
    FaultSchedule,
    Partition,
    RateLimit,
    Reorder,
    Slow,
)

from .conftest import NEWS, envelopes, topology

TOWN = topology("A-B B-C A-C", load=150)
ALL = len(TOWN.channels)


def schedule(*faults, where=TOWN):
    return FaultSchedule(faults, where, [NEWS], 1)


def kept_over(fault, ticks):
    """(ticks, channels) bool: whose message, one a tick on each channel, is not lost."""
    made, kept = schedule(fault), np.zeros((ticks, ALL), dtype=bool)
    for tick in range(ticks):
        kept[tick, made.apply(fault, envelopes(TOWN, tick), tick).channel] = True
    return kept


def test_bursts_have_the_share_and_the_length_of_the_chain():
    fault = BurstLoss(worsen=0.05, recover=0.25)
    bad = ~kept_over(fault, 200)
    assert bad.mean() == pytest.approx(0.05 / 0.30, abs=0.01)
    ends = bad[:-1] & ~bad[1:]
    assert ends.sum() / bad[:-1].sum() == pytest.approx(0.25, abs=0.01)
    starts = ~bad[:-1] & bad[1:]
    assert starts.sum() / (~bad[:-1]).sum() == pytest.approx(0.05, abs=0.005)


def test_the_weather_does_not_depend_on_what_is_sent():
    fault = BurstLoss(worsen=0.1, recover=0.3)
    always = kept_over(fault, 60)
    made = schedule(fault)
    for tick in (7, 8, 30, 59):
        batch = made.apply(fault, envelopes(TOWN, tick, range(0, ALL, 3)), tick)
        assert np.array_equal(
            batch.channel, np.flatnonzero(always[tick])[np.isin(np.flatnonzero(always[tick]), range(0, ALL, 3))]
        )


def test_reorder_holds_back_the_share_it_says_by_no_more_than_its_window():
    fault = Reorder(probability=0.3, window=4)
    made = schedule(fault)
    due = np.concatenate([made.apply(fault, envelopes(TOWN, tick), tick).due_ticks - tick for tick in range(20)])
    assert set(due.tolist()) == {1, 2, 3, 4, 5}
    assert stats.binomtest(int((due > 1).sum()), len(due), 0.3).pvalue > 1e-4


def test_a_mean_and_a_table_draw_what_they_say():
    for fault, wanted in ((Delay(mean=2.0), 2.0), (Delay(table=[(1, 1.0), (5, 3.0)]), 4.0)):
        made = schedule(fault)
        extra = np.concatenate([made.apply(fault, envelopes(TOWN, t), t).due_ticks - t - 1 for t in range(30)])
        assert extra.mean() == pytest.approx(wanted, rel=0.03)
        assert 0 <= extra.min() <= extra.max() <= fault.longest


@pytest.mark.parametrize(
    "given",
    [{}, {"ticks": 1, "mean": 2.0}, {"mean": 0.0}, {"table": []}, {"table": [(1, 0.0)]}, {"table": [(-1, 1.0)]}],
)
def test_a_delay_is_given_in_one_way_that_means_something(given):
    with pytest.raises(ValidationError):
        Delay(**given)


def test_a_partition_cuts_what_crosses_and_nothing_else():
    town = topology("A-B B-C A-C")
    c = town.channels
    home = np.array([town.home[c.sender], town.home[c.receiver]])
    both = Partition(groups=["A.*", "B.*|C.*"]).covers(town)
    assert np.array_equal(both, (home == 0).any(axis=0) & (home != 0).any(axis=0))
    one_way = Partition(groups=["A.*", "B.*"], one_way=True).covers(town)
    assert np.array_equal(one_way, (home[0] == 0) & (home[1] == 1))
    cut = Partition(channel="A.virtual<->B.virtual").covers(town)
    assert cut.sum() == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "wanted groups"),
        ({"groups": ["A.*", "*.operator"]}, "A.operator is in two of the groups"),
        ({"groups": ["A.*", "Z.*"]}, "no agent is called 'Z"),
    ],
)
def test_a_partition_that_parts_nobody_is_refused(given, says):
    with pytest.raises(FaultError, match=says):
        schedule(Partition(**given))


def test_one_group_is_refused():
    with pytest.raises(ValidationError, match="is apart from no other"):
        Partition(groups="A.*")


def test_a_crash_stops_what_arrives_for_the_dead_and_puts_them_to_sleep():
    fault = Crash(agent="B.operator", start=3, end=6, memory="lost")
    made, b = schedule(fault), TOWN.address("B.operator")
    assert made.asleep(2) is None
    assert made.asleep(6) is None
    assert np.flatnonzero(made.asleep(4)).tolist() == [b]
    assert [t for t in range(10) if made.forgetting(t) is not None] == [6]
    left = made.apply(fault, envelopes(TOWN, 3), 4)
    assert b not in TOWN.channels.receiver[left.channel]
    assert len(left) == (TOWN.channels.receiver != b).sum()
    assert len(made.apply(fault, envelopes(TOWN, 5), 6)) == ALL


def test_a_slow_agent_acts_in_every_third_tick_of_the_window():
    made = schedule(Slow(agent="A.load", every=3, start=2, end=12))
    awake = [t for t in range(14) if made.asleep(t) is None]
    assert awake == [0, 1, 2, 5, 8, 11, 12, 13]


def test_who_is_slow_rests_unless_it_is_down():
    made = schedule(Slow(agent="A.load", every=4, start=2), Crash(agent="A.*", start=4, end=6))
    load = TOWN.address("A.load.0")
    assert [t for t in range(8) if made.resting(t) is not None and made.resting(t)[load]] == [3, 7]
    assert made.asleep(4)[load]
    assert schedule(Crash(agent="A.load")).resting(0) is None


@pytest.mark.parametrize(
    ("mode", "changed"), [("nan", np.isnan), ("scale", lambda v: v > 1e6), ("sign", lambda v: v < 0)]
)
def test_what_is_garbled_is_the_share_it_says(mode, changed):
    fault = Corrupt(probability=0.25, mode=mode, factor=1e9)
    made = schedule(fault)
    said = envelopes(TOWN, 5)
    batch, after = said.piece(0), made.apply(fault, said, 6).piece(0)
    # `news` carries a plain number, which only NaN garbles.
    hit = changed(after.values[1:, 0])
    if mode == "nan":
        assert stats.binomtest(int(hit.sum()), ALL - 1, 0.25).pvalue > 1e-4
        assert np.array_equal(after.sound()[1:], ~hit)
    else:
        assert np.array_equal(after.values, batch.values)


def test_a_replayed_payload_is_an_earlier_one_of_the_same_channel():
    fault = Corrupt(probability=1.0, mode="replay")
    made = schedule(fault)
    first, second = envelopes(TOWN, 1), envelopes(TOWN, 2).rewrite(lambda batch, at: batch.values + 1000.0)
    said = first.piece(0).values
    assert np.array_equal(made.apply(fault, first, 2).piece(0).values, said)
    assert np.array_equal(made.apply(fault, second, 3).piece(0).values, said)


def test_a_narrow_channel_queues_and_then_loses():
    fault = RateLimit(rate=0.5, queue=2)
    made = schedule(fault)
    due, kept = [], []
    for tick in range(12):
        batch = made.apply(fault, envelopes(TOWN, tick, [4]), tick)
        kept.append(len(batch))
        due += batch.due_ticks.tolist()
    assert due == sorted(due)
    gaps = np.diff(due)
    assert (gaps >= 1).all()
    assert (due[-1] - due[2]) / (len(due) - 3) == pytest.approx(2.0, abs=0.35)  # one in two ticks
    assert 0 in kept


def test_a_wide_channel_lets_everything_pass_in_time():
    fault = RateLimit(rate=1.0)
    made = schedule(fault)
    for tick in range(5):
        batch = made.apply(fault, envelopes(TOWN, tick), tick)
        assert (batch.due_ticks == tick + 1).all()
        assert len(batch) == ALL

"""Duplicate: copies, and that each of them has a fate of its own."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from gridparley.environment.faults import Delay, Duplicate, Loss

from .conftest import fates, send_through, topology

TOWN = topology("A-B B-C A-C", load=150)
ALL = len(TOWN.channels)


def per_channel(*faults, tick=0):
    return np.bincount(send_through(faults, TOWN, tick).channel, minlength=ALL)


@pytest.mark.parametrize("copies", [1, 3, 100])
def test_probability_1_copies_every_message_and_0_none(copies):
    assert set(per_channel(Duplicate(probability=1, copies=copies)).tolist()) == {1 + copies}
    assert set(per_channel(Duplicate(probability=0, copies=copies)).tolist()) == {1}


def test_the_share_of_copied_messages_is_the_probability():
    copied = sum(int((per_channel(Duplicate(probability=0.2), tick=tick) == 2).sum()) for tick in range(20))
    assert stats.binomtest(copied, 20 * ALL, 0.2).pvalue > 1e-4


def test_a_message_gets_all_of_its_copies_or_none():
    assert set(per_channel(Duplicate(probability=0.5, copies=4)).tolist()) == {1, 5}


def test_a_copy_says_what_its_original_says():
    batch = send_through([Duplicate(probability=0.5, copies=2)], TOWN)
    assert batch.piece(0).values.ravel().tolist() == batch.channel.tolist()
    assert (np.diff(batch.channel) >= 0).all()


def test_a_copy_can_be_held_back_and_its_original_is_not():
    batch = send_through([Duplicate(probability=1, copies=2, delay="3..6")], TOWN)
    original = np.asarray(batch.copy) == 0
    assert set(batch.due_ticks[original].tolist()) == {1}
    assert set(batch.due_ticks[~original].tolist()) == {4, 5, 6, 7}


def test_copies_are_held_back_independently_of_each_other():
    arrivals = fates(send_through([Duplicate(probability=1, copies=2, delay="0..9")], TOWN), TOWN)
    together = sum(len(set(ticks)) < len(ticks) for ticks in arrivals.values())
    # One of the pairs (original, copy), (original, copy), (copy, copy) coincides: 1 - 0.9 x 0.9 x 0.9 at first guess,
    # exactly 1 - P(none of the two at 0, and both apart) = 1 - 0.9 * 0.8.
    assert stats.binomtest(together, ALL, 1 - 0.9 * 0.8).pvalue > 1e-4


def test_copies_meet_loss_one_by_one():
    left = np.concatenate(
        [per_channel(Duplicate(probability=1, copies=2), Loss(probability=0.5), tick=t) for t in range(5)]
    )
    # Three independent chances each: 1/8, 3/8, 3/8, 1/8 keep 0, 1, 2, 3 of them. A shared fate would give only 0 and 3.
    assert stats.chisquare(np.bincount(left, minlength=4), 5 * ALL * np.array([1, 3, 3, 1]) / 8).pvalue > 1e-4


def test_copies_meet_delay_one_by_one():
    arrivals = fates(send_through([Duplicate(probability=1), Delay(ticks="0..3")], TOWN), TOWN)
    together = sum(one == two for one, two in arrivals.values())
    assert stats.binomtest(together, ALL, 0.25).pvalue > 1e-4


def test_the_original_has_the_luck_that_it_has_without_copies():
    alone = send_through([Loss(probability=0.5)], TOWN)
    copied = send_through([Duplicate(probability=1, copies=3), Loss(probability=0.5)], TOWN)
    assert copied.channel[np.asarray(copied.copy) == 0].tolist() == alone.channel.tolist()


def test_a_copy_is_not_copied_again():
    twice = per_channel(Duplicate(probability=1, name="one"), Duplicate(probability=1, copies=2, name="two"))
    assert set(twice.tolist()) == {4}


def test_two_such_faults_make_different_copies():
    batch = send_through([Duplicate(probability=1, name="one"), Duplicate(probability=1, name="two")], TOWN)
    assert len(np.unique(np.asarray(batch.copy))) == 3


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"probability": -1}, "probability"),
        ({"probability": float("nan")}, "probability"),
        ({"probability": 1.01}, "probability"),
        ({"probability": 0.1, "copies": 0}, "copies"),
        ({"probability": 0.1, "copies": 101}, "copies"),
        ({"probability": 0.1, "copies": 1.5}, "copies"),
        ({"probability": 0.1, "delay": -1}, "delay"),
        ({"probability": 0.1, "delays": 1}, "delays"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(wrong, field):
    with pytest.raises(ValidationError, match=field):
        Duplicate(**wrong)

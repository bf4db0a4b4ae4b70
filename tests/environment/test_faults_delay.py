"""Delay: constant or uniform on a range, on top of the tick that every message takes."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from gridparley.environment.faults import Delay

from .conftest import send_through, topology

TOWN = topology("A-B B-C A-C", load=150)


def dues(ticks, tick=0, seed=1):
    return send_through([Delay(ticks=ticks)], TOWN, tick, seed).due_ticks


@pytest.mark.parametrize("ticks", [0, 1, 7])
def test_a_constant_delay_comes_on_top_of_one_tick(ticks):
    assert set(dues(ticks, tick=4).tolist()) == {5 + ticks}


@pytest.mark.parametrize(("ticks", "low", "high"), [("0..5", 0, 5), ([2, 4], 2, 4), ("3..3", 3, 3), ("0..1", 0, 1)])
def test_a_range_is_met_exactly_at_both_ends(ticks, low, high):
    seen = np.concatenate([dues(ticks, tick=tick) - tick - 1 for tick in range(5)])
    assert set(seen.tolist()) == set(range(low, high + 1))


def test_all_delays_in_a_range_are_equally_likely():
    seen = np.concatenate([dues("2..6", tick=tick) - tick - 3 for tick in range(20)])
    assert stats.chisquare(np.bincount(seen, minlength=5)).pvalue > 1e-4


def test_a_delay_loses_nothing():
    assert len(dues("0..50")) == len(TOWN.channels)


def test_two_delays_add_up():
    faults = [Delay(ticks=3, name="road"), Delay(ticks="1..2", name="gate")]
    assert set(send_through(faults, TOWN).due_ticks.tolist()) == {5, 6}


def test_the_longest_range_stays_within_whole_ticks():
    assert dues("0..100000").max() <= 100_001


@pytest.mark.parametrize("ticks", [3, "3", " 3 ", "3..3", "3 .. 3", [3, 3], (3, 3)])
def test_a_delay_is_read_from_a_number_a_text_or_a_pair(ticks):
    assert Delay(ticks=ticks).ticks == (3, 3)


@pytest.mark.parametrize("ticks", [3, "0..5"])
def test_a_delay_is_written_as_it_is_read(ticks):
    fault = Delay(ticks=ticks)
    assert fault.model_dump()["ticks"] == str(ticks)
    assert Delay(**fault.model_dump()) == fault


@pytest.mark.parametrize(
    ("ticks", "why"),
    [
        (-1, "neither a whole number such as 3 nor a range such as 0..5"),
        ("-2..3", "neither"),
        (1.5, "neither"),
        (float("nan"), "neither"),
        (float("inf"), "neither"),
        (True, "neither"),
        (None, "nothing given: wanted one of ticks, mean and table"),
        ([1, 2, 3], "neither"),
        ("5..2", "runs backwards: write 2..5"),
        ("0..100001", "beyond 100000"),
    ],
)
def test_what_is_no_delay_is_refused(ticks, why):
    with pytest.raises(ValidationError, match=why):
        Delay(ticks=ticks)

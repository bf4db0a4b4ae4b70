"""Water filling, against a root finder that knows nothing of breakpoints."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from gridparley.agents.water_fill import offers, water_fill

from .conftest import assert_same_bits, columns, numbers


def fill(price, curvature, low, high, total):
    """One row, from plain lists."""
    parts = (np.array([part], dtype=float) for part in (price, curvature, low, high))
    return water_fill(*parts, np.array([total], dtype=float)).item()


def amount(level, price, curvature, low, high):
    return offers(price, curvature, low, high, np.array([level])).sum()


@st.composite
def problems(draw, infinite=False):
    m, k = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    price = draw(columns(m, k, numbers(-4, 4)))
    curvature = draw(columns(m, k, numbers(0.125, 4, special=(1.0,))))
    low = draw(columns(m, k, numbers(-4, 0)))
    # An offer narrower than the rounding error of its price has no level at which it is taken in part.
    high = low + draw(columns(m, k, numbers(0, 4).filter(lambda width: width == 0 or width > 1e-6)))
    if infinite:
        low = np.where(draw(columns(m, k, st.sampled_from([0.0, 1.0]))) > 0, -np.inf, low)
        high = np.where(draw(columns(m, k, st.sampled_from([0.0, 1.0]))) > 0, np.inf, high)
    share = draw(columns(m, 1, numbers(0, 1)))[:, 0]
    least, most = np.maximum(low.sum(axis=1), -20), np.minimum(high.sum(axis=1), 20)
    return price, curvature, low, high, least + share * (most - least)


@given(problems() | problems(infinite=True))
@settings(max_examples=300, deadline=None)
def test_the_offers_add_up_to_what_is_wanted(problem):
    *curves, total = problem
    level = water_fill(*curves, total)
    assert np.isfinite(level).all() | (level == -np.inf).any()
    seen = offers(*curves, level).sum(axis=1)
    assert seen == pytest.approx(total, abs=1e-10)


@given(problems() | problems(infinite=True))
@settings(max_examples=200, deadline=None)
def test_the_level_is_the_root_finder_s(problem):
    *curves, total = problem
    for row, level in enumerate(water_fill(*curves, total).tolist()):
        one = [curve[row : row + 1] for curve in curves]
        wanted = total[row]
        if not amount(-400.0, *one) > wanted > amount(400.0, *one):
            continue  # reached only at the ends, where many levels will do
        root = brentq(lambda at, one=one, wanted=wanted: amount(at, *one) - wanted, -400.0, 400.0, xtol=1e-13)
        # Where the sum stays the same over a stretch, to a rounding error, any level of it is a root.
        assert level == pytest.approx(root, abs=1e-9) or amount(level, *one) == pytest.approx(wanted, abs=1e-11)


@given(problems())
@settings(max_examples=100, deadline=None)
def test_no_row_changes_another_to_the_last_bit(problem):
    whole = water_fill(*problem)
    alone = [water_fill(*(part[row : row + 1] for part in problem)) for row in range(len(whole))]
    assert_same_bits(np.concatenate(alone), whole)


def test_a_sum_that_is_flat_over_a_stretch_gives_its_highest_level():
    # Offer one falls from 1 to 0 as the level rises from 4 to 5, offer two as it rises from 0 to 1: flat between.
    assert fill([5, 1], [1, 1], [0, 0], [1, 1], 1.0) == 4.0


def test_equal_offers_share_equally():
    level = fill([3, 3, 3], [1, 1, 1], [0, 0, 0], [9, 9, 9], 6.0)
    assert level == 1.0
    three = np.full((1, 3), 3.0)
    assert offers(three, three / 3, 0 * three, 3 * three, np.array([level])).tolist() == [[2, 2, 2]]


def test_a_total_at_a_breakpoint_is_met_exactly():
    assert fill([3, 1], [1, 1], [0, 0], [2, 5], 2.0) == 1.0


def test_more_than_all_offers_together_gives_minus_infinity():
    assert fill([3, 1], [1, 1], [0, 0], [2, 5], 7.5) == -np.inf


def test_exactly_all_offers_together_gives_the_highest_level_at_which_all_are_taken():
    assert fill([3, 1], [1, 1], [0, 0], [2, 5], 7.0) == -4.0


def test_less_than_the_least_gives_the_highest_breakpoint():
    assert fill([3, 1], [1, 1], [1, 0], [2, 5], 0.5) == 2.0
    assert fill([3, 1], [1, 1], [0, 0], [2, 5], 0.0) == 3.0


def test_an_offer_without_room_is_only_its_fixed_amount():
    assert fill([3, 9], [1, 1], [0, 2], [5, 2], 4.0) == 1.0


def test_infinite_limits():
    assert fill([3], [2], [-np.inf], [np.inf], 4.0) == -5.0
    assert fill([3, 1], [1, 1], [-np.inf, 0], [np.inf, 1], -7.0) == 10.0
    assert fill([3, 1], [1, 1], [-np.inf, -np.inf], [0, 0], -2.0) == 3.0


@pytest.mark.parametrize(("total", "level"), [(1.0, -np.inf), (0.0, np.inf), (-1.0, np.inf)])
def test_without_offers_there_is_nothing_to_be_had(total, level):
    empty = np.empty((2, 0))
    assert water_fill(empty, empty, empty, empty, np.full(2, total)).tolist() == [level, level]


def test_offers_are_clipped_to_their_limits_at_any_level():
    price, one = np.array([[3.0, 1.0]]), np.ones((1, 2))
    seen = [offers(price, one, 0 * one, one, np.array([level])).tolist() for level in (-np.inf, 0.5, 2.5, np.inf)]
    assert seen == [[[1, 1]], [[1, 0.5]], [[0.5, 0]], [[0, 0]]]

"""Water filling, against a root finder that knows nothing of breakpoints."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from gridparley.agents.solve.water_fill import LogOffer, offers, water_fill
from gridparley.agents.solve.water_fill import amount as all_of

from ..conftest import assert_same_bits, columns, numbers


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


@pytest.mark.slow
@given(problems() | problems(infinite=True))
@settings(max_examples=300, deadline=None)
def test_the_offers_add_up_to_what_is_wanted(problem):
    *curves, total = problem
    level = water_fill(*curves, total)
    assert np.isfinite(level).all() | (level == -np.inf).any()
    seen = offers(*curves, level).sum(axis=1)
    assert seen == pytest.approx(total, abs=1e-10)


@pytest.mark.slow
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


@st.composite
def bent(draw):
    """Linear offers, one of them without limits, and one that falls with a logarithm; totals of every size."""
    *curves, _ = draw(problems())
    m = len(curves[0])
    wide = [np.zeros((m, 1)), draw(columns(m, 1, numbers(0.125, 4))), np.full((m, 1), -np.inf), np.full((m, 1), np.inf)]
    curves = [np.concatenate(pair, axis=1) for pair in zip(curves, wide, strict=True)]
    at_zero, scale, most = (draw(columns(m, 1, numbers(low, 4)))[:, 0] for low in (0.01, 0.125, 0.0))
    log = LogOffer(at_zero, scale, most, draw(st.sampled_from([1.0, -1.0])))
    return curves, draw(columns(m, 1, numbers(-20, 20)))[:, 0], log


@pytest.mark.slow
@given(bent())
@settings(max_examples=300, deadline=None)
def test_with_a_logarithm_the_offers_add_up_too(problem):
    curves, total, log = problem
    level = water_fill(*curves, total, log)
    assert np.isfinite(level).all()
    assert all_of(*curves, level, log) == pytest.approx(total, abs=1e-11)


@pytest.mark.slow
@given(bent())
@settings(max_examples=100, deadline=None)
def test_with_a_logarithm_no_row_changes_another_to_the_last_bit(problem):
    curves, total, log = problem
    alone = []
    for row in range(len(total)):
        here = slice(row, row + 1)
        one = LogOffer(log.at_zero[here], log.scale[here], log.most[here], log.sign)
        alone.append(water_fill(*(curve[here] for curve in curves), total[here], one))
    assert_same_bits(np.concatenate(alone), water_fill(*curves, total, log))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_offer_that_falls_with_a_logarithm(sign):
    # -2 ln(level / 3), at most 4: all of it up to 3 exp(-2), nothing from 3 on.
    log = LogOffer(*(np.array([value]) for value in (3.0, 2.0, 4.0)), sign)
    levels = [-1.0, 0.0, 3 * np.exp(-2) / 2, 3 * np.exp(-1), 3.0, 9.0]
    seen = [log.at(np.array([sign * level])).item() for level in levels]
    assert seen == pytest.approx([sign * offer for offer in (4, 4, 4, 2, 0, 0)], abs=1e-15)
    assert sorted(np.abs(log.points[0])) == pytest.approx([3 * np.exp(-2), 3])
    assert log.points[0, 0] < log.points[0, 1]


def test_alone_an_offer_that_falls_with_a_logarithm_has_its_level_from_the_exponential():
    log = LogOffer(*(np.array([value]) for value in (3.0, 2.0, 4.0)))
    empty = np.empty((1, 0))
    assert water_fill(empty, empty, empty, empty, np.array([1.0]), log).item() == pytest.approx(
        3 * np.exp(-0.5), rel=1e-15
    )


def test_an_offer_so_large_that_its_level_vanishes_is_a_step_at_zero():
    log = LogOffer(*(np.array([value]) for value in (3.0, 1.0, 5000.0)))
    one = np.ones((1, 1))
    level = water_fill(0 * one, one, -9e9 * one, 9e9 * one, np.array([1000.0]), log)
    assert level.item() == pytest.approx(0.0, abs=1e-12)
    assert water_fill(0 * one, one, -9e9 * one, 9e9 * one, np.array([5001.0]), log).item() == -1.0

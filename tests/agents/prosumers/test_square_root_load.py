"""The load of note 000: square-root utility up to a cap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from gridparley.agents import AgentError, SquareRootLoad

from ..conftest import (
    ask,
    assert_best,
    assert_same_bits,
    col,
    columns,
    frozen,
    numbers,
    objective,
    one_by_one,
    questions,
)

A, B = {"beta": 10.0, "cap": 100.0}, {"beta": 1.0, "cap": 0.5}  # the loads of note 000; C is like B


@st.composite
def societies(draw, most=4):
    n, periods = draw(st.integers(1, most)), draw(st.integers(1, 3))
    beta = draw(columns(n, 1, numbers(0.1, 12, special=(1.0, 10.0))))
    cap = draw(columns(n, 1, numbers(0.05, 100, special=(0.5, 100.0))))
    return frozen(SquareRootLoad(names=[f"load {k}" for k in range(n)], beta=beta, cap=cap, periods=periods))


@st.composite
def asked(draw, most=4):
    society = draw(societies(most))
    return society, draw(questions(society.rows, society.periods))


def by_root(beta, cap, price, target, rho):
    """The best demand from the sign of the derivative alone, in s = sqrt(D)."""
    most = cap / beta

    def slope(s):
        return (price + rho * (s * s - target)) * s - beta / 2

    if slope(most) <= 0:
        return most * most
    # Convex in D, so the derivative in D has one root; times s it keeps its sign.
    return brentq(slope, 0.0, most, xtol=1e-300, rtol=1e-15, maxiter=2000) ** 2


def test_the_demands_of_note_000_come_out_at_its_prices():
    society = SquareRootLoad(names="ABC", beta=[10, 1, 1], cap=[100, 0.5, 0.5])
    demand = ask(society, col(3.0980, 1.2972, 1.2972))
    # The note prints [2.6049 0.1486 0.1486]; its prices have four digits, which leaves the fourth of A's demand open.
    assert demand.ravel() == pytest.approx([2.6049, 0.1486, 0.1486], abs=1e-4)


@pytest.mark.parametrize("price", [0.5, 1.0, 3.098, 40.0])
def test_below_saturation_demand_is_beta_over_twice_the_price_squared(price):
    assert ask(SquareRootLoad(**A), price)[0, 0] == pytest.approx((10 / (2 * price)) ** 2, rel=1e-15)


@pytest.mark.parametrize("price", [0.0, -0.0, -1e-300, -1.0, -1e300, -np.inf, 1e-300, 0.49999])
def test_a_price_of_zero_or_less_asks_for_saturation_and_no_more(price):
    # A saturates at (100 / 10)^2 = 100 kW, that is, at a price of 10 / (2 x 10) = 0.5 $/kWh.
    assert ask(SquareRootLoad(**A), price)[0, 0] == 100
    assert ask(SquareRootLoad(**B), min(price, 0.9))[0, 0] == 0.25


@pytest.mark.parametrize("price", [1e6, 1e200, np.inf])
def test_a_huge_price_leaves_next_to_nothing(price):
    x = ask(SquareRootLoad(**A), price)[0, 0]
    assert 0 <= x <= 25.1 / 1e12


def test_the_pull_alone_gives_a_cubic_that_can_be_checked_by_hand():
    # rho D^(3/2) + (price - rho target) D^(1/2) = beta / 2, with rho = 1, price = target = 2, beta = 16: D^(3/2) = 8.
    assert ask(SquareRootLoad(beta=16, cap=1000), 2.0, 2.0, 1.0)[0, 0] == pytest.approx(4, rel=1e-15)
    # With price = 3, target = 0, rho = 1/2, beta = 10: s^3/2 + 3 s = 5 has no round root, s = 2 does at beta = 20.
    assert ask(SquareRootLoad(beta=20, cap=1000), 3.0, 0.0, 0.5)[0, 0] == pytest.approx(4, rel=1e-15)


@pytest.mark.slow
@given(asked())
@settings(max_examples=150, deadline=None)
def test_the_answer_is_where_the_derivative_changes_sign(case):
    society, (price, target, rho) = case
    x = ask(society, price, target, rho)
    for (row, period), seen in np.ndenumerate(x):
        facts = float(np.ravel(society.beta)[row]), float(np.ravel(society.cap)[row])
        wanted = by_root(*facts, price[row, period], target[row, period], rho[row, 0])
        assert seen == pytest.approx(wanted, rel=1e-9, abs=1e-18)


def test_the_answer_is_the_reference_solver_s():
    rng = np.random.default_rng(5)
    n, periods = 12, 3
    society = SquareRootLoad(
        names=[str(k) for k in range(n)], beta=rng.uniform(1, 10, n), cap=rng.uniform(2, 20, n), periods=periods
    )
    price, target = rng.uniform(-1, 6, (n, periods)), rng.uniform(-3, 6, (n, periods))
    for rho in (np.zeros((n, 1)), np.full((n, 1), 0.7), np.where(np.arange(n) % 2, 1.5, 0.0)[:, None]):
        assert_best(society, price, target, rho)


@pytest.mark.slow
@given(asked())
@settings(max_examples=100, deadline=None)
def test_all_at_once_is_one_by_one_to_the_last_bit(case):
    society, (price, target, rho) = case
    x = ask(society, price, target, rho)
    assert_same_bits(one_by_one(society, "respond", price, target, rho), x)
    assert_same_bits(one_by_one(society, "cost", x), society.cost(x))
    assert_same_bits(one_by_one(society, "slope", price), society.slope(price))


@given(asked())
@settings(max_examples=100, deadline=None)
def test_no_neighbouring_answer_is_better(case):
    society, (price, target, rho) = case
    x = ask(society, price, target, rho)
    best = objective(society, x, price, target, rho)
    assert np.isfinite(best).all()
    for step in (1e-3, -1e-3, 0.1, -0.1):
        other = np.clip(x + step, 0, society.demand_max)
        assert (objective(society, other, price, target, rho) >= best - 1e-9 * (1 + np.abs(best))).all()


def test_a_stronger_pull_brings_the_answer_closer_to_its_target():
    apart = [abs(ask(SquareRootLoad(**A), 3.0, 7.0, rho)[0, 0] - 7) for rho in (0, 0.1, 1, 10, 1e3, 1e6)]
    assert apart == sorted(apart, reverse=True)
    assert apart[-1] < 1e-5


@pytest.mark.parametrize("rho", [1e-12, 1e-6, 1e6, 1e12])
def test_very_weak_and_very_strong_pulls_are_solved_too(rho):
    x = ask(SquareRootLoad(**A), 3.0, 7.0, rho)[0, 0]
    assert x == pytest.approx(by_root(10.0, 100.0, 3.0, 7.0, rho), rel=1e-9)


def test_cost_is_minus_utility_within_the_limits_and_infinite_outside():
    society = SquareRootLoad(**A)
    x = np.array([[-1e-6], [0.0], [4.0], [100.0], [100.001]])
    assert [society.cost(row[None]).item() for row in x] == [np.inf, 0, -20, -100, np.inf]


@pytest.mark.parametrize("price", [0.6, 1.0, 5.0, 30.0])
def test_slope_is_minus_the_derivative_of_the_answer(price):
    society, h = SquareRootLoad(**A), 1e-6 * price
    difference = -(ask(society, price + h) - ask(society, price - h)) / (2 * h)
    assert society.slope(np.array([[price]])).item() == pytest.approx(difference.item(), rel=1e-6)


@pytest.mark.parametrize("price", [-1.0, 0.0, 1e-310, 0.3, 0.4999])
def test_slope_is_zero_at_saturation(price):
    assert SquareRootLoad(**A).slope(np.array([[price]])).item() == 0


@pytest.mark.parametrize("facts", [{"beta": 0}, {"beta": -1}, {"cap": 0}, {"cap": np.inf}, {"beta": np.nan}])
def test_facts_without_sense_are_refused(facts):
    with pytest.raises(AgentError, match="wanted a number, more than 0, finite"):
        SquareRootLoad(**{**A, **facts})

"""The load with logarithmic utility of note 001."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from gridparley.agents import AgentError, LogLoad

from ..conftest import ask, assert_best, assert_same_bits, columns, frozen, numbers, objective, one_by_one, questions

LOAD = {"beta": 6.0, "sigma": 0.5, "demand": 10.0}


@st.composite
def societies(draw, most=4):
    n, periods = draw(st.integers(1, most)), draw(st.integers(1, 3))
    return frozen(
        LogLoad(
            names=[f"load {k}" for k in range(n)],
            beta=draw(columns(n, 1, numbers(0.1, 12, special=(1.0,)))),
            sigma=draw(columns(n, 1, numbers(0.05, 4, special=(1.0,)))),
            demand=draw(columns(n, periods, numbers(0, 40, special=(0.0,)))),
        )
    )


@st.composite
def asked(draw, most=4):
    society = draw(societies(most))
    return society, draw(questions(society.rows, society.periods))


def by_root(beta, sigma, demand, price, target, rho):
    """The best demand from the sign of the derivative alone."""

    def slope(x):
        return price + rho * (x - target) - beta * sigma / (1 + sigma * x)

    if slope(0.0) >= 0:
        return 0.0
    if slope(demand) <= 0:
        return demand
    return brentq(slope, 0.0, demand, xtol=1e-14, rtol=1e-14, maxiter=2000)


def test_between_its_limits_demand_is_beta_over_price_minus_one_over_sigma():
    # 6 / 1.5 - 1 / 0.5 = 2
    assert ask(LogLoad(**LOAD), 1.5)[0, 0] == 2


def test_a_quadratic_that_can_be_checked_by_hand():
    # rho (x - t) + price = beta sigma / (1 + sigma x): with x = 2, sigma = 1/2, beta = 6 the right side is 1.5.
    assert ask(LogLoad(**LOAD), 0.5, 1.0, 1.0)[0, 0] == pytest.approx(2, rel=1e-15)
    assert ask(LogLoad(**LOAD), 0.0, 1.0, 1.5)[0, 0] == pytest.approx(2, rel=1e-15)
    assert ask(LogLoad(**LOAD), 2.5, 4.0, 0.5)[0, 0] == pytest.approx(2, rel=1e-15)


@pytest.mark.parametrize("price", [0.0, -0.0, -1e-12, -3.0, -1e200, 1e-300, 0.49])
def test_a_low_price_asks_for_all_that_is_needed(price):
    assert ask(LogLoad(**LOAD), price)[0, 0] == 10


@pytest.mark.parametrize("price", [3.0, 3.1, 1e6, 1e200])
def test_from_the_utility_of_the_first_kilowatt_on_nothing_is_bought(price):
    # U'(0) = beta sigma = 3
    assert ask(LogLoad(**LOAD), price)[0, 0] == 0


@pytest.mark.parametrize(("price", "target", "rho"), [(0, 0, 0), (-5, 3, 0), (1, 100, 2), (1e6, -3, 0.1)])
def test_who_needs_nothing_takes_nothing(price, target, rho):
    assert ask(LogLoad(**{**LOAD, "demand": 0.0}), price, target, rho)[0, 0] == 0


@pytest.mark.slow
@given(asked())
@settings(max_examples=200, deadline=None)
def test_the_answer_is_where_the_derivative_changes_sign(case):
    society, (price, target, rho) = case
    x = ask(society, price, target, rho)
    beta, sigma = (np.ravel(fact) for fact in (society.beta, society.sigma))
    for (row, period), seen in np.ndenumerate(x):
        facts = beta[row], sigma[row], society.demand[row, period]
        wanted = by_root(*facts, price[row, period], target[row, period], rho[row, 0])
        assert seen == pytest.approx(wanted, rel=1e-8, abs=1e-9)


def test_the_answer_is_the_reference_solver_s():
    rng = np.random.default_rng(5)
    n, periods = 12, 3
    society = LogLoad(
        names=[str(k) for k in range(n)],
        beta=rng.uniform(1, 10, n),
        sigma=rng.uniform(0.1, 2, n),
        demand=rng.uniform(0, 8, (n, periods)),
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


def test_many_at_once_are_one_by_one_to_the_last_bit():
    # Long columns go through vector instructions, short ones through what is left over.
    rng = np.random.default_rng(6)
    n = 203
    society = LogLoad(
        names=[str(k) for k in range(n)], beta=rng.uniform(1, 9, n), sigma=1.3, demand=rng.uniform(0, 9, (n, 7))
    )
    question = rng.uniform(0, 6, (n, 7)), rng.uniform(-2, 9, (n, 7)), rng.choice([0.0, 0.3], (n, 1))
    x = ask(society, *question)
    assert_same_bits(one_by_one(society, "respond", *question), x)
    assert_same_bits(one_by_one(society, "cost", x), society.cost(x))


@pytest.mark.slow
@given(asked())
@settings(max_examples=100, deadline=None)
def test_no_neighbouring_answer_is_better(case):
    society, (price, target, rho) = case
    x = ask(society, price, target, rho)
    best = objective(society, x, price, target, rho)
    assert np.isfinite(best).all()
    for step in (1e-3, -1e-3, 0.1, -0.1):
        other = np.clip(x + step, 0, society.demand)
        assert (objective(society, other, price, target, rho) >= best - 1e-9 * (1 + np.abs(best))).all()


@pytest.mark.parametrize("rho", [1e-12, 1e-6, 1e6, 1e12])
def test_very_weak_and_very_strong_pulls_are_solved_too(rho):
    x = ask(LogLoad(**LOAD), 1.0, 7.0, rho)[0, 0]
    assert x == pytest.approx(by_root(6.0, 0.5, 10.0, 1.0, 7.0, rho), rel=1e-9)


def test_cost_is_minus_utility_within_the_limits_and_infinite_outside():
    society = LogLoad(**LOAD)
    cost = [society.cost(np.array([[x]])).item() for x in (-1e-6, 0.0, 4.0, 10.0, 10.001)]
    assert cost == pytest.approx([np.inf, 0, -6 * np.log(3), -6 * np.log(6), np.inf], rel=1e-15)


def test_each_period_has_its_own_limit():
    society = LogLoad(beta=6, sigma=0.5, demand=[0, 1, 20])
    assert ask(society, 0.5).tolist() == [[0, 1, 10]]
    assert np.isinf(society.cost(np.array([[0.5, 0.5, 0.5]]))).tolist() == [[True, False, False]]


@pytest.mark.parametrize("price", [0.51, 1.0, 2.9])
def test_slope_is_minus_the_derivative_of_the_answer(price):
    society, h = LogLoad(**LOAD), 1e-6
    difference = -(ask(society, price + h) - ask(society, price - h)) / (2 * h)
    assert society.slope(np.array([[price]])).item() == pytest.approx(difference.item(), rel=1e-6)


@pytest.mark.parametrize("price", [-1.0, 0.0, 1e-310, 0.4, 0.49, 3.01, 1e9, 1e200])
def test_slope_is_zero_at_either_limit(price):
    assert LogLoad(**LOAD).slope(np.array([[price]])).item() == 0


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"beta": 0}, "beta = 0; wanted a number, more than 0"),
        ({"sigma": -1}, "sigma = -1; wanted a number, more than 0"),
        ({"demand": -1}, "demand = -1; wanted a number, or one a period, at least 0"),
        ({"demand": [1, np.inf]}, r"demand = inf \(row 0, period 1\); wanted .* finite"),
    ],
)
def test_facts_without_sense_are_refused(facts, why):
    with pytest.raises(AgentError, match=why):
        LogLoad(**{**LOAD, **facts})

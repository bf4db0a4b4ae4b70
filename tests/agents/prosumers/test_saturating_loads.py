"""Resident, CBD and hospital of note 001, and the closed form that they and the EVs share."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridparley.agents import CBD, Hospital, LogLoad, Period, Resident
from gridparley.conformance import check_agent

from ..conftest import ask, assert_best

TYPES = [(Resident, 0.8), (CBD, 60.0), (Hospital, 55.0)]


def exact(beta, sigma, demand, price, target, rho):
    """The best demand with 60 digits: the larger root of the quadratic of the first-order condition, clipped."""
    with localcontext() as context:
        context.prec = 60
        beta, sigma, demand, price, target, rho = map(Decimal, (beta, sigma, demand, price, target, rho))
        slack = price - rho * target
        b, c = rho + sigma * slack, slack - beta * sigma
        if rho:
            x = ((b * b - 4 * rho * sigma * c).sqrt() - b) / (2 * rho * sigma)
        else:
            x = beta / price - 1 / sigma if price > 0 else demand
        return min(max(x, Decimal(0)), demand)


@given(
    st.floats(0.1, 60),
    st.floats(0.02, 4),
    st.floats(-2, 5),
    st.floats(-5, 80),
    st.sampled_from([0.0, 1e-9, 1e-4]) | st.floats(1e-3, 1e3),
)
@settings(max_examples=400, deadline=None)
def test_the_closed_form_is_right_to_the_last_digits(beta, sigma, price, target, rho):
    x = ask(LogLoad(beta=beta, sigma=sigma, demand=100.0), price, target, rho).item()
    # What one rounding of the terms of the first-order condition moves, and of the answer itself.
    bend = rho + sigma * beta * sigma / (1 + sigma * x) ** 2
    size = abs(price) + rho * (abs(target) + x) + beta * sigma / (1 + sigma * x)
    assert abs(Decimal(x) - exact(beta, sigma, 100.0, price, target, rho)) <= Decimal(8 * 2.0**-53 * (size / bend + x))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "need"), TYPES)
def test_each_type_keeps_the_contract(kind, need):
    assert len(check_agent(kind(demand=need))) == 14
    assert len(check_agent(kind(demand=[need, 0.0, need / 3]), trials=20)) == 14


@pytest.mark.parametrize(("kind", "need"), TYPES)
def test_each_type_answers_as_the_reference_solver_does(kind, need):
    rng = np.random.default_rng(4)
    society = kind(names=[str(k) for k in range(6)], demand=need * rng.uniform(0, 1, (6, 2)))
    price, target = rng.uniform(-0.1, 0.6, (6, 2)), need * rng.uniform(-0.5, 1.5, (6, 2))
    for rho in (0.0, 0.01, 1.0):
        assert_best(society, price, target, rho)


def test_the_defaults_make_a_hospital_hold_on_longest():
    # U'(need) in $/kWh: up to this price nothing is saved.
    loads = [(kind(demand=need), need) for kind, need in TYPES]
    last = [(load.beta * load.sigma / (1 + load.sigma * need)).item() for load, need in loads]
    assert last == pytest.approx([0.2045, 0.1882, 0.8], rel=1e-3)


def test_opening_a_period_takes_its_number_from_the_profile_and_settling_changes_nothing():
    homes = Resident(names="ab", demand=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    opened = homes.open(Period(1, 7.0))
    assert opened.demand.tolist() == [[2.0], [5.0]]
    assert opened.periods == 1
    assert ask(opened, -1.0).tolist() == [[2.0], [5.0]]
    opened.demand[:] = 9.0  # a period's agents are no window on the day
    assert homes.demand.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert homes.settle(Period(1, 7.0), np.ones((2, 1))) is homes

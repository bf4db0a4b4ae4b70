"""Incentive prices: the contract of a protocol, and a penalty that comes from wherever it starts to where it should be."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import load_scenario, run_scenario
from gridparley.conformance import check_protocol
from gridparley.protocols import Incentive
from gridparley.protocols.incentive import OnePenalty
from gridparley.protocols.machinery.exchange import RHO_MAX, RHO_MIN


@pytest.mark.slow
def test_keeps_the_contract_of_a_protocol():
    assert len(check_protocol(Incentive())) == 16


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.01, 10.0])
def test_finds_the_optimum_of_a_day_from_any_first_penalty(rho):
    result = run_scenario(load_scenario("dispatch-day", {"rho": rho, "eps_abs": 1e-6, "eps_rel": 1e-6}))
    assert (str(result.outcome), abs(result.gap) < 1e-8) == ("CONVERGED", True)
    assert result.simulation.state.round.min() < 300


def test_all_rows_of_a_balance_have_one_penalty_within_limits_that_rests_in_the_end():
    rng = np.random.default_rng(1)
    group = np.repeat([0, 1], [2, 5])
    exchange = OnePenalty(group, 2, 3, rho=RHO_MIN, adapting=40, relaxation=1.6)
    price, both = np.zeros((2, 3)), np.array([True, True])
    for scale in np.geomspace(1e-9, 1e9, 60):
        exchange.step(both, price, rng.normal(size=(7, 3)) * scale)
        assert (np.ptp(exchange.rho[:2]), np.ptp(exchange.rho[2:])) == (0.0, 0.0)
        assert RHO_MIN <= exchange.rho.min() <= exchange.rho.max() <= RHO_MAX
        assert np.abs(exchange._sum @ exchange.target).max() < 1e-9 * max(scale, 1.0)
    rested = exchange.rho.copy()
    for _ in range(10):
        exchange.step(both, price, rng.normal(size=(7, 3)))
    assert (exchange.rho == rested).all()


def test_a_balance_that_takes_no_step_keeps_its_penalty():
    rng = np.random.default_rng(2)
    exchange = OnePenalty(np.repeat([0, 1], 2), 2, 1, rho=0.5, adapting=100, relaxation=1.0)
    price = np.zeros((2, 1))
    for round_ in range(5):
        exchange.step(np.array([True, False]), price, 9.0 + 0.1 * rng.normal(size=(4, 1)))
        assert (exchange.rho[0] == 0.5) == (round_ < 4)  # it looks every five rounds
    assert exchange.rho[0] > 0.5  # far from a balance, with targets that hardly move: the price is too slow
    assert (exchange.rho[2:] == 0.5).all()
    assert (price[1], np.abs(exchange.target[2:]).max()) == (0.0, 0.0)

"""Incentive prices: the contract of a protocol, and a penalty that comes from wherever it starts to where it should be."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import load_scenario, run_scenario
from gridparley.conformance import check_protocol
from gridparley.protocols import Incentive
from gridparley.protocols.exchange_admm import RHO_MAX, RHO_MIN

from .ledgers import Stepping, pools


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
    exchange = Stepping(Incentive(rho=RHO_MIN, adapting=40, relaxation=1.6), pools(2, 5), periods=3)
    rho, target = exchange.columns["rho"], exchange.columns["target"]
    for scale in np.geomspace(1e-9, 1e9, 60):
        exchange.step(rng.normal(size=(7, 3)) * scale)
        assert (np.ptp(rho[:2]), np.ptp(rho[2:])) == (0.0, 0.0)
        assert RHO_MIN <= rho.min() <= rho.max() <= RHO_MAX
        assert np.abs(exchange.sum(target)).max() < 1e-9 * max(scale, 1.0)
    rested = rho.copy()
    for _ in range(10):
        exchange.step(rng.normal(size=(7, 3)))
    assert (rho == rested).all()


def test_a_balance_that_takes_no_step_keeps_its_penalty():
    rng = np.random.default_rng(2)
    exchange = Stepping(Incentive(rho=0.5, adapting=100, relaxation=1.0), pools(2, 2))
    price, rho, target = (exchange.columns[name] for name in ("price", "rho", "target"))
    for round_ in range(5):
        exchange.step(9.0 + 0.1 * rng.normal(size=(4, 1)), [True, False])
        assert (rho[0] == 0.5) == (round_ < 4)  # it looks every five rounds
    assert rho[0] > 0.5  # far from a balance, with targets that hardly move: the price is too slow
    assert (rho[2:] == 0.5).all()
    assert (price[1], np.abs(target[2:]).max()) == (0.0, 0.0)

"""Analytical target cascading: the penalty functions, penalties that find themselves, and faults."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley.conformance import check_protocol
from gridparley.protocols import ATC
from gridparley.protocols.machinery.coupling import Coupling
from gridparley.runs.simulation.simulation import Simulation

from .peers import best, four_peers, injections, settle, troubles


@pytest.mark.slow
def test_keeps_the_contract_of_a_protocol():
    assert len(check_protocol(ATC(), market=four_peers())) == 16


@pytest.mark.slow
@pytest.mark.parametrize("rho", [1e-5, 1e-3, 1e-1])
def test_finds_the_optimum_whatever_the_first_penalty(rho):
    market = four_peers()
    simulation, p, dlmp = settle(market, ATC(rho=rho))
    wanted, prices = best(market)
    assert np.abs(p - wanted).max() < 1e-5
    assert np.abs(dlmp - prices).max() < 1e-8
    assert simulation.state.round.min() < 400


@pytest.mark.slow
def test_penalties_that_grow_freeze_short_of_the_optimum():
    market = four_peers()
    wanted, _ = best(market)
    assert np.abs(settle(market, ATC(rho=0.001, adapting=0))[1] - wanted).max() < 1e-5
    grown = Simulation(market, ATC(rho=0.001, adapting=0, beta=1.05), cost_every=0)
    grown.run(2000)
    assert np.abs(injections(grown.state.x) - wanted).max() > 0.1


@pytest.mark.slow
def test_a_quadratic_penalty_alone_leaves_targets_and_responses_apart():
    apart = []
    for rho in (0.1, 1.0):
        simulation = Simulation(four_peers(), ATC(penalty="quadratic", rho=rho, adapting=0), cost_every=0)
        simulation.run(4000)
        apart.append(simulation.observer.latest["primal_residual"])
    assert apart[1] / apart[0] == pytest.approx(0.1, rel=0.01)


def test_a_linear_penalty_alone_runs_away_on_a_network_of_flat_cost():
    simulation = Simulation(four_peers(), ATC(penalty="linear", adapting=0), cost_every=0)
    simulation.run(2000)
    assert simulation.broken


def test_both_ends_of_a_pair_may_answer_anything_and_targets_are_the_other_s_copy():
    rng = np.random.default_rng(0)
    pairs = Coupling(np.repeat([0, 1, 2], 2), 3, 2, rho=0.1, adapting=3)
    price = np.zeros((3, 2))
    for _ in range(6):
        pairs.step(np.array([True, False, True]), price, rng.normal(size=(6, 2)))
    assert (pairs.target[[0, 1, 4, 5]] == -pairs._copy[[1, 0, 5, 4]]).all()
    assert (pairs.target[2:4] == 0).all()
    assert (pairs.rho[0::2] == pairs.rho[1::2]).all()


@pytest.mark.slow
def test_faults_cost_ticks_alone():
    market = four_peers()
    _, wanted, _ = settle(market, ATC())
    _, p, _ = settle(market, ATC(), ticks=20_000, faults=troubles("peer1.virtual"), seed=3)
    assert np.abs(p - wanted).max() < 1e-5

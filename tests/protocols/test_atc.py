"""Analytical target cascading: the penalty functions, penalties that find themselves, and faults."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley.conformance import check_protocol
from gridparley.protocols import ATC, ExchangeADMM
from gridparley.runs.simulation.simulation import Simulation

from .ledgers import Stepping, pools, star
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
    pairs = Stepping(ATC(rho=0.1, adapting=3), star(3), "trade", periods=2)
    target, rho, price = (pairs.columns[name] for name in ("target", "rho", "price"))
    copy, moving = np.zeros((6, 2)), pairs.group != 1
    for _ in range(6):
        x, before, penalty = rng.normal(size=(6, 2)), price.copy(), rho.copy()
        pairs.step(x, [True, False, True])
        copy[moving] += 0.49 * (x - copy)[moving]
        for balance in range(3):
            one, two = np.flatnonzero(pairs.group == balance)
            assert target[one] == pytest.approx(-copy[two], abs=1e-15)
            assert target[two] == pytest.approx(-copy[one], abs=1e-15)
            assert rho[one] == rho[two]
            step = 0.49 * penalty[one] * (copy[one] + copy[two])
            assert price[balance] == pytest.approx(before[balance] + step, abs=1e-15)
    assert (target[~moving] == 0).all()
    assert (rho[~moving] == 0.1).all()


def test_only_what_joins_two_agents_is_coupled_and_places_exchange():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(6, 2))
    pooled = [Stepping(protocol(rho=0.1), pools(2, 2, 2), periods=2) for protocol in (ATC, ExchangeADMM)]
    for stepping in pooled:
        stepping.step(x)
    assert np.array_equal(pooled[0].columns["target"], pooled[1].columns["target"])
    assert np.array_equal(pooled[0].columns["price"], pooled[1].columns["price"])


@pytest.mark.slow
def test_faults_cost_ticks_alone():
    market = four_peers()
    _, wanted, _ = settle(market, ATC())
    _, p, _ = settle(market, ATC(), ticks=20_000, faults=troubles("peer1.virtual"), seed=3)
    assert np.abs(p - wanted).max() < 1e-5

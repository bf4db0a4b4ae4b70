"""DLMP-ADMM: three readings of a shared multiplier, each against what defines it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gridparley.conformance import check_protocol
from gridparley.protocols import DlmpADMM, Population, ProtocolError

from .peers import LIMIT, Cable, best, four_peers, settle, troubles

WEIGHT = np.array([1.0, 1.7, 0.6, 1.2, 0.8])
"""Of the network, which counts itself as one, and of four peers."""


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["variational", "network_weighted"])
def test_keeps_the_contract_of_a_protocol(rule):
    assert len(check_protocol(DlmpADMM(rule=rule), market=four_peers(WEIGHT))) == 16


@pytest.mark.parametrize("rho", [1e-5, 1e-3, 1e-1])
def test_the_variational_equilibrium_is_the_optimum_whatever_the_first_penalty(rho):
    market = four_peers(WEIGHT)
    simulation, p, dlmp = settle(market, DlmpADMM(rho=rho))
    wanted, prices = best(market)
    assert np.abs(p - wanted).max() < 1e-5
    assert np.abs(dlmp - prices).max() < 1e-8
    assert p[:2].sum() == pytest.approx(LIMIT)
    assert simulation.state.round.min() < 300


def test_rosen_s_equilibrium_is_the_optimum_of_the_weighted_market():
    market, protocol = four_peers(WEIGHT), DlmpADMM(rule="rosen")
    _, p, dlmp = settle(market, protocol)
    wanted, prices = best(protocol.optimised(market))
    assert np.abs(p - wanted).max() < 1e-5
    assert np.abs(dlmp - prices).max() < 1e-8
    variational, _ = best(market)
    assert np.abs(p - variational).max() > 1.0


def test_the_network_weighted_equilibrium_solves_every_agent_s_own_problem():
    market, protocol = four_peers(WEIGHT), DlmpADMM(rule="network_weighted")
    simulation, p, dlmp = settle(market, protocol)
    assert protocol.optimised(market) is None
    assert p[:2].sum() == pytest.approx(LIMIT)
    # One limit, hence one multiplier, of which each peer behind it sees its own share.
    assert dlmp == pytest.approx([dlmp[0], dlmp[0], 0.0, 0.0], abs=1e-8)
    # At the prices that peers see none of them wants anything else.
    peers, x = market.populations[1].society, simulation.state.x[1]
    price = market.to_rows(simulation.state.price[market.topology.row_balance])[1]
    price[1::5, 0] *= WEIGHT[1:]
    assert np.abs(peers.respond(price, 0 * price, 0 * price) - x).max() < 1e-3
    variational, _ = best(market)
    assert np.abs(p - variational).max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["variational", "rosen", "network_weighted"])
def test_a_crashed_network_operator_and_its_keeper_come_back(rule):
    market = four_peers(WEIGHT)
    _, wanted, _ = settle(market, DlmpADMM(rule=rule))
    _, p, _ = settle(market, DlmpADMM(rule=rule), ticks=20_000, faults=troubles("network.virtual"), seed=3)
    assert np.abs(p - wanted).max() < 1e-5


def test_a_rule_with_weights_wants_a_network():
    class Wire(Cable):
        runs_network = False

    market = four_peers(WEIGHT)
    cable, peers = market.populations
    wire = Population(Wire(names=["network"], ports=[4], limit=LIMIT), cable.address)
    with pytest.raises(ProtocolError, match=r"rule = 'rosen' is about a network, and no agent of this market runs one"):
        DlmpADMM(rule="rosen").roles(replace(market, populations=(wire, peers)))
    DlmpADMM().roles(replace(market, populations=(wire, peers)))

"""Exchange ADMM: untuned from any start, on markets with many curvatures, whatever the messages do."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import load_scenario, run_scenario
from gridparley.conformance import check_protocol
from gridparley.protocols import DlmpADMM, ExchangeADMM
from gridparley.protocols.exchange_admm import RHO_MAX, RHO_MIN

from .ledgers import Stepping, pools, star


@pytest.mark.slow
def test_keeps_the_contract_of_a_protocol():
    assert len(check_protocol(ExchangeADMM())) == 16


@pytest.mark.parametrize("rho", [0.001, 0.1, 10.0])
@pytest.mark.parametrize("scenario", ["three-microgrids", "microgrids"])
def test_finds_the_optimum_from_any_penalty_in_few_rounds(scenario, rho):
    result = run_scenario(load_scenario(scenario, {"rho": rho}, protocol="exchange_admm"))
    assert (str(result.outcome), abs(result.gap) < 1e-9) == ("CONVERGED", True)
    assert result.simulation.state.round.min() < 120


def test_a_target_keeps_the_balance():
    """Whatever is answered, targets of one balance cancel: that is what makes its fixed point feasible."""
    rng = np.random.default_rng(0)
    exchange = Stepping(ExchangeADMM(rho=0.1, adapting=3), pools(2, 5, 9), periods=4)
    exchange.columns["price"][:] = rng.normal(size=(3, 4))
    for _ in range(6):
        exchange.step(rng.normal(size=(16, 4)), [True, False, True])
        assert np.abs(exchange.sum(exchange.columns["target"])).max() < 1e-12
    assert (exchange.columns["target"][exchange.group == 1] == 0).all()
    assert (exchange.columns["rho"][exchange.group == 1] == 0.1).all()


def test_penalties_stay_within_their_limits_and_rest_in_the_end():
    rng = np.random.default_rng(1)
    exchange = Stepping(ExchangeADMM(rho=RHO_MIN, adapting=400), pools(6))
    rho = exchange.columns["rho"]
    for scale in np.geomspace(1e-12, 1e12, 400):
        exchange.step(rng.normal(size=(6, 1)) * scale)
        assert (rho >= RHO_MIN).all()
        assert (rho <= RHO_MAX).all()
    rested = rho.copy()
    exchange.step(rng.normal(size=(6, 1)))
    assert (rho == rested).all()


def test_penalties_find_the_curvature_of_quadratic_costs():
    curvature = np.array([[0.01], [0.3], [5.0]])
    wanted = np.array([[4.0], [-1.0], [2.0]])
    exchange = Stepping(ExchangeADMM(rho=1.0, adapting=60), pools(3))
    price, target, rho = (exchange.columns[name] for name in ("price", "target", "rho"))
    for _ in range(60):
        x = (curvature * wanted + rho * target - price) / (curvature + rho)
        exchange.step(x)
    best = wanted - wanted.sum() / curvature / (1 / curvature).sum()
    assert np.abs(x - best).max() < 1e-9
    assert np.abs(np.log(rho / curvature)).max() < np.log(30)


@pytest.mark.slow
def test_faults_cost_ticks_and_no_bit():
    def run(*faults):
        result = run_scenario(load_scenario("three-microgrids", protocol="exchange_admm", faults=faults))
        return str(result.outcome), result.simulation.state.price.tobytes(), result.simulation.tick

    plain = run()
    faulty = run("loss=0.3", "delay=0..5", "duplicate=0.2")
    assert plain[:2] == faulty[:2]
    assert faulty[2] > plain[2]


@pytest.mark.parametrize("agent", ["A.virtual", "B.operator", "*.virtual", "C.load"])
def test_a_lost_memory_bends_the_path_and_not_the_end(agent):
    crash = f"crash,agent={agent},from=21,to=33,memory=lost"
    result = run_scenario(load_scenario("three-microgrids", protocol="exchange_admm", faults=[crash, "loss=0.2"]))
    assert (str(result.outcome), abs(result.gap) < 1e-8) == ("CONVERGED", True)


def test_lines_of_one_coordinator_bound_one_another_s_penalties():
    """What is pinned at both ends does not move however its price climbs: alone its penalty would run away."""
    rng = np.random.default_rng(2)
    highest = {}
    for protocol in (ExchangeADMM(rho=0.1, adapting=100), DlmpADMM(rho=0.1, adapting=100)):
        exchange, change = Stepping(protocol, star(4), "trade"), np.inf
        rho, pinned = exchange.columns["rho"], exchange.group == 0
        for _ in range(60):
            before, x = rho.copy(), np.empty((8, 1))
            x[np.argsort(exchange.group, kind="stable")] = [[1.0], [-0.9], *rng.normal(size=(6, 1))]
            exchange.step(x)
            change = np.abs(np.log(rho / before)).max()
        highest[type(protocol)] = rho[pinned].max() / rho[~pinned].max(), change
    assert highest[ExchangeADMM][0] > 1e4
    assert highest[DlmpADMM][0] < 1e2
    assert highest[DlmpADMM][1] < 0.5 < np.log(3.0) <= highest[ExchangeADMM][1] + 1e-12  # and they come to rest

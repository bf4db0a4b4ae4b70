"""What goes wrong when one acts on the newest heard, or keeps a price twice; and that the default does not."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import load_scenario, run_scenario

SEEDS = range(20)
FAULTS = {
    "loss": ["loss=0.3"],
    "delay": ["delay=0..5"],
    "copies": ["duplicate=0.2"],
    "all together": ["loss=0.3", "delay=0..5", "duplicate=0.2"],
}


@pytest.fixture(scope="module")
def quiet_run():
    simulation = load_scenario("three-microgrids").simulation()
    simulation.run(4000)
    return simulation


@pytest.mark.slow
@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_faults_cost_ticks_and_never_move_the_result_in_any_of_20_seeds(quiet_run, faults):
    scenario = load_scenario("three-microgrids", faults=faults)
    for seed in SEEDS:
        simulation = scenario.simulation(seed=seed)
        simulation.run(4000)
        assert simulation.finished, seed
        assert np.array_equal(simulation.state.price, quiet_run.state.price), seed
        assert (simulation.state.round == quiet_run.state.round).all(), seed
        if faults != ["duplicate=0.2"]:
            assert simulation.tick > quiet_run.tick, seed


def test_acting_on_the_newest_is_the_same_where_nothing_is_lost(quiet_run):
    simulation = load_scenario("three-microgrids", ["on_silence=newest"]).simulation()
    simulation.run(4000)
    assert np.array_equal(simulation.state.price, quiet_run.state.price)


@pytest.mark.slow
def test_acting_on_the_newest_goes_wrong_under_loss_and_says_so():
    scenario = load_scenario("three-microgrids", ["on_silence=newest", "run.ticks=1500"], faults=["loss=0.3"])
    for seed in range(5):
        result = run_scenario(scenario, seed=seed)
        assert result.outcome in ("OSCILLATING", "DIVERGED", "TICK_LIMIT"), seed
        assert result.certificate.gap > 1e-3, seed


TWO_LEDGERS = ["two_ledgers=true", "alpha=0.5", "step_size=0.2", "eps_abs=1e-13", "eps_rel=1e-13", "run.ticks=4000"]


def test_two_ledgers_agree_where_nothing_is_lost():
    result = run_scenario(load_scenario("three-microgrids", TWO_LEDGERS[:3]))
    assert result.outcome == "CONVERGED"
    assert result.simulation.observer.latest["price_disagreement"] < 1e-12


@pytest.mark.slow
def test_two_ledgers_go_silently_wrong_when_half_is_lost_at_first():
    result = run_scenario(load_scenario("three-microgrids", TWO_LEDGERS, faults=["loss=0.5,to=2000"]))
    told = result.to_dict()
    assert told["outcome"] == "INCONSISTENT"
    assert told["residuals"]["primal_residual"] < 1e-12
    assert told["residuals"]["dual_residual"] < 1e-12
    assert told["gap"] > 1e-3
    assert told["residuals"]["price_disagreement"] > 0.1


@pytest.mark.slow
def test_one_ledger_comes_through_the_same_loss():
    settings = [s for s in TWO_LEDGERS if not s.startswith("two_ledgers")]
    result = run_scenario(load_scenario("three-microgrids", settings, faults=["loss=0.5,to=2000"]))
    assert result.outcome == "CONVERGED"
    assert abs(result.gap) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "seed"), [(0.3, 2), (0.3, 6), (0.5, 0), (0.5, 2)])
def test_acting_on_the_newest_hubs_that_stop_at_different_times_leave_nobody_behind(loss, seed):
    scenario = load_scenario("three-microgrids", ["on_silence=newest", "step_size=0.05"], faults=[f"loss={loss}"])
    simulation = scenario.simulation(seed=seed)
    simulation.run(3500)
    assert simulation.finished
    assert simulation.tick < 3000  # a neighbour that has stopped says so again to whoever waits for it

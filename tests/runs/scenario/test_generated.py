"""Generated microgrids: every topology, and the central optimum with faults on and off."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from gridparley import load_scenario, run_scenario

TOPOLOGIES = ["ring", "tree", "random_regular", "small_world", "grid"]


@pytest.mark.slow
def test_thirty_ordinary_microgrids_converge_to_the_central_optimum():
    result = run_scenario(load_scenario("microgrids"))
    assert result.outcome == "CONVERGED"
    assert abs(result.gap) < 1e-6
    assert result.certificate.gap < 1e-6


@pytest.mark.slow
def test_three_hundred_ordinary_microgrids_converge_to_the_central_optimum():
    result = run_scenario(
        load_scenario("microgrids", ["microgrids=300", "prosumers=10..40", "eps_abs=1e-6", "eps_rel=1e-6"])
    )
    assert result.outcome == "CONVERGED"
    assert abs(result.gap) < 1e-6
    assert result.certificate.gap < 1e-6


@pytest.mark.slow
def test_faults_do_not_move_thirty_microgrids_by_a_bit():
    settings = ["prosumers=1..3", "eps_abs=1e-3", "eps_rel=1e-3", "step_size=0.002"]
    clean = load_scenario("microgrids", settings).simulation(cost_every=0)
    clean.run(20_000)
    faults = ["loss=0.3", "delay=0..5", "duplicate=0.2"]
    faulty = load_scenario("microgrids", settings, faults=faults).simulation(cost_every=0)
    faulty.run(100_000)
    assert clean.finished
    assert faulty.finished
    assert np.array_equal(clean.state.price, faulty.state.price)
    assert all(np.array_equal(a, b) for a, b in zip(clean.state.x, faulty.state.x, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_topology_converges(topology):
    settings = [f"topology={topology}", "microgrids=12", "prosumers=5..20", "eps_abs=1e-6", "eps_rel=1e-6"]
    result = run_scenario(load_scenario("microgrids", settings))
    assert result.outcome == "CONVERGED"
    assert abs(result.gap) < 1e-6


@pytest.mark.slow
def test_copperplate_lines_converge_with_their_own_default_step():
    scenario = load_scenario("microgrids", ["microgrids=4", "lines=copperplate", "prosumers=5..20"])
    assert scenario.protocol().step_size == pytest.approx(1.47e-4, rel=1e-2)
    result = run_scenario(scenario)
    assert result.outcome == "CONVERGED"
    assert abs(result.gap) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_few_loads_at_a_bus_need_few_rounds_with_the_default_step(topology):
    settings = [f"topology={topology}", "microgrids=12", "prosumers=1..3", "eps_abs=1e-6", "eps_rel=1e-6"]
    simulation = load_scenario("microgrids", settings).simulation()
    simulation.run(4000)  # a step made for a hundred loads took ten thousand ticks
    assert simulation.finished


def test_a_step_that_somebody_chose_stays_chosen():
    for settings in (["lines=copperplate", "step_size=0.0005"], ["step_size=0.0005", "lines=copperplate"]):
        assert load_scenario("microgrids", settings).protocol().step_size == 0.0005


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 12, 23])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_size_of_every_topology_is_one_piece(topology, n):
    market = load_scenario("microgrids", [f"topology={topology}", f"microgrids={n}", "prosumers=1..3"]).market()
    graph = nx.Graph(map(tuple, market.topology.ends[market.topology.joins].tolist()))
    graph.add_nodes_from(range(n))
    assert len(market.topology.homes) == n
    assert nx.is_connected(graph)


def test_the_same_seed_draws_the_same_market_and_another_another():
    def facts(seed):
        market = load_scenario("microgrids", [f"generate.seed={seed}"]).market()
        return [getattr(p.society, name).tobytes() for p in market.populations for name in p.society.facts]

    assert facts(1) == facts(1)
    assert facts(1) != facts(2)


def test_alpha_and_limits_are_drawn_as_announced():
    for lines, alphas, limits in (("ordinary", (0.005, 0.02), (2, 10)), ("copperplate", (2e-4, 1e-3), (20, 60))):
        operators = load_scenario("microgrids", [f"lines={lines}"]).market().populations[0].society
        assert alphas[0] <= operators.alpha.min() < operators.alpha.max() <= alphas[1]
        assert limits[0] <= operators.export_max.min() < operators.export_max.max() <= limits[1]
        assert np.array_equal(operators.export_max, operators.import_max)


@pytest.mark.slow
def test_several_periods_are_negotiated_at_once():
    result = run_scenario(
        load_scenario("microgrids", ["microgrids=4", "prosumers=3..6", "periods=4", "step_size=0.002"])
    )
    assert result.outcome == "CONVERGED"
    assert abs(result.gap) < 1e-6
    assert result.simulation.state.price.shape == (4 + len(result.to_dict()["tie_lines"]), 4)

"""Every outcome has its own name, and CONVERGED needs a certificate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gridparley import load_scenario, run_scenario
from gridparley.runs.certificate import certify
from gridparley.runs.outcome import judge


def outcome(settings=(), faults=(), **options):
    return run_scenario(load_scenario("three-microgrids", settings, faults=faults), reference=False, **options).outcome


def test_a_run_cut_short_while_it_improves_is_a_tick_limit():
    assert outcome(ticks=60) == "TICK_LIMIT"


def test_a_run_in_which_nothing_is_heard_has_stalled():
    assert outcome(["run.ticks=300"], ["loss=1"]) == "STALLED"


def test_a_run_whose_links_die_half_way_has_stalled():
    assert outcome(["run.ticks=400"], ["loss=1,from=40"]) == "STALLED"


def test_a_step_far_too_long_oscillates_between_the_limits():
    assert outcome(["step_size=100", "run.ticks=400"]) == "OSCILLATING"


SURPLUS = """
[run]
ticks = 400
[protocol.dual_decomposition]
step_size = 1.0
[[microgrid]]
name = "A"
operator = { cost_quadratic = 1.0, cost_linear = 1.0, power_max = 5.0, pv = 1.0 }
prosumer = [{ type = "SquareRootLoad", beta = 1.0, cap = 0.5 }]
"""


@pytest.mark.parametrize(
    "text",
    [SURPLUS, SURPLUS.replace("pv = 1.0", "pv = 3.0")],
    ids=["more PV than the load can take", "much more"],
)
def test_a_market_without_any_balanced_point_is_proven_infeasible(tmp_path, text):
    path = tmp_path / "surplus.toml"
    path.write_text(text)
    result = run_scenario(load_scenario(path))
    assert result.outcome == "INFEASIBLE"
    assert result.reference is None  # the central solver agrees that there is nothing to find
    assert result.certificate.x is None


def test_no_feasible_point_no_converged():
    simulation = load_scenario("three-microgrids").simulation()
    simulation.run(4000)
    certificate = certify(simulation.market, simulation.observer, simulation.state)
    assert judge(simulation, certificate).outcome == "CONVERGED"
    assert judge(simulation, replace(certificate, x=None, upper=np.inf, gap=np.inf)).outcome == "STALLED"
    assert judge(simulation, replace(certificate, gap=1e-3)).outcome == "STALLED"
    assert judge(simulation, replace(certificate, gap=-1e-3)).outcome == "STALLED"  # bounds that contradict each other


def test_prices_beyond_all_bounds_have_diverged():
    simulation = load_scenario("three-microgrids").simulation()
    simulation.run(20)
    simulation.state.price[0] = 1e13
    assert simulation.broken
    assert judge(simulation, certify(simulation.market, simulation.observer, simulation.state)).outcome == "DIVERGED"


@pytest.mark.parametrize("alpha", [0.02, 0.05, 0.3, 2.0, 3.0])
def test_the_certificate_brackets_the_central_optimum_all_the_way(alpha):
    simulation = load_scenario("three-microgrids", [f"alpha={alpha}"]).simulation()
    best = run_scenario(load_scenario("three-microgrids", [f"alpha={alpha}"])).reference.cost
    for _ in range(10):
        for _ in range(8):
            simulation.step()
        found = certify(simulation.market, simulation.observer, simulation.state)
        assert found.lower <= best + 1e-8
        assert found.upper >= best - 1e-7

"""Every outcome has its own name, and CONVERGED needs a certificate."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from gridparley import load_scenario, run_scenario
from gridparley.agents import SquareRootLoad
from gridparley.runs import ScenarioError
from gridparley.runs.cli.tables.tables import print_result
from gridparley.runs.judge.certificate import Certificate, certify
from gridparley.runs.judge.outcome import judge


def outcome(settings=(), faults=(), **options):
    return run_scenario(load_scenario("three-microgrids", settings, faults=faults), reference=False, **options).outcome


def test_a_run_cut_short_while_it_improves_is_a_tick_limit():
    assert outcome(ticks=60) == "TICK_LIMIT"


def test_a_run_in_which_nothing_is_heard_has_stalled():
    assert outcome(["run.ticks=300"], ["loss=1"]) == "STALLED"


def test_a_run_whose_links_die_half_way_has_stalled():
    assert outcome(["run.ticks=400"], ["loss=1,from=40"]) == "STALLED"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "ticks", "outcome", "reason"),
    [
        (["delay=200"], 2000, "TICK_LIMIT", "rounds completed in 2000 ticks: 4, too few"),
        (["delay=5000"], 1000, "TICK_LIMIT", "rounds completed in 1000 ticks: 0, too few"),
        (["delay=30"], 1000, "TICK_LIMIT", "still getting better"),
        ([], 20, "TICK_LIMIT", "still getting better"),
        (["loss=1"], 300, "STALLED", "no round was completed in the last 300 ticks"),
        (["loss=1,from=40"], 400, "STALLED", "no round was completed in the last 360 ticks"),
        (["loss=1,from=40,agent=B.operator", "delay=0..20"], 800, "STALLED", "an agent that is waited for"),
        (["crash=B.virtual,from=40"], 400, "STALLED", "an agent that is waited for"),
    ],
    ids=str,
)
def test_long_delays_are_told_from_links_that_are_dead(faults, ticks, outcome, reason):
    result = run_scenario(load_scenario("three-microgrids", faults=faults), ticks=ticks, reference=False)
    assert result.outcome == outcome
    assert reason in result.reason


@pytest.mark.parametrize("ticks", [0, -3])
def test_a_run_of_no_ticks_is_refused(ticks):
    with pytest.raises(ScenarioError, match=f"ticks = {ticks}; wanted 1 or more"):
        run_scenario(load_scenario("three-microgrids"), ticks=ticks)


def test_a_step_far_too_long_oscillates_between_the_limits():
    assert outcome(["step_size=100", "run.ticks=400"]) == "OSCILLATING"


@pytest.mark.parametrize(("window", "garbled"), [("", True), (",to=20", False)])
def test_messages_that_are_garbled_to_the_end_are_the_cause_and_no_step_is_advised(window, garbled):
    faults = [f"corrupt=0.3,mode=sign{window}"]
    scenario = load_scenario(
        "three-microgrids", ["run.ticks=300", "eps_abs=0", "eps_rel=0"], faults=faults, protocol="incentive"
    )
    result = run_scenario(scenario, reference=False)
    assert result.outcome not in ("CONVERGED", "FAILED")
    words = "messages are garbled to the end (corrupt), and those that are believed move prices; "
    assert result.reason.startswith(words) is garbled
    assert ("may" in result.reason) is not garbled


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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        ["pv=1000"],  # the prices swing
        ["A.operator.pv=1000"],
        ["pv=1000", "step_size=0.1"],  # they run away
        ["pv=33.8"],  # 101.4 kW, 0.9 more than all loads can take
        ["limit=0.3"],  # B and C are each left with 0.15 kW
        ["pv=1000", "step_size=1e12"],  # beyond all bounds at once
    ],
    ids=str,
)
def test_infeasible_is_found_whether_prices_swing_or_run_away(settings):
    result = run_scenario(load_scenario("three-microgrids", [*settings, "run.ticks=600"]))
    assert result.reference is None
    assert result.outcome == "INFEASIBLE"


@pytest.mark.slow
@pytest.mark.parametrize("settings", [["pv=33.4"], ["pv=33.4", "step_size=100"], ["limit=0.76"]], ids=str)
def test_what_only_just_balances_is_never_called_infeasible(settings):
    result = run_scenario(load_scenario("three-microgrids", [*settings, "run.ticks=600"]))
    assert result.reference is not None
    certificate = replace(result.certificate, x=None, upper=np.inf, gap=np.inf)
    assert judge(result.simulation, certificate).outcome != "INFEASIBLE"


STIFF = """
import numpy as np
from gridparley import Prosumer, batched, within

class Stiff(Prosumer):
    wanted: float
    stiffness: float

    def cost(self, x):
        return within(x, 0, 5, self.stiffness / 2 * (x - self.wanted) ** 2)

    @batched
    def respond(self, price, target, rho):
        return np.clip((self.stiffness * self.wanted + rho * target - price) / (self.stiffness + rho), 0, 5)
"""


@pytest.mark.parametrize("stiffness", [1.0, 1e6, 1e12, 1e13, 1e16, 1e20, 1e25])
@pytest.mark.parametrize("wanted", [3.0, 0.5])
def test_a_cost_however_steep_is_not_taken_for_a_limit(tmp_path, stiffness, wanted):
    # Supply can be 1 to 2 kW and the load anything up to 5 kW, at a price.
    (tmp_path / "stiff.py").write_text(STIFF)
    load = f'type = "stiff.py:Stiff", wanted = {wanted}, stiffness = {stiffness}'
    text = SURPLUS.replace("power_max = 5.0", "power_max = 1.0").replace("ticks = 400", "ticks = 100")
    (tmp_path / "stiff.toml").write_text(text.replace('type = "SquareRootLoad", beta = 1.0, cap = 0.5', load))
    simulation = load_scenario(tmp_path / "stiff.toml").simulation()
    simulation.run(100)
    nothing = Certificate(-np.inf, np.inf, np.inf, None)
    assert judge(simulation, nothing).outcome != "INFEASIBLE"


@pytest.mark.parametrize("alpha", [1e9, 1e13, 1e16, 1e20])
def test_a_steep_tie_line_is_not_taken_for_a_limit(alpha):
    # B has more PV than its load and its lines can take, unless it pays for them.
    settings = ["limit=5", "B.operator.pv=3", f"alpha={alpha}", "run.ticks=100"]
    simulation = load_scenario("three-microgrids", settings).simulation()
    simulation.run(100)
    assert judge(simulation, Certificate(-np.inf, np.inf, np.inf, None)).outcome != "INFEASIBLE"


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


@pytest.mark.slow
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


def test_what_does_not_balance_has_no_gap():
    result = run_scenario(load_scenario("three-microgrids"), ticks=20)
    assert result.gap > 0.0
    kept = replace(result, certificate=replace(result.certificate, x=None))
    assert result.reference is not None
    assert kept.gap is None
    assert kept.regularisation_gap is None
    told = kept.to_dict()
    assert told["gap"] is None
    assert told["reference_objective"] == result.reference.cost
    text = io.StringIO()
    print_result(kept, Console(file=text, width=200))
    best = f"central optimum with them {result.reference.cost:.4f}, gap -"
    assert f"with regularising terms; {best} " in text.getvalue()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: (-1.0, []), r"is -17\.1397 \$/h where its `cost` is -16\.1397 \$/h"),
        (lambda x: (5 * x, []), "where its `cost` is"),
        (lambda x: (0, [x <= 1]), "does not allow what its `cost` allows"),
        (lambda x: (0, [x <= -1]), "does not allow what its `cost` allows"),
    ],
)
def test_an_agent_whose_reference_contradicts_its_cost_is_named(monkeypatch, change, words):
    right = SquareRootLoad.reference

    def reference(self, cp, x):
        cost, limits = right(self, cp, x)
        if "A.load" not in self.names:
            return cost, limits
        more, limit = change(x[list(self.names).index("A.load"), 0])
        return cost + more, [*limits, *limit]

    monkeypatch.setattr(SquareRootLoad, "reference", reference)
    scenario = load_scenario("three-microgrids")
    result = run_scenario(scenario, progress=False)
    assert result.outcome == "AGREED"
    assert re.search(rf"the `reference` of A\.load \(SquareRootLoad\) .*{words}", result.reason)
    assert result.to_dict()["certificate"]["lower"] is None
    assert run_scenario(scenario, reference=False, progress=False).outcome == "CONVERGED"

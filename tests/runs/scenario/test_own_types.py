"""A user's own agent and own fault, each in a file of its own, named in a scenario; no file of the project is touched."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import load_scenario, run_scenario
from gridparley.agents import AgentError
from gridparley.environment import FaultError
from gridparley.environment.faults import Loss
from gridparley.runs import ScenarioError
from gridparley.runs.common.failure import FailedError
from gridparley.runs.record.files.folder import scenario_text

HEATER = """
import numpy as np
from gridparley import Prosumer, batched, within

class Heater(Prosumer):
    wanted: float      # kW
    stiffness: float   # $/kW2h

    def cost(self, x):
        return within(x, 0, np.inf, self.stiffness / 2 * (x - self.wanted) ** 2)

    MARK
    def respond(self, price, target, rho):
        return np.maximum(0, (self.stiffness * self.wanted + rho * target - price) / (self.stiffness + rho))
"""

SCENARIO = """
base = "three-microgrids"
protocol.dual_decomposition.step_size = 0.03
[[microgrid]]
name = "A"
prosumer = [{ name = "heat", type = "heater.py:Heater", wanted = 3.0, stiffness = 2.0 }]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "heater.py").write_text(HEATER.replace("MARK", "@batched"))
    (tmp_path / "warm.toml").write_text(SCENARIO)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("mark", ["@batched", ""])
def test_an_own_type_runs_beside_the_built_in_ones(folder, mark):
    (folder / "heater.py").write_text(HEATER.replace("MARK", mark))
    result = run_scenario(load_scenario(folder / "warm.toml"))
    assert result.outcome == "CONVERGED"
    assert result.reference is None  # it offers no reference, so the run shows its certificate alone
    assert result.to_dict()["gap"] is None
    assert result.certificate.gap < 1e-6
    assert 2.0 < result.microgrids()["A"]["demand"] < 3.0


@pytest.mark.slow
def test_with_a_reference_it_is_compared_with_the_central_solve(folder):
    text = (folder / "heater.py").read_text()
    text += """
    def reference(self, cp, x):
        return cp.sum(cp.multiply(self.stiffness / 2, cp.square(x - self.wanted))), [x >= 0]
"""
    (folder / "heater.py").write_text(text)
    result = run_scenario(load_scenario(folder / "warm.toml"))
    assert abs(result.gap) < 1e-7


@pytest.mark.slow
@pytest.mark.parametrize("wanted", ["self.wanted + 0.5", "self.wanted - 0.5"])
def test_a_reference_outside_the_certificate_is_not_converged(folder, wanted):
    text = (folder / "heater.py").read_text()
    text += f"""
    def reference(self, cp, x):
        return cp.sum(cp.multiply(self.stiffness / 2, cp.square(x - ({wanted})))), [x >= 0]
"""
    (folder / "heater.py").write_text(text)
    result = run_scenario(load_scenario(folder / "warm.toml"))
    assert (
        run_scenario(load_scenario(folder / "warm.toml"), reference=False).outcome == "CONVERGED"
    )  # nothing looks wrong
    assert result.outcome == "AGREED"
    assert "the `reference` of A.heat (Heater) is " in result.reason
    assert result.to_dict()["reason"] == result.reason


@pytest.mark.parametrize("mark", ["@batched", ""])
@pytest.mark.parametrize(
    ("line", "changed"),
    [("price -= rho * target", "respond"), ("target[:] = 0", "respond"), ("x *= 2", "cost")],
)
def test_an_own_type_cannot_change_what_it_was_asked(folder, mark, line, changed):
    text = HEATER.replace("MARK", mark)
    head, _, tail = text.partition(f"    def {changed}(")
    (folder / "heater.py").write_text(
        f"{head}    def {changed}(" + tail.replace("return", f"{line}\n        return", 1)
    )
    with pytest.raises(FailedError, match=rf"Heater\.{changed}( of A\.heat)? raised ValueError: .*read-only"):
        run_scenario(load_scenario(folder / "warm.toml"), reference=False)


def test_an_answer_that_is_what_was_asked_does_not_change_with_the_next_ask(folder):
    answer = "return np.maximum(0, (self.stiffness * self.wanted + rho * target - price) / (self.stiffness + rho))"
    (folder / "heater.py").write_text(HEATER.replace("MARK", "@batched").replace(answer, "return price"))
    simulation = load_scenario(folder / "warm.toml").simulation()
    simulation.run(4)
    before, kept = simulation.state.x, [x.copy() for x in simulation.state.x]
    before = list(before)
    simulation.run(9)
    assert all((now == then).all() for now, then in zip(before, kept, strict=True))
    assert any((now != then).any() for now, then in zip(simulation.state.x, kept, strict=True))


def test_a_type_that_is_set_still_checks_the_facts_it_is_given(folder, monkeypatch):
    monkeypatch.chdir(folder)
    settings = ["A.load.type=heater.py:Heater", "A.load.wanted=3", "A.load.stiffness=2", "A.load.betta=1"]
    with pytest.raises(AgentError, match=r"A\.load: there is no field 'betta'"):
        load_scenario("three-microgrids", settings).market()


def test_an_own_fault_is_one_class(folder):
    (folder / "mine.py").write_text('''
from gridparley.environment.faults import Fault

class EveryOther(Fault):
    """Loses what is sent in odd ticks."""

    def on_send(self, envelopes, chance):
        return envelopes.take(slice(0, 0)) if chance.tick % 2 else envelopes
''')
    scenario = load_scenario(folder / "warm.toml", faults=[{"kind": "mine.py:EveryOther", "to": 9}])
    simulation = scenario.simulation()
    simulation.run(12)
    lost = {tick for tick, _, fate, _, _ in simulation.journal.rows if fate == "lost"}
    assert lost <= {1, 3, 5, 7}
    assert lost


@pytest.mark.parametrize(
    ("type_", "says"),
    [
        ("heater.py:Nobody", "heater.py has no 'Nobody'"),
        ("nowhere.py:Heater", "there is no file"),
        ("heater.py:np", "np is not a subclass of Prosumer"),
        ("Heatpump", "unknown"),
    ],
)
def test_a_type_that_is_not_there_is_refused_by_name(folder, type_, says):
    (folder / "warm.toml").write_text(SCENARIO.replace("heater.py:Heater", type_))
    with pytest.raises(ScenarioError, match=says) as error:
        load_scenario(folder / "warm.toml").market()
    assert "A.heat.type" in str(error.value)


GRID = """
import numpy as np
from gridparley import Society, batched, within

class Grid(Society):
    tariff: float      # $/kWh
    steep: float       # $/kW2h

    def cost(self, x):
        return within(x, -10, 0, -self.tariff * x + self.steep / 2 * x**2)

    @batched
    def respond(self, price, target, rho):
        return np.clip((self.tariff - price + rho * target) / (self.steep + rho), -10, 0)
"""
ISLAND = """
[protocol.dual_decomposition]
step_size = 0.2
[[microgrid]]
name = "A"
operator = { type = "grid.py:Grid", tariff = 1.0, steep = 1.0 }
prosumer = [{ name = "load", type = "SquareRootLoad", beta = 5.0, cap = 20.0 }]
"""


def test_an_operator_of_an_own_type_supplies(tmp_path):
    (tmp_path / "grid.py").write_text(GRID)
    (tmp_path / "island.toml").write_text(ISLAND)
    result = run_scenario(load_scenario(tmp_path / "island.toml"))
    assert result.outcome == "CONVERGED"
    (told,) = result.microgrids().values()
    assert told["demand"] > 1.0
    assert told["generation"] == pytest.approx(told["demand"], abs=1e-6)
    assert (told["pv"], told["net_export"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("type_", "says"),
    [
        (
            "SquareRootLoad",
            "unknown. Known: CommunityManager, DispatchOperator, LiteralStorageOperator, MicrogridOperator",
        ),
        (
            "VirtualAgent",
            "unknown. Known: CommunityManager, DispatchOperator, LiteralStorageOperator, MicrogridOperator",
        ),
        ("heater.py:Heater", "a Prosumer is no operator"),
    ],
)
def test_what_is_no_operator_is_refused_as_one(folder, type_, says):
    (folder / "island.toml").write_text(ISLAND.replace("grid.py:Grid", type_))
    with pytest.raises(ScenarioError, match=says) as error:
        load_scenario(folder / "island.toml").market()
    assert "A.operator.type" in str(error.value)


def test_a_file_that_was_edited_is_read_again(folder):
    first = load_scenario(folder / "warm.toml").market()
    again = load_scenario(folder / "warm.toml").market()
    assert [type(p.society) for p in first.populations] == [type(p.society) for p in again.populations]
    text = (folder / "heater.py").read_text()
    (folder / "heater.py").write_text(text.replace("np.maximum(0, (", "np.maximum(0.25, ("))
    edited = load_scenario(folder / "warm.toml").market()
    (heater,) = (p.society for p in edited.populations if type(p.society).__name__ == "Heater")
    assert heater.respond(np.full((1, 1), 1e9), np.zeros((1, 1)), np.zeros((1, 1))) == 0.25


def test_the_hash_of_a_scenario_does_not_depend_on_where_its_files_lie(folder, tmp_path_factory):
    scenario = load_scenario(folder / "warm.toml")
    other = tmp_path_factory.mktemp("elsewhere")
    (other / "own").mkdir()
    (other / "own" / "heater.py").write_text((folder / "heater.py").read_text())
    (other / "warm.toml").write_text(SCENARIO.replace("heater.py", "own/heater.py"))
    assert load_scenario(other / "warm.toml").hash == scenario.hash
    (other / "written.toml").write_text(scenario_text(scenario))  # with whole paths
    assert load_scenario(other / "written.toml").hash == scenario.hash
    (other / "own" / "heater.py").write_text((folder / "heater.py").read_text() + "# changed")
    assert load_scenario(other / "warm.toml").hash != scenario.hash


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise ValueError('no idea')", r"Heater\.reference raised ValueError: no idea"),
        ("return cp.sum(cp.sqrt(x)), [x >= 0]", r"Heater\.reference: the cost is no convex number by CVXPY's rules"),
        ("return cp.square(x), [x >= 0]", None),
        ("return cp.square(x), [cp.sqrt(x) <= 1]", r"Heater\.reference: a constraint is not convex"),
        ("return cp.hstack([x, x]), []", r"Heater\.reference: the cost is no convex number"),
        ("return cp.sum(x)", r"Heater\.reference raised .*wanted \(cost, \[constraints\]\)"),
        ("return None", r"Heater\.reference raised TypeError"),
    ],
)
def test_a_reference_that_is_no_convex_programme_is_refused_by_name(folder, body, says):
    text = (
        (folder / "heater.py").read_text()
        + f"""
    def reference(self, cp, x):
        {body}
"""
    )
    (folder / "heater.py").write_text(text)
    scenario = load_scenario(folder / "warm.toml")
    if says is None:
        assert run_scenario(scenario, ticks=20).reference is not None
    else:
        with pytest.raises(AgentError, match=says):
            run_scenario(scenario, ticks=20)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"settings": "alpha=2"}, r"settings = 'alpha=2'; wanted a list"),
        ({"faults": "loss=0.3"}, r"faults = 'loss=0.3'; wanted a list"),
        ({"faults": {"kind": "loss", "probability": 0.3}}, "wanted a list"),
    ],
)
def test_a_text_where_a_list_is_wanted_is_not_taken_apart(options, says):
    with pytest.raises(ScenarioError, match=says):
        load_scenario("three-microgrids", **options)


@pytest.mark.parametrize("options", [{"end": "loss"}, {"add": Loss(probability=0.5)}])
def test_one_fault_where_a_list_is_wanted_is_not_taken_apart(options):
    simulation = load_scenario("three-microgrids", faults=["loss=0.1"]).simulation()
    with pytest.raises(FaultError, match="wanted lists"):
        simulation.change_faults(**options)


def test_options_of_an_own_protocol_stand_under_the_name_that_the_scenario_uses(folder):
    (folder / "mine.py").write_text("""
from gridparley.protocols import DualDecomposition

class Mine(DualDecomposition):
    name = "mine"
""")
    text = SCENARIO.replace(
        "protocol.dual_decomposition.step_size", "run.protocol = 'mine.py:Mine'\nprotocol.NAME.step_size"
    )
    (folder / "warm.toml").write_text(text.replace("NAME", "'mine.py:Mine'"))
    assert load_scenario(folder / "warm.toml").protocol().step_size == 0.03
    (folder / "warm.toml").write_text(text.replace("NAME", "mine"))
    with pytest.raises(ScenarioError, match=r"protocol = 'mine': its options stand under the name in run\.protocol"):
        load_scenario(folder / "warm.toml")

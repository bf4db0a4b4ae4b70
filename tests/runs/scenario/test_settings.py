"""Settings: what they change, what they say about it, and what they refuse."""

from __future__ import annotations

import json

import pytest

from gridparley import Record, load_scenario, run_scenario
from gridparley.agents import Hospital
from gridparley.runs.common.errors import ScenarioError
from gridparley.runs.record.record import record_of
from gridparley.runs.scenario.settings.changes import change_lines

from ..command import call

ASCENT = """
from gridparley import Protocol

class Ascent(Protocol):
    beta: float = 0.5

    def update(self, balances):
        balances.price += self.beta * balances.imbalance
"""


def changed(*settings, scenario="three-microgrids", **options):
    return [(one.field, one.was, one.now) for one in load_scenario(scenario, settings, **options).changes]


def test_every_field_that_was_changed_is_told_with_what_stood_there():
    assert changed("beta=2") == [
        ("microgrid.A.load.beta", 10.0, 2),
        ("microgrid.B.load.beta", 1.0, 2),
        ("microgrid.C.load.beta", 1.0, 2),
    ]
    assert changed("tie_line.A-B.alpha=1") == [("tie_line.A-B.alpha", 0.05, 1)]
    default = Hospital.facts["beta"].default
    assert changed("C.hospital.beta=3", scenario="prosumer-day") == [("microgrid.C.hospital.beta", default, 3)]


def test_the_command_says_how_many_agents_and_which():
    done = call("show", "three-microgrids", "--set", "beta=2", "--set", "A.load.count=7", "--set", "step_size=0.2")
    assert done.stderr.splitlines() == [
        "setting beta=2: beta -> 2 of 3 agents: A.load (was 10.0), B.load (was 1.0), C.load (was 1.0)",
        "setting A.load.count=7: count 1 -> 7 of 1 agent: A.load",
        "setting step_size=0.2: step_size 1.0 -> 0.2 in protocol.dual_decomposition",
    ]
    assert "setting" not in done.stdout


def test_options_are_no_settings():
    assert call("show", "three-microgrids", "--seed", 3, "--ticks", 9).stderr == ""


def test_a_record_and_its_result_tell_settings_and_so_does_what_is_resumed(tmp_path):
    scenario = load_scenario("three-microgrids", ["beta=2"])
    run_scenario(scenario, ticks=20, reference=False, out=tmp_path, progress=False)
    told = json.loads((tmp_path / "result.json").read_text())["settings"]
    assert told[0] == {"by": "setting beta=2", "field": "microgrid.A.load.beta", "from": 10.0, "to": 2, "agents": 1}
    assert len(told) == 3
    with Record(record_of(tmp_path)) as record:
        assert record.header["settings"] == told
        assert record.scenario().changes == scenario.changes


def test_a_name_of_different_things_is_refused_with_the_names_to_choose_from(tmp_path):
    (tmp_path / "ascent.py").write_text(ASCENT)
    protocol = f"{tmp_path / 'ascent.py'}:Ascent"
    with pytest.raises(ScenarioError, match=r"means fields of different things: prosumer.beta, protocol.*Ascent.beta"):
        changed("beta=2", protocol=protocol)
    assert changed(f"protocol.{protocol}.beta=2", protocol=protocol) == [(f"protocol.{protocol}.beta", 0.5, 2)]
    assert len(changed("prosumer.beta=2", protocol=protocol)) == 3
    assert len(changed("SquareRootLoad.beta=2", protocol=protocol)) == 3
    assert len(changed("load.beta=2", protocol=protocol)) == 3


def test_facts_of_one_name_in_different_units_are_different_things():
    settings = ["A.load.type=LogLoad", "A.load.beta=1", "A.load.sigma=1", "A.load.demand=1"]
    with pytest.raises(ScenarioError, match=r"different things: LogLoad.beta, SquareRootLoad.beta"):
        changed(*settings, "beta=2")
    assert changed(*settings, "LogLoad.beta=2")[-1] == ("microgrid.A.load.beta", 1, 2)


def test_options_of_protocols_that_do_not_run_are_meant_where_they_are_named(tmp_path):
    file = tmp_path / "two.toml"
    file.write_text('base = "three-microgrids"\nprotocol.exchange_admm.eps_abs = 1e-3\n')
    assert changed("eps_abs=1e-4", scenario=file) == [("protocol.dual_decomposition.eps_abs", 1e-8, 1e-4)]
    assert changed("exchange_admm.eps_abs=1e-4", scenario=file) == [("protocol.exchange_admm.eps_abs", 1e-3, 1e-4)]


def test_periods_are_the_same_thing_to_a_scenario_and_its_generator():
    assert load_scenario("microgrids", ["periods=3"]).market().periods == 3


def test_a_changed_type_drops_the_facts_of_the_old_one_and_says_so():
    scenario = load_scenario(
        "three-microgrids", ["A.load.demand=2", "A.load.beta=3", "A.load.sigma=1", "A.load.type=LogLoad"]
    )
    assert change_lines(scenario.changes)[:3] == [
        "setting A.load.type=LogLoad: type 'SquareRootLoad' -> 'LogLoad' of 1 agent: A.load",
        "setting A.load.type=LogLoad: dropped beta = 10.0 of 1 agent: A.load; "
        "for its type is LogLoad now, which wants it in $/h and not in $/h√kW",
        "setting A.load.type=LogLoad: dropped cap = 100.0 of 1 agent: A.load; "
        "for its type is LogLoad now, which has no such fact",
    ]
    (load,) = scenario.spec.microgrid[0].prosumer
    assert load.facts == {"beta": 3, "sigma": 1, "demand": 2}
    scenario.market()


def test_a_file_that_changes_a_type_drops_facts_too(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text('base = "pool-14"\n[[agent]]\nname = "wind"\ntype = "SquareRootLoad"\nbeta = 1.0\ncap = 3.0\n')
    done = call("show", file)
    assert done.exit_code == 0, done.output
    names = [line.partition("dropped ")[2].partition(" =")[0] for line in done.stderr.splitlines()]
    assert names == ["cost_quadratic", "cost_linear", "low", "high"]
    assert all(line.startswith("own.toml: ") and "of 1 agent: wind" in line for line in done.stderr.splitlines())
    wind = next(agent for agent in load_scenario(file).spec.agent if agent.name == "wind")
    assert wind.facts == {"beta": 1.0, "cap": 3.0}


def test_a_fact_that_both_types_have_stays(tmp_path):
    scenario = load_scenario("three-microgrids", ["A.operator.type=StorageOperator"])
    assert scenario.spec.microgrid[0].operator.facts == {
        "cost_quadratic": 10.0,
        "cost_linear": 1.0,
        "power_max": 40.0,
        "pv": 0.5,
    }

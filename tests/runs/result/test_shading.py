import io
import json

import pytest
from rich.console import Console

from gridparley import load_scenario, run_scenario
from gridparley.runs.cli.tables.tables import print_result
from tests.runs.command import call

STRATEGIC = '''
"""Agents that say by declaration something else than their interest."""

import numpy as np
from gridparley.agents import SquareRootLoad, Trader


class Shading(Trader):
    """Plant that bids its energy 0.03 $/kWh above its cost."""

    strategic = True

    def respond(self, price, target, rho):
        return super().respond(price - 0.03, target, rho)


class Stubborn(Trader):
    """Consumer that takes what it always takes, whatever the price."""

    strategic = True

    def respond(self, price, target, rho):
        return np.full_like(price, 60.0)


class Modest(SquareRootLoad):
    """Load that says it wants half of what it wants."""

    strategic = True

    def respond(self, price, target, rho):
        return super().respond(2.0 * price, target, rho)
'''


@pytest.fixture
def strategic(tmp_path):
    (tmp_path / "strategic.py").write_text(STRATEGIC.lstrip())
    return tmp_path / "strategic.py"


def pool(path, **types):
    return load_scenario("pool-14", {f"{name}.type": f"{path}:{kind}" for name, kind in types.items()})


def test_who_shades_its_bids_is_named_and_what_it_costs_each_and_all_is_told(strategic):
    right = run_scenario(load_scenario("pool-14"), progress=False)
    result = run_scenario(pool(strategic, hydro="Shading"), progress=False)
    assert result.outcome == "AGREED"
    assert "hydro answers by declaration, not by interest" in result.reason
    assert result.certificate.probe.findings == ()
    table = result.shading
    assert next(iter(table)) == "hydro"
    assert list(table)[-1] == "all"
    assert len(table) == 15
    # Against the run of those who say the truth, which is an independent way to the optimum.
    assert right.outcome == "CONVERGED"
    assert table["all"]["optimum_cost"] == pytest.approx(right.objective, rel=1e-6)
    assert table["all"]["cost"] == pytest.approx(result.objective, rel=1e-12)
    assert table["all"]["loss"] == pytest.approx(result.objective - right.objective, abs=1e-5)
    assert table["all"]["loss"] > 0.0
    assert sum(row["loss"] for name, row in table.items() if name != "all") == pytest.approx(table["all"]["loss"])
    # Payments cancel at one price, both times.
    assert table["all"]["payment"] == pytest.approx(0.0, abs=1e-9)
    assert table["all"]["optimum_payment"] == pytest.approx(0.0, abs=1e-6)
    price, best = result.simulation.state.price[0, 0], right.simulation.state.price[0, 0]
    assert price > best  # the others sell dearer
    assert table["biogas"]["loss"] < 0.0 < table["village"]["loss"]


def test_who_is_stubborn_loses_by_it(strategic):
    result = run_scenario(pool(strategic, village="Stubborn"), progress=False)
    assert result.outcome == "AGREED"
    assert result.shading["village"]["loss"] > 0.0
    assert result.shading["all"]["loss"] > 0.0


def test_a_load_that_says_less_than_it_wants_in_three_microgrids(strategic):
    settings = {"A.load.type": f"{strategic}:Modest", "step_size": 0.3}
    result = run_scenario(load_scenario("three-microgrids", settings), progress=False)
    assert result.outcome == "AGREED"
    assert "A.load answers by declaration" in result.reason
    assert result.shading["all"]["loss"] > 1e-3


def test_two_who_declare_it_and_no_reference(strategic):
    result = run_scenario(pool(strategic, hydro="Shading", village="Stubborn"), reference=False, progress=False)
    assert result.outcome == "AGREED"
    assert "hydro and village answer by declaration" in result.reason
    assert result.shading == {}


def test_the_table_and_the_json_tell_it(strategic, monkeypatch):
    monkeypatch.chdir(strategic.parent)
    words = ("run", "pool-14", "--set", "hydro.type=strategic.py:Shading")
    told = json.loads(call(*words, "--json", "--out", "kept").stdout)
    assert told["outcome"] == "AGREED"
    assert told["probe"]["strategic"] == ["hydro"]
    assert told["shading"]["hydro"]["loss"] != 0.0
    assert told["certificate"]["lower"] is None
    kept = json.loads((strategic.parent / "kept" / "result.json").read_text())
    assert kept["shading"] == told["shading"]
    text = " ".join(call(*words).stdout.split())
    assert "hydro (declared)" in text
    assert "no bound of the optimum" in text
    assert call(*words, "--strict").exit_code == 3


def test_what_nobody_declares_is_not_told():
    result = run_scenario(load_scenario("pool-14"), progress=False)
    assert result.shading == {}
    assert "shading" not in result.to_dict()
    text = io.StringIO()
    print_result(result, Console(file=text, width=200))
    assert "declared" not in text.getvalue()

"""Limits that cannot be meant are refused before the run, with the field that they stand in."""

import pytest

from gridparley import load_scenario
from gridparley.agents import AgentError
from gridparley.runs import ScenarioError


def test_a_limit_that_only_the_other_end_knows_is_refused_of_operators_that_must_know_it():
    with pytest.raises(ScenarioError) as caught:
        load_scenario("three-microgrids", ["limit=own_pv"]).simulation()
    said = str(caught.value)
    assert said.startswith("tie_line A-B: limit = 'own_pv' leaves it to the other end")
    assert "MicrogridOperator has to know (import_max); wanted 'pv' or a number of kW" in said
    load_scenario("prosumer-day").simulation()  # with operators that need not know


def test_no_microgrid_has_a_terawatt_of_pv():
    with pytest.raises(AgentError, match=r"A.operator: pv = 1e\+15; wanted .*at most 1e\+09"):
        load_scenario("three-microgrids", ["pv=1e15"]).simulation()
    load_scenario("three-microgrids", ["pv=1e9"]).simulation()

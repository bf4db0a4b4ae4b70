"""A simulation that nobody holds any more is gone."""

from __future__ import annotations

import gc
import weakref

import pytest

from gridparley import load_scenario, run_scenario


@pytest.mark.parametrize("name", ["three-microgrids", "pool-14", "feeder-toy"])
def test_simulations_are_collected_over_many_runs(name):
    scenario, seen = load_scenario(name), []
    for _ in range(5):
        simulation = scenario.simulation()
        simulation.run(4)
        seen.append(weakref.ref(simulation))
        del simulation
    gc.collect()
    assert [ref() for ref in seen] == [None] * 5


def test_a_run_with_a_record_is_collected_with_its_result(tmp_path):
    scenario, seen = load_scenario("three-microgrids"), []
    for number in range(3):
        result = run_scenario(scenario, ticks=10, reference=False, progress=False, out=tmp_path / str(number))
        seen.append(weakref.ref(result.simulation))
        del result
    gc.collect()
    assert [ref() for ref in seen] == [None] * 3


def test_mesa_agents_are_numbered_from_one_in_each_simulation():
    for _ in range(2):
        simulation = load_scenario("three-microgrids").simulation()
        assert sorted(agent.unique_id for agent in simulation.agents) == list(range(1, len(simulation.agents) + 1))

"""Restoring feasibility: wherever a negotiation stands, a feasible point is found if there is one."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import load_scenario
from gridparley.runs.judge.certificate import certify
from gridparley.runs.judge.reference import central_solve

THREE = "three-microgrids"
MANY = "microgrids"
CASES = [
    (THREE, ["alpha=0.5"], 1990),
    (THREE, ["A.operator.power_max=0", "B.operator.power_max=0.05"], 60),
    (THREE, ["C.operator.power_max=0", "step_size=0.2"], 100),
    (THREE, ["A.operator.power_max=0.1", "alpha=2"], 40),
    (THREE, ["power_max=0", "step_size=0.2"], 50),
    (THREE, ["power_max=0.05"], 70),
    (MANY, ["microgrids=6", "lines=copperplate", "prosumers=3..6", "periods=4", "step_size=1e-4"], 400),
    (MANY, ["microgrids=6", "topology=ring", "prosumers=3..6", "periods=4"], 60),
    (MANY, ["microgrids=10", "topology=random_regular", "prosumers=3..6", "periods=6", "generate.seed=3"], 400),
    (MANY, ["microgrids=40", "lines=copperplate", "prosumers=30"], 20),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings", "ticks"), CASES, ids=lambda value: str(value))
def test_limits_in_the_way_of_the_last_answers_do_not_keep_a_point_from_being_found(name, settings, ticks):
    simulation = load_scenario(name, settings).simulation()
    simulation.run(ticks)
    market, observer = simulation.market, simulation.observer
    found = certify(market, observer, simulation.state)
    assert found.x is not None
    assert np.abs(observer.imbalance(found.x)).max() < 1e-9
    best = central_solve(market).cost
    assert found.lower - 1e-6 <= best <= found.upper + 1e-6


@pytest.mark.slow
def test_no_point_is_found_where_there_is_none():
    # B must use 1 kW of PV: its load takes 0.25 kW and its two lines 0.3 kW each.
    simulation = load_scenario(THREE, ["limit=0.3"]).simulation()
    simulation.run(60)
    assert central_solve(simulation.market) is None
    assert certify(simulation.market, simulation.observer, simulation.state).x is None

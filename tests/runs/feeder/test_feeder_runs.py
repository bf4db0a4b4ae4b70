"""Runs on feeders that cannot be: what is no feeder is an error with the place, what nobody can keep is INFEASIBLE."""

import re

import numpy as np
import pytest

from gridparley import Outcome, load_scenario, run_scenario
from gridparley.agents import AgentError, FeederError

from ...reference.feeder_problem import FeederProblem
from ...reference.feeder_reference import central_feeder

HEADER = "from,to,r_ohm,x_ohm\n"


def on(tmp_path, *lines):
    file = tmp_path / "street.csv"
    file.write_text(HEADER + "\n".join(lines) + "\n")
    return load_scenario("feeder-toy", {"feeder": str(file), "base_kv": 0.4})


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("1,2,0.05,0.03", "2,3,0.06,0.03", "2,4,0.1,0.04", "4,3,0.1,0.04"), "is meshed: there is a loop"),
        (("1,2,0.05,0.03", "2,3,0.06,0.03", "5,4,0.1,0.04"), "no line joins bus 5 and 1 more to the source 1"),
        (("1,2,0,0.03", "2,3,0.06,0.03", "2,4,0.1,0.04"), "line 1-2: r_ohm = 0.0; wanted a resistance above zero"),
        (("1,2,0.05,0.03", "2,3,0.06,0.03"), "no bus is called '4'; there is 1, 2, 3"),
    ],
)
def test_what_is_no_feeder_is_refused_with_the_place(tmp_path, lines, words):
    with pytest.raises(FeederError, match=words):
        on(tmp_path, *lines).simulation()


def test_limits_that_no_connection_can_keep_are_refused_with_the_place():
    with pytest.raises(
        AgentError, match=r"network.operator: .*voltage of bus [234] \(period 0\): nothing that the ports"
    ):
        load_scenario("feeder-toy", {"v_min": 1.2, "v_max": 1.3}).simulation()


@pytest.mark.parametrize("losses", ["none", "exact"])
def test_limits_that_no_injection_keeps_are_infeasible_with_the_place(losses):
    wanted = {"low": [-60.0] * 4, "high": [-50.0] * 4, "losses": losses}
    result = run_scenario(load_scenario("feeder-toy", wanted))
    assert result.outcome is Outcome.INFEASIBLE
    assert re.search(r"at least \d+(\.\d+)? kW are missing at network-p\d$", result.reason)


@pytest.mark.slow
def test_with_losses_a_negotiated_point_keeps_all_limits_in_ac_and_is_the_central_one():

    result = run_scenario(load_scenario("feeder-toy", {"losses": "exact"}))
    assert result.outcome is Outcome.CONVERGED
    found = result.feeder
    assert found["with"]["pandapower"]["over_pu"] <= 1e-6
    assert found["with"]["pandapower"]["over_kw"] <= 1e-3
    assert found["without"]["over_pu"] > 0.04
    assert found["without"]["over_kw"] > 30.0
    best = central_feeder(FeederProblem.of(result.simulation.market), "relaxed")
    p = np.array([port["p"][0] for port in found["ports"].values()])
    dlmp = np.array([port["dlmp"][0] for port in found["ports"].values()])
    assert np.abs(p - best.p).max() <= 1e-3
    assert np.abs(dlmp - best.dlmp).max() <= 1e-6  # 1e-4 ct/kWh

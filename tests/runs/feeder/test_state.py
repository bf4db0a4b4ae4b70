"""What a run on a feeder says of its network, and the figure of that."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gridparley.runs.feeder.ports import network_ports
from gridparley.runs.feeder.read import load_feeder
from gridparley.runs.feeder.state import feeder_state, flow_text, unasked
from gridparley.runs.figures.feeder import feeder_figure
from gridparley.runs.record.files.folder_read import RecordedRun
from gridparley.runs.scenario.scenario import load_scenario

from ...reference.feeder_problem import FeederProblem
from ...reference.feeder_reference import central_feeder
from ..feeders import toy


def optimum(losses, **facts):
    """A market on the toy feeder, everybody's rows at the central optimum, and the prices of its lines."""
    market = toy(losses=losses, **facts)
    found = central_feeder(FeederProblem.of(market), losses)
    x = [np.zeros((p.society.rows, 1)) for p in market.populations]
    x[0][1:, 0] = found.p
    return market, x, np.concatenate([found.dlmp, found.trade_price])[:, None], found


@pytest.mark.parametrize("losses", ["none", "exact"])
def test_prices_are_split_as_the_central_programme_has_them(losses):
    market, x, price, found = optimum(losses, wholesale=6.0)
    told = feeder_state(market, x, price)
    ports = told["ports"]
    assert list(ports) == ["peer1", "peer2", "peer3", "peer4"]
    assert [port["bus"] for port in ports.values()] == ["2", "3", "4", "4"]
    assert [port["p"][0] for port in ports.values()] == pytest.approx(found.p.tolist())
    assert [port["dlmp"][0] for port in ports.values()] == pytest.approx(found.dlmp.tolist(), abs=1e-5)
    for port in ports.values():
        assert sum(port[part][0] for part in ("energy", "loss", "congestion", "voltage")) == pytest.approx(
            port["dlmp"][0]
        )
        assert port["energy"] == [6.0]


def test_with_losses_all_limits_hold_and_two_are_reached():
    told = feeder_state(*optimum("exact")[:3])
    for found in (told["with"], told["with"]["pandapower"]):
        assert found["over_pu"] == pytest.approx(0.0, abs=1e-8)
        assert found["over_kw"] == pytest.approx(0.0, abs=1e-5)
    assert (told["with"]["where_pu"], told["with"]["where_kw"]) == ("bus 4", "line 2-3")
    assert "without" not in told


def test_without_the_operator_limits_are_broken_by_far():
    told = feeder_state(*optimum("exact")[:3], solve=True)
    assert told["without"]["over_pu"] > 0.03
    assert told["without"]["over_kw"] > 15.0


@pytest.mark.parametrize("wholesale", [0.0, 6.0])
def test_what_would_flow_without_the_operator_is_the_optimum_without_its_network(wholesale):
    market = toy(losses="exact", wholesale=wholesale)
    free = unasked(network_ports(market))
    best = central_feeder(FeederProblem.of(market).without_limits())
    assert free[0] == pytest.approx(0.0, abs=1e-9)
    assert free[1:, 0] == pytest.approx(best.p, abs=1e-7)


@pytest.mark.slow
def test_what_flows_is_said_in_a_sentence():
    kept = flow_text(feeder_state(*optimum("exact")[:3], solve=True))
    assert kept.startswith("voltages are within their limits, lines are within theirs; pandapower says the same; ")
    assert "without the network operator bus 4 is 0.0317 pu beyond its limit, line 2-3 is" in kept
    broken = flow_text(feeder_state(*optimum("none")[:3]))
    assert broken.startswith("bus 4 is 0.00")
    assert broken.endswith("pandapower says the same")
    nowhere = {"over_pu": None, "over_kw": None, "pandapower": None}
    assert flow_text({"with": nowhere}) == "no power flow exists; pandapower finds no power flow"


def test_a_market_without_limits_differs_in_nothing_else():
    problem = FeederProblem.of(toy(wholesale=6.0))
    free = problem.without_limits()
    assert np.isinf(free.feeder.limit_kw).all()
    assert (free.wholesale, free.loss_price) == (6.0, 0.0)
    wide = replace(problem, feeder=load_feeder("toy"), v_min=0.01, v_max=9.0)
    assert central_feeder(free).cost <= central_feeder(wide).cost


def test_where_there_is_no_network_nothing_is_told():
    market = load_scenario("three-microgrids").simulation().market
    assert network_ports(market) is None
    assert feeder_state(market, [], np.zeros((3, 1))) == {}


def test_where_no_power_flows_voltages_are_null_and_no_figure_is_drawn(tmp_path):
    market, x, price, _ = optimum("exact")
    x[0][1:] = -1e4
    told = feeder_state(market, x, price)
    assert np.isnan(told["with"]["voltage"]).all()
    assert told["with"]["pandapower"] is None
    assert told["ports"]["peer1"]["dlmp"] is None or np.isfinite(told["ports"]["peer1"]["dlmp"]).all()
    assert feeder_figure(recorded(tmp_path, json.loads(json.dumps(told).replace("NaN", "null")))) is None


def recorded(path, feeder):
    result = {
        "scenario": "toy",
        "protocol": "dlmp_admm",
        "seed": 0,
        "outcome": "CONVERGED",
        "ticks": 9,
        "feeder": feeder,
    }
    return RecordedRun(path=path, result=result, metrics={}, prices={}, messages=[], faults=[])


@pytest.mark.slow
def test_the_figure_shows_both_ways_of_flowing_limits_and_parts(tmp_path):
    told = feeder_state(*optimum("exact", wholesale=6.0)[:3], solve=True)
    told["limit_kw"] = [None, 40.0, None]
    figure = feeder_figure(recorded(tmp_path, told))
    voltage, lines, prices = figure.axes
    words = [[text.get_text() for text in axis.get_legend().get_texts()] for axis in figure.axes]
    assert any("without the network" in word for word in words[0])
    assert words[1] == ["line", "at its limit", "without the network\noperator", "limit"]
    assert words[2] == ["DLMP", "energy", "loss", "congestion", "voltage"]
    assert [tick.get_text() for tick in lines.get_xticklabels()] == ["1-2", "2-3", "2-4"]
    assert "peer1\n(bus 2)" in [tick.get_text() for tick in prices.get_xticklabels()]
    assert voltage.get_ylabel() == "voltage, pu"


def test_a_run_without_a_feeder_has_no_such_figure(tmp_path):
    assert feeder_figure(recorded(tmp_path, None)) is None

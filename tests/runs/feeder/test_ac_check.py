"""The AC check by pandapower: agreement with our own power flow, and what a market without losses breaks."""

import warnings

import numpy as np
import pandas as pd
import pytest

from gridparley.agents import FeederError, NetworkOperator
from gridparley.agents.network.radial import RadialGrid
from gridparley.runs import RunError
from gridparley.runs.feeder.ac_check import ac_check, ac_flow
from gridparley.runs.feeder.read import FEEDERS, from_pandapower, load_feeder

with warnings.catch_warnings(action="ignore"):
    import pandapower


def operator(losses):
    facts = {
        "ports": [4],
        "bus": [1, 2, 3, 3],
        "tan_phi": [0.0, 0.1, 0.2, -0.1],
        "export_max": 60.0,
        "import_max": 60.0,
    }
    return NetworkOperator(feeder=load_feeder("toy"), wholesale=0.12, losses=losses, **facts)


def taken(losses):
    """What four prosumers are given who want 30 kW each."""
    society = operator(losses)
    price, target = np.full((5, 1), 0.12), np.array([[0.0], [-30.0], [-30.0], [-30.0], [-30.0]])
    return society, society.respond(price, target, np.full((5, 1), 1e-3))


@pytest.mark.parametrize("name", FEEDERS)
@pytest.mark.parametrize("factor", [1.0, 0.4, -0.7])
def test_our_power_flow_is_pandapower_s(name, factor):
    grid = RadialGrid(load_feeder(name))
    load = factor * grid.load, factor * grid.load_reactive
    ours = grid.flow(*load, np.array([1.02]))
    voltage, line_kw, losses = ac_flow(grid.feeder, *load, np.array([1.02]))
    assert ours.voltage == pytest.approx(voltage, abs=1e-8)
    assert ours.active == pytest.approx(line_kw, abs=1e-6)
    assert (grid.r * ours.current).sum(axis=0) == pytest.approx(losses, abs=1e-6)


@pytest.mark.parametrize(("name", "losses", "lowest"), [("ieee33", 202.68, 0.91309), ("ieee69", 224.99, 0.90919)])
def test_base_cases_are_those_of_the_literature(name, losses, lowest):
    feeder = load_feeder(name)
    voltage, _, lost = ac_flow(feeder, feeder.load_kw[:, None], feeder.load_kvar[:, None], np.ones(1))
    assert lost[0] == pytest.approx(losses, abs=0.005)
    assert voltage.min() == pytest.approx(lowest, abs=5e-6)


@pytest.mark.parametrize("losses", ["lindistflow", "exact"])
def test_limits_that_are_kept_with_losses_are_kept_in_ac(losses):
    found = ac_check(*taken(losses))
    assert found.over_pu <= 1e-8
    assert found.over_kw <= 1e-6
    assert found.voltage.min() == pytest.approx(0.95, abs=1e-8)


def test_limits_that_are_kept_without_losses_are_broken_in_ac():
    found = ac_check(*taken("none"))
    assert found.over_pu > 1e-3
    assert found.where_pu == "bus 4"


def test_a_flow_that_does_not_exist_is_said():
    with pytest.raises(RunError, match="no AC power flow of feeder toy in period 0"):
        ac_check(operator("none"), np.full((5, 1), -1e4))


def ext_grid(buses):
    facts = {"vm_pu": 1.0, "va_degree": 0.0, "slack_weight": 1.0, "in_service": True}
    return pd.DataFrame({"name": None, "bus": buses} | facts)


def two_lines(net_changes=lambda net: None):
    with warnings.catch_warnings(action="ignore"):
        net = pandapower.create_empty_network(name="street")
        buses = [int(bus) for bus in pandapower.create_buses(net, 3, vn_kv=0.4)]
        net["ext_grid"] = ext_grid(buses[:1])
        pandapower.create_lines_from_parameters(net, buses[:2], buses[1:], [0.1, 0.2], 0.5, 0.3, 0.0, 0.1)
        pandapower.create_loads(net, buses[1:], [0.004, 0.002], [0.001, 0.0])
        pandapower.create_sgens(net, buses[2:], [0.003], [0.0])
        net_changes(net)
    return net


def test_a_network_of_pandapower_is_read_and_flows_the_same():
    net = two_lines()
    feeder = from_pandapower(net)
    assert feeder.name == "street"
    assert feeder.r_ohm.tolist() == pytest.approx([0.05, 0.1])
    assert feeder.load_kw.tolist() == pytest.approx([0, 4, -1])
    assert feeder.limit_kw == pytest.approx(np.sqrt(3) * 0.4 * 0.1 * 1e3)
    grid = RadialGrid(feeder)
    with warnings.catch_warnings(action="ignore"):
        pandapower.runpp(net, tolerance_mva=1e-13, numba=False)
    assert grid.flow(grid.load, grid.load_reactive, np.ones(1)).voltage[:, 0] == pytest.approx(
        net.res_bus.vm_pu, abs=1e-8
    )


def closed_ring(net):
    pandapower.create_lines_from_parameters(net, [0], [2], 0.1, 0.5, 0.3, 0.0, 0.1)


def cut(net):
    pandapower.create_switches(net, [1], [1], et="l", closed=[False])


def joined(net):
    pandapower.create_switches(net, [1], [2], et="b", closed=[True])


def second_grid(net):
    net["ext_grid"] = ext_grid([0, 2])


def generator(net):
    pandapower.create_gens(net, [2], [0.001])


def other_level(net):
    net.bus.loc[2, "vn_kv"] = 10.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (closed_ring, "is meshed: there is a loop"),
        (cut, "a load is at bus '2'"),
        (joined, "net.switch joins two buses"),
        (second_grid, "net.ext_grid has 2 rows in service"),
        (generator, "net.gen is not empty"),
        (other_level, r"net.bus.vn_kv has \[0.4, 10.0\]"),
    ],
)
def test_a_network_of_pandapower_that_is_no_radial_feeder_is_refused(change, words):
    with pytest.raises(FeederError, match=words):
        from_pandapower(two_lines(change))

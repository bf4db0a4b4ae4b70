"""Settlement: payments cancel, costs add up to the objective, and alone is what a negotiation without transfers comes to."""

from __future__ import annotations

import json
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest

from gridparley import load_scenario, run_scenario
from gridparley.agents import DispatchOperator
from gridparley.environment import Topology
from gridparley.protocols import Market, Population
from gridparley.runs.judge.reference import central_solve
from gridparley.runs.result.settlement import settle
from gridparley.runs.scenario.build import virtual_agents
from gridparley.runs.scenario.tables.columns import profiles_file

from ..command import call


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    """The first six hours of prosumer-day."""
    folder = tmp_path_factory.mktemp("settlement")
    lines = profiles_file("prosumer-day-1h.csv", None).read_text().splitlines()
    (folder / "morning.csv").write_text("\n".join(lines[:7]) + "\n")
    (folder / "morning.toml").write_text('base = "prosumer-day"\nperiods = 6\nprofiles = "morning.csv"\n')
    return folder / "morning.toml"


@pytest.fixture(scope="module")
def day(scenario):
    return run_scenario(load_scenario(scenario), reference=False)


@pytest.fixture(scope="module")
def settlement(day):
    return day.settlement(solve=True)


def total(table, key):
    return sum(row[key] for row in table.values())


def test_payments_cancel_and_costs_are_the_objective(day, settlement):
    assert list(settlement) == ["A", "B", "C"]
    assert abs(total(settlement, "payment")) < 1e-8
    assert total(settlement, "cost") == pytest.approx(day.objective, rel=1e-12)
    for row in settlement.values():
        assert row["together"] == row["cost"] + row["payment"]
        assert row["gain"] == row["alone"] - row["together"]


def test_every_microgrid_gains(settlement):
    assert all(row["gain"] > 0.1 for row in settlement.values())


def test_payments_are_the_transfers_at_their_prices(day, settlement):
    lines = day.tie_lines()
    paid = {name: np.dot(row["transfer"], row["transfer_price"]) for name, row in lines.items()}
    assert settlement["A"]["payment"] == pytest.approx(-paid["A-B"] - paid["A-C"], abs=1e-8)
    assert settlement["C"]["payment"] == pytest.approx(paid["A-C"] + paid["B-C"], abs=1e-8)


@pytest.mark.slow
def test_alone_is_what_a_negotiation_without_transfers_comes_to(scenario, settlement):
    apart = run_scenario(load_scenario(scenario, {"limit": 0.0}), reference=False)
    assert all(np.abs(row["transfer"]).max() < 1e-9 for row in apart.tie_lines().values())
    for name, row in apart.settlement(solve=True).items():
        assert row["cost"] == pytest.approx(settlement[name]["alone"], rel=1e-6)
        assert abs(row["gain"]) < 1e-3


def test_nobody_asked_for_it_or_nothing_to_keep_is_no_settlement(day):
    assert day.settlement() == day.to_dict()["settlement"] == {}
    stopped = run_scenario(load_scenario("three-microgrids"), ticks=1, reference=False)
    assert stopped.settlement(solve=True) == {}


def test_who_cannot_do_without_transfers_has_no_gain():
    """Note 000's B and C have more PV than they use, and cannot get rid of it."""
    table = run_scenario(load_scenario("three-microgrids"), reference=False).settlement(solve=True)
    assert all(row["alone"] == np.inf for row in table.values())
    assert abs(total(table, "payment")) < 1e-9


@pytest.mark.slow
def test_several_periods_at_once():
    result = run_scenario(load_scenario("microgrids", {"microgrids": 3, "prosumers": 2, "periods": 3}))
    table = result.settlement(solve=True)
    assert total(table, "cost") == pytest.approx(result.objective, rel=1e-9)
    assert abs(total(table, "payment")) < 1e-8
    assert all(row["gain"] > -1e-6 for row in table.values())


def test_operators_that_plan_a_day_are_settled_without_a_solve():
    """Two plants, one cheap and one dear: sharing gains for both, and alone each is dispatched by its own cost."""
    graph = nx.Graph([("dear", "cheap")])
    nx.set_node_attributes(graph, {name: {"operator": 1} for name in graph}, "members")
    topology = Topology.from_graph(graph)
    plants = DispatchOperator(
        names=["dear.operator", "cheap.operator"], periods=2, ports=[1, 1], load=[[5.0, 7.0], [2.0, 3.0]], hours=0.5,
        cost_quadratic=[0.05, 0.01], cost_linear=[0.2, 0.1], power_max=20.0, bus_max=0.0, transfer_quadratic=0.001,
        export_max=4.0, import_max=4.0,
    )  # fmt: skip
    address = np.array([topology.address(f"{name}.operator") for name in topology.homes], dtype=np.int32)
    virtual = virtual_agents(topology, np.full((3, 1), 0.2), 2)
    market = Market(topology, virtual, (Population(plants, address),), 2)
    best, apart = central_solve(market), central_solve(market, transfers=False)
    x = [rows.copy() for rows in best.x]
    ports = plants.port_rows
    x[0][plants.own_rows] = 0.0
    x[0][ports] = np.clip(x[0][ports], -4.0, 4.0)
    state = SimpleNamespace(price=best.price)
    table = settle(SimpleNamespace(market=market, state=state), x)
    assert total(table, "cost") == pytest.approx(0.5 * best.cost, abs=1e-6)
    assert total(table, "alone") == pytest.approx(0.5 * apart.cost, abs=1e-6)
    assert abs(total(table, "payment")) < 1e-6
    assert table["cheap"]["payment"] < -0.1 < 0.1 < table["dear"]["payment"]
    assert min(row["gain"] for row in table.values()) > 0.01
    short = plants.replace(power_max=np.array([[6.0], [20.0]]))  # the dear one cannot serve its second load alone
    weak = Market(topology, virtual, (Population(short, address),), 2)
    table = settle(SimpleNamespace(market=weak, state=state), x)
    assert (table["dear"]["alone"], np.isfinite(table["cheap"]["alone"])) == (np.inf, True)


@pytest.mark.slow
def test_the_command_prints_it_and_result_json_holds_it(tmp_path):
    done = call("run", "prosumer-day", "--ticks", 150, "--settlement", "--no-reference", "--out", tmp_path)
    assert "settlement" in done.stdout
    assert "at the optimum without transfers" in " ".join(done.stdout.split())
    told = json.loads((tmp_path / "result.json").read_text())
    assert set(told["settlement"]) == {"A", "B", "C"}
    assert "--settlement" in (tmp_path / "command.txt").read_text()


def test_the_command_says_when_there_is_none():
    done = call("run", "three-microgrids", "--ticks", 1, "--settlement")
    assert done.exit_code == 0
    assert "no settlement" in done.stderr

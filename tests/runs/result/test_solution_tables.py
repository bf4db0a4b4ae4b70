"""What agents and balances come out with: data frames, JSON, notebook and terminal."""

import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

from gridparley import load_scenario, run_scenario
from gridparley.runs.cli.tables.tables import print_result
from gridparley.runs.result import solution_tables


@pytest.fixture(scope="module")
def communities():
    return run_scenario(load_scenario("communities"), progress=False)


@pytest.fixture(scope="module")
def three():
    return run_scenario(load_scenario("three-microgrids"), progress=False)


@pytest.fixture(scope="module")
def peers():
    return run_scenario(load_scenario("peers-50", {"agents": 10, "trades": 25}), progress=False)


def printed(result, width=80):
    console = Console(width=width, file=io.StringIO())
    print_result(result, console)
    return console.file.getvalue()


@pytest.mark.parametrize("name", ["communities", "three", "peers"])
def test_power_payments_and_costs_add_up(name, request):
    result = request.getfixturevalue(name)
    agents, balances = result.agents(), result.balances()
    assert agents["cost_usd_per_h"].sum() == pytest.approx(result.total_cost)
    assert agents["payment_usd_per_h"].sum() == pytest.approx(0.0, abs=1e-9)
    assert agents["power_kw"].sum() == pytest.approx(0.0, abs=1e-9)
    turnover = balances["price_usd_per_kwh"] * balances["power_kw"]
    assert balances["payment_usd_per_h"].tolist() == pytest.approx(turnover.tolist())


def test_an_agent_has_a_type_and_a_home_and_a_balance_a_kind(communities):
    agents = communities.agents().set_index("name")
    assert agents.loc["north.manager", ["type", "home"]].tolist() == ["CommunityManager", "north"]
    assert abs(agents.loc["north.manager", "power_kw"]) < 1e-6
    balances = communities.balances().set_index("name")
    assert balances["kind"].to_dict() == dict.fromkeys(("north", "east", "south"), "community") | {"pool": "pool"}
    assert balances[["from", "to"]].isna().all(axis=None)
    assert communities.microgrids()["north"]["generation"] == pytest.approx(45.0)


def test_a_tie_line_has_ends_and_the_price_of_an_import(three):
    line = three.balances().set_index("name").loc["A-B"]
    assert line[["from", "to"]].tolist() == ["A.operator", "B.operator"]
    assert line["power_kw"] == pytest.approx(three.tie_lines()["A-B"]["transfer"])
    assert line["price_usd_per_kwh"] == pytest.approx(2.5)


def test_json_says_the_same_without_units(communities):
    told = json.loads(json.dumps(communities.to_dict()))
    frame = communities.agents()
    assert [agent["power"] for agent in told["agents"]] == frame["power_kw"].tolist()
    assert list(told["balances"][0]) == ["name", "kind", "from", "to", "price", "power", "payment"]
    assert told["balances"][0]["from"] is None


def test_json_of_a_large_market_does_without(communities, monkeypatch):
    monkeypatch.setattr(solution_tables, "ROWS_MAX", 10)
    told = communities.to_dict()
    assert told["agents"] is None
    assert len(told["balances"]) == 4


def test_a_day_has_a_row_a_period_and_a_list_in_json():
    result = run_scenario(load_scenario("prosumer-day"), ticks=100, reference=False, progress=False)
    agents, told = result.agents(), result.to_dict()["agents"]
    periods = len(result.ends)
    assert periods > 1
    mine = agents[agents["name"] == "A.resident-1"]
    assert mine["period"].tolist() == list(range(periods))
    assert next(agent for agent in told if agent["name"] == "A.resident-1")["power"] == mine["power_kw"].tolist()
    assert agents.groupby("period")["payment_usd_per_h"].sum().abs().max() < 1e-6


def test_a_notebook_shows_outcome_and_two_short_tables(peers):
    text = peers._repr_html_()
    assert "CONVERGED" in text
    assert text.count("<table") == 2
    assert text.count("<tr") == 2 * (1 + 10)
    assert "and 15 more rows in <code>result.balances()</code>" in text
    assert "<Result" not in text


def test_a_terminal_shows_every_agent_of_a_pool_and_fits(communities):
    text = printed(communities)
    for agent in communities.agents()["name"]:
        assert re.search(rf"^{re.escape(agent)} +(north|east|south) +-?\d+\.\d+ +0\.\d{{4}} ", text, re.M)
    assert re.search(r"^pool +pool +0\.\d{4} ", text, re.M)
    assert "microgrid" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_of_many_trades_it_shows_the_largest_and_a_sum(peers):
    text = printed(peers)
    shown = re.findall(r"^(p\d+) +(p\d+) +(\d+\.\d{3}) ", text, re.M)
    assert len(shown) == 12
    largest = np.sort(peers.balances()["power_kw"].abs())[::-1]
    assert [float(power) for *_, power in shown] == pytest.approx(largest[:12], abs=1e-3)
    rest = re.search(r"and 13 smaller of 25: (\d+\.\d{3}) kW", text)
    assert float(rest[1]) == pytest.approx(largest[12:].sum(), abs=2e-3)


def test_microgrids_are_shown_as_microgrids(three):
    text = printed(three)
    assert re.search(r"^A +3\.0980 +2\.6049", text, re.M)
    assert "agent" not in text

"""A day of note 001, period after period: every one against a central solve, from any penalty, whatever is lost."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gridparley import load_scenario, run_scenario
from gridparley.runs import ScenarioError

from ..command import call

pytestmark = pytest.mark.slow  # each test negotiates some hours, and most of them a day


@pytest.fixture(scope="module")
def day():
    return run_scenario(load_scenario("prosumer-day"))


@pytest.mark.parametrize("rho", [0.001, 10.0])
def test_every_period_meets_its_central_solve_from_any_penalty(rho):
    check(run_scenario(load_scenario("prosumer-day", {"rho": rho})))


def test_a_day_of_quarters_of_an_hour_too():
    result = run_scenario(load_scenario("prosumer-day-15min"))
    assert len(result.ends) == 96
    check(result)


def check(result):
    assert str(result.outcome) == "CONVERGED", result.reason
    rounds = []
    for end, best in zip(result.ends, result.references, strict=True):
        assert str(end.verdict.outcome) == "CONVERGED"
        assert abs(end.certificate.upper - best.cost) <= 1e-8 * max(abs(best.cost), 1.0)
        buses = end.market.topology.place  # the price of a tie-line that is full is not unique
        assert np.abs(end.price - best.price)[buses].max() <= 1e-5
        assert max(np.abs(a - b).max() for a, b in zip(end.x, best.x, strict=True)) <= 1e-3
        rounds.append(end.rounds)
    assert np.median(rounds) <= 90
    assert max(rounds) <= 180
    assert result.unserved == {}
    for row in result.microgrids().values():
        assert (np.array(row["soc"]) >= 0.1 - 1e-9).all()
        assert (np.array(row["soc"]) <= 0.9 + 1e-9).all()


def test_what_is_committed_balances_and_rolls_on(day):
    """Powers add up at every bus, and a state of charge is what the discharge of the period before has left."""
    capacity = {"A": 60.0, "B": 100.0, "C": 80.0}
    for name, row in day.microgrids().items():
        soc, discharge = np.array(row["soc"]), np.array(row["storage"])
        assert np.allclose(soc[1:], soc[:-1] - discharge[:-1] / capacity[name], atol=1e-9)
        supply = np.array(row["generation"]) + row["pv"] + discharge
        assert np.allclose(supply, np.array(row["demand"]) + row["net_export"], atol=1e-8)
    for row in day.tie_lines().values():
        assert len(row["transfer"]) == 24


def test_lost_and_late_messages_and_a_crash_move_no_bit():
    plain, ticks = three_hours()
    faulty, more = three_hours("loss=0.3", "delay=0..5", "crash,agent=B.operator,from=100,to=120")
    assert plain == faulty
    assert more > ticks


def test_one_by_one_and_in_any_order_it_is_the_same_day():
    assert three_hours() == three_hours(one_by_one=True, order=lambda roles: roles[::-1])


def three_hours(*faults, **options):
    """Run three periods: what was committed, and the ticks."""
    simulation = load_scenario("prosumer-day", faults=faults).simulation(**options)
    while simulation.day.number < 3:
        simulation.step()
    return [x.tobytes() for end in simulation.day.ends for x in end.x], simulation.tick


def test_a_keeper_that_loses_its_memory_as_a_period_opens_finds_its_place():
    crash = "crash,agent=A.virtual,from=70,to=90,memory=lost"
    simulation = load_scenario("prosumer-day", faults=[crash]).simulation()
    while simulation.day.number < 3 and simulation.tick < 3000:
        simulation.step()
    assert simulation.day.number == 3
    assert [str(end.verdict.outcome) for end in simulation.day.ends] == ["CONVERGED"] * 3


def test_the_gate_closes_on_those_who_have_not_stopped():
    result = run_scenario(load_scenario("prosumer-day", {"ticks_per_period": 30}), reference=False)
    assert len(result.ends) == 24
    assert {end.ticks for end in result.ends} <= set(range(31))
    assert str(result.outcome) != "CONVERGED"
    assert "period 0 (06:00)" in result.reason


def test_dual_decomposition_negotiates_the_same_day():
    options = {"step_size": 2e-4, "eps_abs": 1e-6, "eps_rel": 1e-6, "ticks_per_period": 3000}
    simulation = load_scenario("prosumer-day", options, protocol="dual_decomposition").simulation()
    while simulation.day.number < 1:
        simulation.step()
    best = load_scenario("prosumer-day").simulation()
    while best.day.number < 1:
        best.step()
    apart = np.abs(simulation.day.ends[0].price - best.day.ends[0].price)
    assert apart[simulation.market.topology.place].max() < 1e-3


def test_an_ev_that_cannot_be_charged_is_reported():
    result = run_scenario(load_scenario("prosumer-day", {"A.ev-1.need": 500.0}), reference=False)
    assert list(result.unserved) == ["A.ev-1"]
    assert 500.0 - 12 * 7.2 * 0.92 <= result.unserved["A.ev-1"] < 500.0


@pytest.mark.parametrize(
    ("settings", "fragments"),
    [
        ({"A.operator.soc_min": 0.0}, ["A.operator", "soc_min = 0", "more than 0"]),
        ({"A.ev-1.departure": 17.0}, ["A.ev-1", "departure = 17", "more than arrival = 18.64"]),
        ({"clock.hours": 0.5}, ["profiles", "steps of 1 h; wanted 0.5 h"]),
        ({"periods": 23}, ["profiles", "24 periods; wanted 23"]),
        ({"A.operator.pv": "pv_Z"}, ["A.operator: pv = 'pv_Z'", "pv_A"]),
        ({"profiles": "nowhere.csv"}, ["profiles = 'nowhere.csv'", "cannot be read"]),
    ],
)
def test_what_is_wrong_is_said_with_its_place(settings, fragments):
    with pytest.raises((ScenarioError, ValueError)) as caught:
        load_scenario("prosumer-day", settings).simulation()
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_profiles_with_a_gap_or_nan_are_refused(tmp_path):
    scenario = load_scenario("prosumer-day")
    text = (tmp_path / "day.toml", scenario.to_toml().replace("prosumer-day-1h.csv", "mine.csv"))
    text[0].write_text(text[1])
    from gridparley.runs.scenario.tables.columns import profiles_file

    lines = profiles_file("prosumer-day-1h.csv", None).read_text().splitlines()
    for broken, said in (
        ([*lines[:5], *lines[6:]], "a gap"),
        ([*lines[:5], lines[5].replace(lines[5].split(",")[1], "nan", 1), *lines[6:]], "wanted a finite number"),
    ):
        (tmp_path / "mine.csv").write_text("\n".join(broken) + "\n")
        with pytest.raises(ScenarioError, match=said):
            load_scenario(text[0]).simulation()


def test_a_recorded_day_is_replayed_to_the_last_bit(tmp_path):
    done = call("run", "prosumer-day", "--out", tmp_path / "day", "--no-reference", "--json")
    told = json.loads(done.stdout)
    assert (told["outcome"], len(told["periods"]), told["unserved_kwh"]) == ("CONVERGED", 24, {})
    checked = call("check", tmp_path / "day")
    assert "the same to the last bit" in checked.stdout

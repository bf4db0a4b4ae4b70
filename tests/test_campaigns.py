"""The campaign of random runs: drawn alike everywhere, played once, and quick to see a word that is wrong."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from gridparley import load_scenario, run_scenario
from gridparley.environment.faults import fault_types
from gridparley.protocols import protocol_types
from gridparley.runs.scenario.scenario import scenario_names

from .campaigns.draw import draw
from .campaigns.play import _wrong, play

QUICK = 250
"""A seed whose first two runs are small."""


@pytest.mark.slow
def test_a_hundred_draws_meet_every_scenario_protocol_and_fault():
    cases = [draw(number) for number in range(120)]
    assert {case.protocol for case in cases} == set(protocol_types())
    assert {case.scenario for case in cases} | {"feeder-69", "prosumer-day-15min"} == set(scenario_names())
    met = {fault.split("=")[0].split(",")[0] for case in cases for fault in case.faults}
    built_in = {name for name, kind in fault_types().items() if kind.__module__.startswith("gridparley.")}
    assert met == built_in  # other tests define faults of their own
    assert len({case.command for case in cases}) == len(cases)


def test_a_run_is_drawn_from_its_number_alone():
    assert draw(7) == draw(7) != draw(8)
    assert draw(7, seed=1) != draw(7)
    assert draw(7).command.startswith(f"gridparley run {draw(7).scenario} --protocol ")


@pytest.mark.parametrize("number", [0, 1])
def test_a_played_run_says_how_it_ended(number):
    row = play(number, QUICK)
    assert row["wrong"] is None
    assert row["seconds"] > 0
    assert row["command"] == draw(number, QUICK).command


def test_a_run_that_takes_too_long_is_counted_as_such():
    assert play(0, 0, limit=0.0)["outcome"] == "TOO_LONG"


@pytest.fixture(scope="module")
def right():
    return run_scenario(load_scenario("three-microgrids"), reference=False, progress=False)


def test_a_right_word_stands(right):
    assert _wrong(right) is None


@pytest.mark.parametrize(
    ("factor", "what"), [(0.9, "is the optimum"), (100.0, "outside an agent's limits"), (None, "without a point")]
)
def test_a_wrong_word_is_seen(right, factor, what):
    x = None if factor is None else [rows * factor for rows in right.certificate.x]
    assert what in _wrong(replace(right, certificate=replace(right.certificate, x=x)))


def test_a_point_off_balance_is_seen(right):
    first, *others = right.certificate.x
    assert "off balance" in _wrong(replace(right, certificate=replace(right.certificate, x=[first + 0.01, *others])))


def test_infeasible_is_wrong_where_a_point_exists(right):
    assert "is possible" in _wrong(replace(right, outcome="INFEASIBLE"))


@pytest.mark.slow
def test_what_is_done_is_not_done_again(tmp_path):
    out = tmp_path / "campaign.jsonl"
    command = [sys.executable, "-m", "tests.campaigns", "--runs", "2", "--seed", str(QUICK), "--workers", "1"]

    def rows():
        subprocess.run([*command, "--out", str(out)], check=True, capture_output=True)
        lines = [line for line in out.read_text().splitlines() if line.endswith("}")]
        return sorted((json.loads(line) for line in lines), key=lambda row: row["number"])

    first = rows()
    assert [row["number"] for row in first] == [0, 1]
    out.write_text(json.dumps(first[0]) + '\n{"number": 1, "cut')
    again = rows()
    assert again[0] == first[0]
    assert {**again[1], "seconds": 0} == {**first[1], "seconds": 0}

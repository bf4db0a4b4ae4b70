"""A run from Python is the command's run: the same record, the same files, the same end, and it can be resumed."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from gridparley import load_scenario, run_scenario
from gridparley.runs.common.errors import RunError, ScenarioError
from gridparley.runs.record.files.folder import FILES
from gridparley.runs.record.reading import Record
from gridparley.runs.record.record import UNFINISHED

from ..command import call
from ..recorded import LOSSY, contents, files, result

FAULTS = ["loss=0.3,to=100", "delay=0..3", "duplicate=0.2"]
SETTINGS = {"eps_abs": 0, "eps_rel": 0}
WORDS = (*LOSSY, "--no-reference", "--set", "eps_abs=0", "--set", "eps_rel=0", "--ticks", "120")


def scenario():
    return load_scenario("three-microgrids", SETTINGS, faults=FAULTS)


def run(out, **options):
    return run_scenario(scenario(), seed=3, ticks=120, reference=False, out=out, **options)


@pytest.fixture(scope="module")
def commanded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "commanded"
    assert call(*WORDS, "--out", folder).exit_code == 0
    return folder


def test_python_writes_what_the_command_writes(commanded, tmp_path):
    told = run(tmp_path / "out")
    assert contents(tmp_path / "out") == contents(commanded)
    assert result(tmp_path / "out") == result(commanded)
    assert files(tmp_path / "out") == files(commanded)
    assert (tmp_path / "out" / "scenario.toml").read_text() == (commanded / "scenario.toml").read_text()
    assert told.to_dict()["messages"] == result(commanded)["messages"]
    assert call("check", tmp_path / "out").exit_code == 0


def test_the_written_command_does_the_same_run_again(tmp_path):
    run(tmp_path / "out", settlement=True)
    words = shlex.split((tmp_path / "out" / "command.txt").read_text().splitlines()[0])
    assert words[-1] == "--settlement"
    again = json.loads(call(*words[1:], "--no-reference", "--json").stdout)
    del again["seconds"]
    assert again.pop("settings") == []  # which the scenario that was written holds already
    told = result(tmp_path / "out")
    assert [one["field"].rpartition(".")[2] for one in told.pop("settings")] == ["eps_abs", "eps_rel"]
    assert again | {"scenario": "three-microgrids"} == told


def test_without_a_record_there_are_only_the_other_files(tmp_path):
    run(tmp_path, record=False)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(FILES)


SCRIPT = """
import sys
from gridparley import load_scenario, run_scenario
scenario = load_scenario("three-microgrids", {settings}, faults={faults})
run_scenario(scenario, seed=3, ticks=120, reference=False, out=sys.argv[1], resume=True)
"""


@pytest.mark.slow
def test_killed_and_started_again_it_goes_on_to_the_last_bit(commanded, tmp_path):
    out = tmp_path / "out"
    script = SCRIPT.format(settings=SETTINGS, faults=FAULTS)
    with subprocess.Popen([sys.executable, "-c", script, out]) as process:
        limit = time.monotonic() + 120
        while not (out / UNFINISHED).exists() and time.monotonic() < limit:
            time.sleep(0.002)
        time.sleep(0.1)
        os.kill(process.pid, signal.SIGKILL)
    assert (out / UNFINISHED).exists()
    run(out, resume=True)
    assert contents(out) == contents(commanded)
    assert result(out) == result(commanded)
    assert files(out) == files(commanded)


def test_interrupted_it_keeps_what_was_recorded_says_where_and_goes_on(commanded, tmp_path):
    def impatient(simulation):
        if simulation.tick == 70:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        run(tmp_path, watch=impatient)
    assert caught.value.__notes__ == [f"what was recorded until tick 70 is in {tmp_path}"]
    assert json.loads((tmp_path / "result.json").read_text())["outcome"] == "FAILED"
    with Record.open(tmp_path) as record:
        assert record.ticks == 70
    run(tmp_path, resume=True)
    assert contents(tmp_path) == contents(commanded)
    assert result(tmp_path) == result(commanded)


def test_resume_starts_where_nothing_is_recorded_and_refuses_another_run(commanded, tmp_path):
    run(tmp_path / "new", resume=True)
    assert contents(tmp_path / "new") == contents(commanded)
    before = (tmp_path / "new" / "record.sqlite").read_bytes()
    with pytest.raises(RunError, match=r"another run.*scenario_hash = .* seed = 3 instead of 4"):
        run_scenario(scenario(), seed=4, ticks=120, reference=False, out=tmp_path / "new", resume=True)
    with pytest.raises(RunError, match="settlement = False instead of True"):
        run(tmp_path / "new", resume=True, settlement=True)
    assert (tmp_path / "new" / "record.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"resume": True}, "what is recorded in `out`"),
        ({"resume": True, "out": "here", "record": False}, "what is recorded in `out`"),
        ({"resume": True, "out": "here", "invariants": True}, "what is recorded in `out`"),
        ({"out": "here", "cost_every": 0}, "cost_every: a record does not hold it"),
    ],
)
def test_what_a_record_cannot_say_is_refused_before_anything_is_written(options, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=told):
        run_scenario(scenario(), **options)
    assert not list(tmp_path.iterdir())


def test_seed_and_ticks_stand_in_the_scenario_of_the_result():
    found = run_scenario(load_scenario("three-microgrids"), seed=5, ticks=9, reference=False)
    assert found.scenario.hash == load_scenario("three-microgrids", ["run.seed=5", "run.ticks=9"]).hash
    assert (found.to_dict()["seed"], found.simulation.tick) == (5, 9)
    with pytest.raises(ScenarioError, match=r"three-microgrids: run\.seed = -1"):
        run_scenario(load_scenario("three-microgrids"), seed=-1)


class Heard:
    """A progress that notes what it hears."""

    def __init__(self):
        self.told = []

    def __enter__(self):
        self.told.append("begin")

    def __exit__(self, *error):
        self.told.append("end")

    def watch(self, simulation):
        self.told.append(simulation.tick)

    def judging(self):
        self.told.append("judging")


def test_a_progress_of_ones_own_hears_every_tick():
    heard = Heard()
    run_scenario(load_scenario("three-microgrids"), ticks=5, reference=False, progress=heard)
    assert heard.told == ["begin", 1, 2, 3, 4, 5, "judging", "end"]


def test_what_watch_changes_is_recorded_with_the_next_tick(tmp_path):
    def steer(simulation):
        if simulation.tick == 20:
            simulation.change_faults(end=["delay"])

    run(tmp_path, watch=steer)
    with Record.open(tmp_path) as record:
        assert [command["tick"] for command in record.commands] == [20]
    assert call("check", tmp_path).exit_code == 0

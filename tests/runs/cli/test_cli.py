"""The command line: what its help shows works, JSON is one object, the same seed is the same run."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import version

import pytest
from rich.console import Console

from gridparley import load_scenario, scenario_names
from gridparley.runs import terminal
from gridparley.runs.cli import epilogs
from gridparley.runs.driver import progress
from gridparley.runs.record.files.folder import scenario_text
from gridparley.runs.watch.server import Server

from ..command import call, process

EPILOGS = ("GENERAL", "LIST", "RUN", "SHOW", "PLOT", "WATCH", "LESSON")
KEYS = [
    "scenario",
    "scenario_hash",
    "protocol",
    "seed",
    "settings",
    "outcome",
    "reason",
    "ticks",
    "rounds",
    "seconds",
    "messages",
    "faults",
    "total_cost",
    "reference_cost",
    "optimum_cost",
    "objective",
    "reference_objective",
    "gap",
    "regularisation_gap",
    "certificate",
    "probe",
    "residuals",
    "worst",
    "cost_unit",
    "period_hours",
    "microgrids",
    "tie_lines",
    "settlement",
    "agents",
    "balances",
]


def run_json(*words):
    done = call("run", *words, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def looked(monkeypatch):
    """What was opened to be looked at: pages and terminals last until somebody leaves them, which other tests do."""
    seen = []

    def serve(server):
        server._socket.close()
        seen.append(server.guard.url)

    monkeypatch.setattr(Server, "serve", serve)
    monkeypatch.setattr(terminal, "watch_terminal", seen.append)
    monkeypatch.setenv("BROWSER", "true")  # a program that does nothing
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("epilog", EPILOGS)
def test_every_command_in_the_help_works(epilog, tmp_path, monkeypatch, looked):
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^  gridparley (.*)$", getattr(epilogs, epilog), flags=re.MULTILINE)
    assert len(commands) >= 3
    if epilog == "WATCH":  # its commands read what one of them leaves behind
        assert call("run", "three-microgrids", "--fault", "loss=0.3", "--out", "lossy").exit_code == 0
    for command in commands:
        words, _, target = command.partition(" > ")
        done = call(*shlex.split(words))
        assert done.exit_code == 0, f"{command}\n{done.stdout}{done.stderr}"
        if target:
            (tmp_path / target).write_text(done.stdout)
    assert len(looked) == sum(command.startswith("watch") or "--live" in command for command in commands)


def test_the_python_in_the_help_works(capsys):
    code = epilogs.GENERAL.partition("From Python:\n")[2]
    exec("\n".join(line.strip() for line in code.splitlines()), {})
    outcome, cost, price = capsys.readouterr().out.split()
    assert (outcome, cost) == ("CONVERGED", "-16.3544")
    assert float(price) == pytest.approx(3.098, abs=1e-4)


@pytest.mark.parametrize("words", [(), ("run",), ("list",), ("show",), ("plot",)])
def test_help_shows_its_examples_line_by_line(words):
    done = call(*words, "--help")
    assert done.exit_code == 0
    epilog = {"list": "LIST", "run": "RUN", "show": "SHOW", "plot": "PLOT"}.get("".join(words), "GENERAL")
    for line in getattr(epilogs, epilog).splitlines():
        assert line in ("", "\b") or line in done.stdout


def test_no_command_shows_the_help():
    assert "gridparley list scenarios" in call().output


def test_json_is_one_object_with_the_documented_keys():
    told = run_json("three-microgrids")
    assert list(told) == KEYS
    text = " ".join(epilogs.RUN.partition("--json prints one object:")[2].partition("\b")[0].split())
    assert [key for key in KEYS if not re.search(rf"\b{key}\b", text)] == []
    tables = (
        told["certificate"],
        told["microgrids"]["A"],
        told["tie_lines"]["A-B"],
        told["agents"][0],
        told["balances"][0],
    )
    for table in tables:
        assert [key for key in table if not re.search(rf"\b{key}\b", text)] == []


def test_json_knows_no_nan_and_no_infinity():
    told = call("run", "three-microgrids", "--ticks", 1, "--json").stdout
    assert json.loads(told, parse_constant=pytest.fail)["objective"] is None


@pytest.mark.slow
def test_the_same_seed_is_the_same_run_and_another_is_not():
    words = ("three-microgrids", "--fault", "loss=0.3", "--fault", "delay=0..5")
    one, again, other = (run_json(*words, "--seed", seed) for seed in (3, 3, 4))
    for told in (one, again, other):
        del told["seconds"]
    assert one == again
    assert one["messages"] != other["messages"]
    assert other["seed"] == 4


@pytest.mark.slow
def test_one_by_one_is_the_same_run():
    words = ("three-microgrids", "--fault", "loss=0.3,to=40")
    one, many = run_json(*words, "--one-by-one"), run_json(*words)
    del one["seconds"], many["seconds"]
    assert one == many


def test_no_reference_leaves_out_what_needs_one():
    told = run_json("three-microgrids", "--no-reference")
    assert told["outcome"] == "CONVERGED"
    assert told["reference_cost"] is told["gap"] is told["regularisation_gap"] is None


def test_settings_protocol_ticks_and_seed_reach_the_run():
    told = run_json(
        *("three-microgrids", "--protocol", "dual_decomposition", "--set", "alpha=0.1"),
        *("--set", "A.operator.pv=0.7", "--ticks", 9, "--seed", 5),
    )
    assert (told["ticks"], told["seed"], told["microgrids"]["A"]["pv"]) == (9, 5, 0.7)


@pytest.mark.slow
def test_a_fault_file_and_fault_options_are_the_same(tmp_path):
    file = tmp_path / "storm.toml"
    file.write_text('[[fault]]\nkind = "loss"\nprobability = 0.3\nfrom = 5\nto = 40\n')
    from_file = run_json("three-microgrids", "--faults", file)
    from_option = run_json("three-microgrids", "--fault", "loss=0.3,from=5,to=40")
    assert from_file["messages"] == from_option["messages"]
    assert from_file["scenario_hash"] == from_option["scenario_hash"]


@pytest.mark.slow
def test_an_outcome_is_a_result_unless_strict():
    words = ("run", "three-microgrids", "--set", "alpha=0.5", "--ticks", 200)
    assert call(*words).exit_code == 0
    assert call(*words, "--strict").exit_code == 3
    assert call("run", "three-microgrids", "--strict").exit_code == 0


def test_list_names_everything_there_is():
    told = json.loads(call("list", "--json").stdout)
    assert list(told) == ["scenarios", "protocols", "agents", "faults"]
    assert [entry["name"] for entry in told["scenarios"]] == scenario_names()
    text = call("list").stdout
    for entries in told.values():
        for entry in entries:
            assert entry["name"] in text
            for field in entry.get("facts", []) + entry.get("options", []) + entry.get("parameters", []):
                assert field["name"] in text


def test_list_tells_how_a_fault_is_written():
    (loss,) = [f for f in json.loads(call("list", "faults", "--json").stdout)["faults"] if f["name"] == "loss"]
    assert loss["form"] == "--fault loss=PROBABILITY"
    assert loss["parameters"][0]["allowed"] == "at least 0, at most 1"
    assert {"agent", "channel", "message", "from", "to"} < {field["name"] for field in loss["scope"]}


def test_list_shows_one_section_alone():
    assert "PROTOCOLS" not in call("list", "faults").stdout
    assert call("list", "nonsense").exit_code == 2


@pytest.mark.parametrize("name", scenario_names())
def test_what_show_prints_is_the_same_scenario(name, tmp_path):
    file = tmp_path / f"{name}.toml"
    file.write_text(call("show", name, "--fault", "delay=0..5,agent=*.operator", "--seed", 3).stdout)
    scenario = load_scenario(name, ["run.seed=3"], faults=["delay=0..5,agent=*.operator"])
    assert load_scenario(file).document == scenario.document
    assert load_scenario(file).hash == scenario.hash


def test_show_leaves_text_that_looks_like_a_list_alone(tmp_path):
    file = tmp_path / "odd.toml"
    file.write_text('base = "three-microgrids"\ndescription = """\nA list: [\n    "a",\n    "b",\n]"""\n')
    scenario = load_scenario(file)
    (tmp_path / "shown.toml").write_text(scenario_text(scenario))
    assert load_scenario(tmp_path / "shown.toml").spec.description == scenario.spec.description


@pytest.mark.slow
def test_stdout_of_a_process_is_json_alone_and_stderr_is_empty(tmp_path):
    done = process("run", "microgrids", "--set", "microgrids=5", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["scenario"] == "microgrids"
    assert done.stderr == ""


@pytest.mark.slow
def test_a_terminal_that_knows_no_greek_gets_question_marks(tmp_path):
    done = process("run", "three-microgrids", cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "price ?" in done.stdout
    assert done.stderr == ""


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_error(tmp_path):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "gridparley", "list"], stdout=gone, stderr=subprocess.PIPE, text=True, check=False
        )
    assert "Traceback" not in done.stderr


class _Terminal:
    def __init__(self, terminal):
        self.text = io.StringIO()
        self.console = Console(file=self.text, force_terminal=terminal, width=120)


def _watched(monkeypatch, *, terminal, wait, wanted=True):
    monkeypatch.setattr(progress, "WAIT_SECONDS", wait)
    monkeypatch.setattr(progress, "REDRAW_SECONDS", 0.001)
    screen = _Terminal(terminal)
    simulation = load_scenario("three-microgrids").simulation()
    with progress.RunProgress(4000, screen.console, wanted=wanted) as bar:
        simulation.run(30, bar.watch)
        bar.judging()
    return screen.text.getvalue()


TWO_PIECES = """
base = "three-microgrids"
[[microgrid]]
name = "D"
operator = { cost_quadratic = 1.0, cost_linear = 1.0, power_max = 40.0 }
prosumer = [{ name = "load", type = "SquareRootLoad", beta = 1.0, cap = 1.0 }]
"""


def test_a_microgrid_without_tie_lines_runs_beside_the_others(tmp_path):
    (tmp_path / "pieces.toml").write_text(TWO_PIECES)
    whole, pieces = run_json("three-microgrids"), run_json(tmp_path / "pieces.toml")
    assert pieces["outcome"] == "CONVERGED"
    assert abs(pieces["gap"]) < 1e-7
    assert {name: pieces["microgrids"][name] for name in "ABC"} == whole["microgrids"]
    assert pieces["tie_lines"] == whole["tie_lines"]
    assert pieces["microgrids"]["D"]["net_export"] == pytest.approx(0.0, abs=1e-6)


def test_progress_shows_tick_round_residual_and_prices(monkeypatch):
    shown = _watched(monkeypatch, terminal=True, wait=0.0)
    assert re.search(r"tick \d+ of at most 4000", shown)
    assert re.search(r"round \d+, residual \d\.\de[+-]\d\d kW, price( \d+\.\d{4}){3}", shown)


@pytest.mark.parametrize(
    "options",
    [
        {"terminal": False, "wait": 0.0},
        {"terminal": True, "wait": 60.0},
        {"terminal": True, "wait": 0.0, "wanted": False},
    ],
)
def test_no_progress_without_a_terminal_or_for_a_short_run_or_when_not_wanted(options, monkeypatch):
    assert _watched(monkeypatch, **options) == ""


@pytest.mark.slow
def test_progress_goes_to_stderr_only(tmp_path):
    pytest.importorskip("pty")
    ours, theirs = os.openpty()
    words = [sys.executable, "-m", "gridparley", "run", "microgrids", "--set", "microgrids=30", "--ticks", "2000"]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen([*words, "--no-reference"], stdout=subprocess.PIPE, stderr=theirs, text=True, env=env) as run:
        os.close(theirs)
        stderr = b""
        # Reading a terminal whose other side has closed is an error, and means the end.
        while True:
            try:
                stderr += os.read(ours, 65536)
            except OSError:
                break
        stdout = run.stdout.read()
    os.close(ours)
    assert b"of at most 2000" in stderr
    assert "of at most" not in stdout
    assert "\x1b" not in stdout
    assert "30 microgrids" in stdout


@pytest.mark.slow
def test_invariants_are_checked_on_demand():
    faults = ("--fault", "loss=0.3", "--fault", "crash=A.virtual,from=20,to=40,memory=lost")
    checked, plain = run_json("three-microgrids", *faults, "--invariants"), run_json("three-microgrids", *faults)
    assert checked["outcome"] == "CONVERGED"
    assert {**checked, "seconds": 0} == {**plain, "seconds": 0}


def test_it_tells_its_version():
    done = call("--version")
    assert done.exit_code == 0
    assert done.stdout == f"gridparley {version('gridparley')}\n"

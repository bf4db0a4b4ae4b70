"""A folder belongs to one run at a time, however the system locks, and --force destroys nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gridparley.runs.common.errors import RunError
from gridparley.runs.record.files import taken
from gridparley.runs.record.files.prepare import prepare_folder
from gridparley.runs.record.files.taken import LOCK, take_folder
from gridparley.runs.record.record import UNFINISHED

from ..command import call

SHORT = ("run", "three-microgrids", "--ticks", 5, "--no-reference", "--out")


@pytest.mark.slow
def test_of_two_runs_at_once_one_writes_and_the_other_is_refused():
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "tests.runs.record.pairs", "4"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=600)
    assert done.stdout == (
        "  2 pairs without    : one wrote, the other was refused\n"
        "  2 pairs with --force: one wrote, the other was refused\n"
    ), done.stderr


@pytest.fixture(params=["folders are locked", "no locks"])
def system(request, monkeypatch):
    if request.param == "no locks":
        monkeypatch.setattr(taken, "fcntl", None)
    return request.param


def test_a_folder_is_taken_once_and_free_again(system, tmp_path):
    with take_folder(tmp_path), pytest.raises(RunError, match="is writing this record"):
        take_folder(tmp_path)
    take_folder(tmp_path).release()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [(), ("--force",), ("--no-record",), ("--no-record", "--force")])
def test_a_run_into_a_taken_folder_touches_nothing(words, system, tmp_path):
    assert call(*SHORT, tmp_path).exit_code == 0
    (tmp_path / UNFINISHED).write_bytes((tmp_path / "record.sqlite").read_bytes())
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with take_folder(tmp_path):
        for each in ((*SHORT, tmp_path, *words), ("resume", tmp_path)):
            done = call(*each)
            assert done.exit_code == 1
            assert "is writing this record" in done.stderr
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_the_lock_of_a_process_that_has_died_counts_no_more(monkeypatch, tmp_path):
    monkeypatch.setattr(taken, "fcntl", None)
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    (tmp_path / LOCK).write_text(str(dead.pid))
    with take_folder(tmp_path):
        assert (tmp_path / LOCK).read_text() != str(dead.pid)
    (tmp_path / LOCK).write_text("")  # one that is just being made
    with pytest.raises(RunError, match="if none is, remove"):
        take_folder(tmp_path)


def test_force_puts_an_unfinished_run_aside_where_it_can_be_resumed(tmp_path):
    assert call(*SHORT, tmp_path / "older").exit_code == 0
    out = tmp_path / "out"
    out.mkdir()
    (out / UNFINISHED).write_bytes((tmp_path / "older" / "record.sqlite").read_bytes())
    assert call(*SHORT, out, "--seed", 8, "--force").exit_code == 0
    assert json.loads((out / "result.json").read_text())["seed"] == 8
    assert call("resume", out / "unfinished-1").exit_code == 0
    assert json.loads((out / "unfinished-1" / "result.json").read_text())["seed"] == 0


@pytest.mark.parametrize("name", ["scenario.toml", "result.json", "metrics.csv", "report.html", "prices.png"])
def test_force_writes_over_no_file_that_is_not_a_runs(name, tmp_path):
    (tmp_path / name).write_text("mine")
    for words in ((), ("--force",)):
        done = call(*SHORT, tmp_path, *words)
        assert done.exit_code == 1
        assert name in done.stderr
        assert (tmp_path / name).read_text() == "mine"


def test_a_folder_that_is_refused_is_free_again(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    for _ in range(2):
        with pytest.raises(RunError, match=r"thesis\.tex"):
            prepare_folder(tmp_path)

"""kill, and a terminal that closes, end a command in order: what was recorded is kept, what was temporary is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from gridparley import Record
from gridparley.runs.record.record import RECORD, UNFINISHED

from ..command import call
from ..pseudo_terminal import PseudoTerminal
from ..recorded import contents, files, result

SECONDS = 120
LONG = ("run", "three-microgrids", "--no-reference", "--set", "eps_abs=0", "--set", "eps_rel=0", "--fault", "loss=0.1")
ENDS = [signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A folder for temporary files, which must be empty in the end, and one to work in."""
    for name in ("temporary", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return tmp_path / "temporary", tmp_path / "work"


def start(*words, cwd):
    command = [sys.executable, "-m", "gridparley", *map(str, words)]
    return subprocess.Popen(
        command, cwd=cwd, env={**os.environ}, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def until(holds):
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def ticks(folder):
    try:
        with Record.open(folder) as record:
            return record.ticks
    except (RuntimeError, OSError):
        return 0


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
def test_a_run_keeps_what_was_recorded_and_goes_on_as_if_nothing_had_happened(end, places):
    temporary, work = places
    assert call(*LONG, "--ticks", 400, "--out", work / "whole").exit_code == 0
    out = work / "out"
    with start(*LONG, "--ticks", 400, "--out", out, cwd=work) as process:
        until(lambda: ticks(out) > 20)
        process.send_signal(end)
        said = process.communicate(timeout=SECONDS)[1]
    assert process.returncode == -end
    assert f"is in {out}" in said
    assert "Traceback" not in said
    told = json.loads((out / "result.json").read_text())
    assert (told["outcome"], told["error"]) == ("FAILED", end.name)
    names = {file.name for file in out.iterdir()}
    assert not [name for name in names if name.startswith(".")]
    assert len(names & {RECORD, UNFINISHED}) == 1  # in mid-write it stays where `resume` finds it
    assert list(temporary.iterdir()) == []
    assert call("check", out).exit_code == 0
    assert call("resume", out).exit_code == 0
    assert contents(out) == contents(work / "whole")
    assert (result(out), files(out)) == (result(work / "whole"), files(work / "whole"))


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
def test_a_branch_leaves_no_folder_but_its_own_which_can_be_resumed(end, places):
    temporary, work = places
    assert call(*LONG, "--ticks", 300, "--out", work / "run").exit_code == 0
    with start("branch", "run", "--tick", 40, "--fault", "loss=0.5,name=storm", cwd=work) as process:
        until(lambda: ticks(work / "run-branch-40") >= 40)
        process.send_signal(end)
        process.communicate(timeout=SECONDS)
    assert process.returncode in (-end, 0)
    assert sorted(file.name for file in work.iterdir()) == ["run", "run-branch-40"]
    assert list(temporary.iterdir()) == []
    assert call("resume", work / "run-branch-40").exit_code == 0
    assert (work / "run-branch-40" / RECORD).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
def test_watching_in_a_terminal_leaves_no_folder(end, places):
    temporary, work = places
    with PseudoTerminal("watch", "three-microgrids", "--terminal", cwd=work) as terminal:
        terminal.see("tick 0 of")
        assert len(list(temporary.glob("gridparley-*"))) == 1
        terminal.press(" ")
        terminal.see("tick [1-9]")
        terminal.signal(end)
        terminal.end()
    assert list(temporary.iterdir()) == []

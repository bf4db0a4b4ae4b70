"""Looking at a record runs no code of the user's; doing it again runs only files that are what they were."""

from __future__ import annotations

import hashlib
import json
import sqlite3

import pytest

from gridparley import Record, load_scenario
from gridparley.runs.common.errors import USER_ERRORS
from gridparley.runs.page.data import page_columns
from gridparley.runs.page.playback import Playback
from gridparley.runs.page.spans import span_of
from gridparley.runs.record.files.own_files import files_of
from gridparley.runs.record.reading import Record as Reading
from gridparley.runs.watch.private_state import private_state

from ..command import call

MARK = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"
EVIL = """
from gridparley.environment.faults import Loss
from gridparley.protocols.dual_decomposition import DualDecomposition
from gridparley.agents import SquareRootLoad

class P(DualDecomposition): name = "evil"
class F(Loss): pass
class L(SquareRootLoad): pass
"""
FAULT = '{"tick": 5, "add": [{"kind": "SOURCE:F", "probability": 0.1}], "end": []}'
WAYS = {
    "protocol": 'base = "three-microgrids"\nrun = { protocol = "SOURCE:P", ticks = 30 }\n',
    "fault": 'base = "three-microgrids"\nrun.ticks = 30\nfault = [{ kind = "SOURCE:F", probability = 0.1 }]\n',
    "agent": 'base = "three-microgrids"\nrun.ticks = 30\n[[microgrid]]\nname = "A"\n'
    'prosumer = [{ name = "load", type = "SOURCE:L", beta = 10.0, cap = 100.0 }]\n',
}
LOOKING = [("report",), ("export",), ("plot",)]
AGAIN = [("check",), ("resume",), ("branch", "--tick", 10, "--fault", "loss=0.1")]


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A record for each way to name code, of files whose loading left no mark."""
    folder = tmp_path_factory.mktemp("honest")
    (folder / "good.py").write_text(EVIL)
    for way, text in WAYS.items():
        (folder / f"{way}.toml").write_text(text.replace("SOURCE", "good.py"))
        done = call("run", folder / f"{way}.toml", "--no-reference", "--out", folder / way)
        assert done.exit_code == 0, done.output
    assert call("run", "three-microgrids", "--ticks", 30, "--no-reference", "--out", folder / "command").exit_code == 0
    return folder


@pytest.fixture(params=["path", "relative", "module"])
def elsewhere(request, honest, tmp_path, monkeypatch):
    """How a record from elsewhere may name a file that is here: by its path, from this folder, as a module."""
    name = f"evil_plugin_{tmp_path.name}"  # no other test has loaded it
    (tmp_path / f"{name}.py").write_text(MARK + EVIL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    source = {"path": tmp_path / f"{name}.py", "relative": f"{name}.py", "module": name}
    return tmp_path, str(source[request.param])


def forged(honest, way, folder, source, files="[]"):
    """Copy a record and let it name another source."""
    run = folder / "run"
    run.mkdir()
    for file in (honest / way).iterdir():
        if file.is_file():
            (run / file.name).write_bytes(file.read_bytes())
    base = sqlite3.connect(run / "record.sqlite")
    (text,) = base.execute("SELECT value FROM header WHERE key = 'scenario'").fetchone()
    text = json.dumps(json.loads(text).replace(str(honest / "good.py"), source))
    base.execute("UPDATE header SET value = ? WHERE key = 'scenario'", (text,))
    base.execute("UPDATE header SET value = ? WHERE key = 'files'", (files,))
    if way == "command":
        base.execute("INSERT INTO command VALUES (0, 5, ?)", (FAULT.replace("SOURCE", source),))
    base.commit()
    base.close()
    return run


@pytest.mark.slow
@pytest.mark.parametrize("way", [*WAYS, "command"])
def test_a_record_from_elsewhere_runs_nothing_under_any_command(way, honest, elsewhere):
    folder, source = elsewhere
    run = forged(honest, way, folder, source)
    for words in LOOKING:
        done = call(*words, run)
        assert done.exit_code == 0, done.output
    for words in AGAIN:
        done = call(*words, run)
        assert done.exit_code == 1
        assert "--trust" in done.output
        assert "evil_plugin" in done.output
    with Playback.open(run) as playback:
        page_columns(playback, span_of(playback.record))
        assert playback.windows == sorted(playback.windows, key=lambda window: window.start)
        with pytest.raises(USER_ERRORS, match="trust"):
            playback.branch(9, folder).catch_up()
        if way != "command":
            with pytest.raises(USER_ERRORS, match="trust"):
                private_state(playback, 0, 5)
    assert not (folder / "ran").exists()
    call("check", run, "--trust")  # which shows that the mark would have been seen
    assert (folder / "ran").exists()


def test_a_file_that_is_listed_with_another_hash_is_not_run(honest, tmp_path):
    evil = tmp_path / "evil_plugin.py"
    evil.write_text(MARK + EVIL)
    listed = {"path": str(evil), "source": str(evil), "sha256": hashlib.sha256(b"x").hexdigest(), "text": "x"}
    run = forged(honest, "protocol", tmp_path, str(evil), json.dumps([listed]))
    for words in AGAIN:
        done = call(*words, run)
        assert done.exit_code == 1
        assert f"{evil} has changed since" in done.output
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_record_keeps_the_users_files_and_does_them_again_while_they_are_what_they_were(way, honest, tmp_path):
    (tmp_path / "mine.py").write_text(EVIL)
    (tmp_path / "mine.toml").write_text(WAYS[way].replace("SOURCE", "mine.py"))
    out = tmp_path / "out"
    assert call("run", tmp_path / "mine.toml", "--no-reference", "--out", out).exit_code == 0
    with Record.open(out) as record:
        (kept,) = record.header["files"]
    assert (kept["path"], kept["text"]) == (str(tmp_path / "mine.py"), EVIL)
    assert kept["sha256"] == hashlib.sha256(EVIL.encode()).hexdigest()
    assert call("check", out).exit_code == 0
    (tmp_path / "mine.py").write_text(MARK + EVIL)
    done = call("check", out)
    assert done.exit_code == 1
    assert f"{tmp_path / 'mine.py'} has changed since" in done.output
    assert not (tmp_path / "ran").exists()
    assert call("check", out, "--trust").exit_code == 0
    assert (tmp_path / "ran").exists()
    (tmp_path / "mine.py").unlink()
    assert "is not there any more" in call("resume", out).output


def test_a_fault_that_a_branch_adds_is_kept_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(EVIL)
    assert call("run", "three-microgrids", "--ticks", 30, "--no-reference", "--out", "run").exit_code == 0
    words = ("--tick", 10, "--fault", "mine.py:F=0.2", "--out", "other")
    done = call("branch", "run", *words)
    assert done.exit_code == 0, done.output
    with Reading.open(tmp_path / "other") as record:
        assert [kept["path"] for kept in record.header["files"]] == [str(tmp_path / "mine.py")]
    assert call("check", "other").exit_code == 0


def test_what_a_file_imports_beside_itself_and_its_csv_data_are_kept(tmp_path):
    (tmp_path / "beside").mkdir()
    (tmp_path / "mine.py").write_text("import numpy\nfrom beside.deep import x\nfrom . import near\n")
    for name in ("beside/__init__.py", "beside/deep.py", "near.py", "stranger.py"):
        (tmp_path / name).write_text("x = 1\n")
    kept = [entry["path"] for entry in files_of([str(tmp_path / "mine.py")])]
    names = ("beside/__init__.py", "beside/deep.py", "mine.py", "near.py")
    assert kept == sorted(str(tmp_path / name) for name in names)
    built_in = load_scenario("prosumer-day")
    assert files_of([], built_in) == []

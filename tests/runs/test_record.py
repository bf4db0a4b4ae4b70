"""The record: every message and its fate, the same after a kill, and clear about what is wrong with it."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter

import pytest

from gridparley import load_scenario
from gridparley.runs.blocks import FATES
from gridparley.runs.errors import RunError
from gridparley.runs.record import RECORD, UNFINISHED, record_of
from gridparley.runs.recorder import Recorder
from gridparley.runs.replay import RecordReader, check_record

from .command import call, process

LOSSY = ("run", "three-microgrids", "--seed", "3", "--fault", "loss=0.3,to=300", "--fault", "delay=0..3",
         "--fault", "duplicate=0.2")  # fmt: skip
LONG = (*LOSSY, "--no-reference", "--set", "eps_abs=0", "--set", "eps_rel=0", "--ticks", "200")
EVERY = ["loss=0.2", "burst_loss=0.2", "delay=0..3", "duplicate=0.2", "reorder=0.2", "corrupt=0.1"]


def contents(folder):
    """Everything that a record says, tick by tick."""
    reader = RecordReader(folder / RECORD)
    ticks = [{name: block[0] + block[2] for name, block in reader.blocks(t).items()} for t in range(reader.ticks)]
    reader.close()
    return ticks


def result(folder):
    told = json.loads((folder / "result.json").read_text())
    told.pop("seconds")
    return told


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "lossy"
    assert call(*LOSSY, "--out", folder).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "long"
    assert call(*LONG, "--out", folder).exit_code == 0
    return folder


@pytest.fixture
def copied(lossy, tmp_path):
    (tmp_path / "run").mkdir()
    for file in lossy.iterdir():
        (tmp_path / "run" / file.name).write_bytes(file.read_bytes())
    return tmp_path / "run"


def test_the_fate_of_each_message_adds_up_to_the_journal(lossy):
    reader = RecordReader(lossy / RECORD)
    fates = Counter()
    for tick in range(reader.ticks):
        tables = reader.tables(tick)
        fates["sent"] += sum(len(table["row"]) for name, table in tables.items() if name.startswith("said:"))
        fates.update(str(FATES[fate]) for fate in tables.get("end", {}).get("fate", ()))
    reader.close()
    told = result(lossy)["messages"]
    assert fates == {fate: told[fate] for fate in ("sent", "delivered", "lost", "stale") if told[fate]}


def test_check_finds_a_record_equal_to_its_replay(lossy):
    done = call("check", lossy)
    assert done.exit_code == 0, done.output
    assert "the same to the last bit" in done.output


@pytest.mark.parametrize("fault", [*EVERY, "crash=A.operator,from=5,to=20", "rate_limit=1,from=3,to=30"])
def test_a_run_with_any_fault_is_replayed(fault, tmp_path):
    out = tmp_path / "out"
    done = call("run", "three-microgrids", "--no-reference", "--ticks", 80, "--fault", fault, "--out", out)
    assert done.exit_code == 0, done.output
    assert call("check", out).exit_code == 0


def test_changes_while_running_are_replayed(tmp_path):
    scenario = load_scenario("three-microgrids", faults=["delay=0..2"])
    simulation = scenario.simulation()
    recorder = Recorder.start(tmp_path / RECORD, scenario, simulation, one_by_one=False, command=())
    simulation.run(20, recorder.watch)
    simulation.change_faults(add=load_scenario("three-microgrids", faults=["loss=0.4"]).faults())
    simulation.run(60, recorder.watch)
    recorder.finish(simulation)
    reader = RecordReader(tmp_path / RECORD)
    assert reader.commands
    assert check_record(reader).wrong is None
    reader.close()


def test_check_names_the_tick_that_differs(copied):
    base = sqlite3.connect(copied / RECORD)
    base.execute("UPDATE header SET value = ? WHERE key = 'scenario'", (json.dumps(_other_scenario(base)),))
    base.commit()
    base.close()
    done = call("check", copied)
    assert done.exit_code == 1
    assert "tick 0 differs" in done.output


def _other_scenario(base):
    text = json.loads(base.execute("SELECT value FROM header WHERE key = 'scenario'").fetchone()[0])
    assert "seed = 3" in text
    return text.replace("seed = 3", "seed = 4")


def test_check_sees_a_flipped_bit(copied):
    base = sqlite3.connect(copied / RECORD)
    data = bytearray(base.execute("SELECT data FROM block WHERE tick = 7 AND name = 'metric'").fetchone()[0])
    data[-1] ^= 1
    base.execute("UPDATE block SET data = ? WHERE tick = 7 AND name = 'metric'", (bytes(data),))
    base.commit()
    base.close()
    done = call("check", copied)
    assert done.exit_code == 1
    assert "tick 7 is damaged" in done.output


def test_killed_at_random_moments_and_resumed_it_is_the_same_run(long, tmp_path):
    wanted, told = contents(long), result(long)
    chance, ticks = random.Random(0), []
    for number in range(20):
        out = tmp_path / str(number)
        command = [sys.executable, "-m", "gridparley", *LONG, "--out", str(out)]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (out / UNFINISHED).exists() and running.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.uniform(0.02, 0.5))
        running.send_signal(signal.SIGKILL)
        running.wait()
        ticks.append(RecordReader(record_of(out)).ticks)
        done = call("resume", out)
        assert done.exit_code == 0, done.output
        assert contents(out) == wanted
        assert result(out) == told
        assert not (out / UNFINISHED).exists()
    assert len({*ticks}) > 3, ticks


def test_a_full_disk_loses_nothing_that_was_written(long, tmp_path):
    out = tmp_path / "out"
    limit = 250_000
    done = subprocess.run(
        [sys.executable, "-m", "gridparley", *LONG, "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: _small_files(limit),
    )
    assert done.returncode == 1, done.stderr
    assert "kept" in done.stderr
    assert "Traceback" not in done.stderr
    reader = RecordReader(record_of(out))
    kept = reader.ticks
    reader.close()
    assert 0 < kept < 200
    assert call("resume", out).exit_code == 0
    assert contents(out) == contents(long)


def _small_files(limit):
    # A file that may not grow gives the same error as a disk that is full; the signal would end the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def test_a_truncated_record_is_refused_and_left_alone(copied):
    whole = (copied / RECORD).read_bytes()
    os.truncate(copied / RECORD, len(whole) // 2)
    done = call("resume", copied)
    assert done.exit_code == 1
    assert "is damaged, and was left as it is" in done.output
    assert (copied / RECORD).read_bytes() == whole[: len(whole) // 2]


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0" + bytes(200)])
def test_a_foreign_file_is_refused(content, tmp_path):
    (tmp_path / RECORD).write_bytes(content)
    for command in ("resume", "check"):
        done = call(command, tmp_path)
        assert done.exit_code == 1
        assert "is no record of gridparley" in done.output


def test_a_newer_record_is_refused(copied):
    base = sqlite3.connect(copied / RECORD)
    base.execute("PRAGMA user_version = 99")
    base.close()
    done = call("check", copied)
    assert done.exit_code == 1
    assert "newer gridparley (schema 99" in done.output


def test_a_folder_without_a_record_says_so(tmp_path):
    done = call("resume", tmp_path)
    assert done.exit_code == 1
    assert "holds no record" in done.output


def test_a_run_that_was_killed_is_not_overwritten(lossy, tmp_path):
    (tmp_path / UNFINISHED).write_bytes((lossy / RECORD).read_bytes())
    done = call(*LOSSY, "--out", tmp_path)
    assert done.exit_code == 1
    assert "gridparley resume" in done.output


def test_a_type_that_has_gone_is_named(tmp_path):
    scenario = load_scenario("three-microgrids")
    simulation = scenario.simulation()
    recorder = Recorder.start(tmp_path / RECORD, scenario, simulation, one_by_one=False, command=())
    simulation.run(3, recorder.watch)
    recorder.finish(simulation)
    base = sqlite3.connect(tmp_path / RECORD)
    text = json.loads(base.execute("SELECT value FROM header WHERE key = 'scenario'").fetchone()[0])
    text = text.replace('protocol = "dual_decomposition"', 'protocol = "gone.py:Gone"')
    base.execute("UPDATE header SET value = ? WHERE key = 'scenario'", (json.dumps(text),))
    base.commit()
    base.close()
    done = call("check", tmp_path)
    assert done.exit_code == 1
    assert "gone.py" in done.output


def test_without_a_record(tmp_path):
    assert process(*LOSSY, "--out", "out", "--no-record", cwd=tmp_path).returncode == 0
    with pytest.raises(RunError, match="no record"):
        record_of(tmp_path / "out")

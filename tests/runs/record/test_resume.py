"""A run that was killed, or ran out of disk, goes on as if nothing had happened."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time

import pytest

from gridparley import load_scenario
from gridparley.runs.common.errors import RunError
from gridparley.runs.record.reading import Record
from gridparley.runs.record.record import RECORD, UNFINISHED, record_of
from gridparley.runs.record.recorder import Recorder

from ..command import call
from ..recorded import LONG, contents, files, record_to, result

KILLS = 20

# Starting Python takes seconds, so one process loads everything and each run is a fork of it.
SERVER = """
import os, sys, warnings
from gridparley.runs.cli.app import app
warnings.simplefilter("ignore")
for line in sys.stdin:
    child = os.fork()
    if not child:
        app(line.split())
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "long"
    assert call(*LONG, "--out", folder).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def server():
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield process
        process.stdin.close()


def ticks_in(folder):
    """How many ticks a record holds that another process is writing; -1 before there is one."""
    try:
        with Record(record_of(folder)) as record:
            return record.ticks
    except (RunError, OSError):
        return -1


def kill(server, words, ready):
    """Start a command in a process of its own and kill it as soon as it is ready."""
    print(*words, file=server.stdin, flush=True)
    child = int(server.stdout.readline())
    limit = time.monotonic() + 60
    while not ready() and time.monotonic() < limit:
        time.sleep(0.002)
    # The server has not yet waited for its child, or is about to say so: the number is not anybody else's.
    os.kill(child, signal.SIGKILL)
    while server.stdout.readline() != "ended\n":
        pass


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_it_is_the_same_run(long, server, tmp_path):
    wanted, told, others = contents(long), result(long), files(long)
    chance, ticks = random.Random(0), []
    for number in range(KILLS // 2):
        out = tmp_path / str(number)
        wait = chance.randrange(100)
        kill(server, [*LONG, "--out", str(out)], lambda out=out, wait=wait: ticks_in(out) >= wait)
        ticks.append(ticks_in(out))
        # What was resumed is killed as well, every time.
        wait = ticks[-1] + chance.randrange(50)
        kill(server, ["resume", str(out)], lambda out=out, wait=wait: ticks_in(out) >= wait)
        ticks.append(ticks_in(out))
        assert ticks[-1] >= ticks[-2]
        done = call("resume", out)
        assert done.exit_code == 0, done.output
        assert contents(out) == wanted
        assert result(out) == told
        assert files(out) == others
        assert not (out / UNFINISHED).exists()
    assert len({*ticks}) > KILLS // 3, ticks


@pytest.mark.slow
def test_a_full_disk_loses_nothing_that_was_written(long, tmp_path):
    out = tmp_path / "out"
    assert call("run", "three-microgrids", "--ticks", 5, "--no-reference", "--out", out).exit_code == 0
    older = result(out)
    done = subprocess.run(
        [sys.executable, "-m", "gridparley", *LONG, "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_small_files,
    )
    assert done.returncode == 1, done.stderr
    assert "kept" in done.stderr
    assert f"gridparley resume {out}" in done.stderr
    assert "Traceback" not in done.stderr
    assert result(out) == older
    with Record(record_of(out)) as record:
        assert 0 < record.ticks < 220
    assert call("resume", out).exit_code == 0
    assert contents(out) == contents(long)


def _small_files():
    # A file that may not grow gives the same error as a disk that is full; the signal would end the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))


def test_a_run_that_has_ended_is_resumed_to_the_same_files(long, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    (out / UNFINISHED).write_bytes((long / "record.sqlite").read_bytes())
    done = call("resume", out)
    assert done.exit_code == 0, done.output
    assert "follows the checkpoint before tick 200" in done.stderr
    assert result(out) == result(long)
    assert files(out) == files(long)


def test_two_processes_do_not_write_one_record(tmp_path):
    record_to(tmp_path, ticks=30)
    with Record(record_of(tmp_path), writing=True):
        done = call("resume", tmp_path)
        assert done.exit_code == 1
        assert "another process is writing this record" in done.output
    assert call("resume", tmp_path).exit_code == 0


@pytest.mark.slow
def test_a_record_that_somebody_is_reading_is_not_torn_from_its_log(tmp_path):
    scenario = load_scenario("three-microgrids")
    simulation = scenario.simulation()
    recorder = Recorder.start(tmp_path / UNFINISHED, scenario, simulation)
    simulation.run(5, recorder.watch)
    with Record(tmp_path / UNFINISHED) as reading:
        assert reading.ticks == 5
        reading.base.execute("BEGIN")
        reading.base.execute("SELECT count(*) FROM tick").fetchone()
        simulation.run(20, recorder.watch)
        recorder.finish(simulation)
        recorder.settle(tmp_path)
        reading.base.execute("COMMIT")
        assert reading.refresh() == 20
    assert not (tmp_path / RECORD).exists()
    assert call("resume", tmp_path).exit_code == 0
    with Record.open(tmp_path) as record:
        assert record.path.name == RECORD
        assert record.ticks == 133


@pytest.mark.slow
def test_a_run_can_be_read_while_it_goes_on(tmp_path):
    scenario = load_scenario("three-microgrids", faults=["delay=0..2"])
    simulation = scenario.simulation()
    recorder = Recorder.start(tmp_path / UNFINISHED, scenario, simulation)
    with Record.open(tmp_path) as record:
        for tick in range(60):
            simulation.step()
            recorder.watch(simulation)
            assert record.refresh() == tick + 1
            assert record.frame(tick).price.tobytes() == simulation.state.price.tobytes()
        recorder.finish(simulation)
        recorder.settle(tmp_path)
        assert record.frame(59).tick == 59
    assert call("check", tmp_path).exit_code == 0

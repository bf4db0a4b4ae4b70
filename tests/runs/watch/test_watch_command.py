"""The command that serves the live page: what it takes, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from websockets.sync.client import connect

from ..command import call
from ..served import SECONDS, Talk, live, serving, wait


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("no-such-scenario",), "no scenario and no file is called 'no-such-scenario'"),
        (("three-microgrids", "--set", "colour=red"), "no field of this scenario"),
        (("three-microgrids", "--fault", "rain=1"), "rain"),
        (("--seed", "3"), "options of a run need a scenario"),
        ((".", "--fault", "loss=0.1"), "options of a run need a scenario"),
        ((".",), "holds no record"),
        (("none.sqlite",), "none.sqlite"),
        (("three-microgrids", "--host", "no.such.host.invalid"), "--host no.such.host.invalid"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_served(words, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("watch", *words, "--no-open")
    assert done.exit_code == 1
    assert told in done.output
    assert list(tmp_path.iterdir()) == []


# Clearing up takes a while, as it does on a busy machine: the process must not end before it is done.
SLOW_TO_CLEAR_UP = """
import tempfile, time

class Slow(tempfile.TemporaryDirectory):
    def cleanup(self):
        time.sleep(0.5)
        super().cleanup()

tempfile.TemporaryDirectory = Slow
from gridparley.runs.cli.app import main
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_leaves_nothing_behind(end, tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    words = [sys.executable, "-c", SLOW_TO_CLEAR_UP, "watch", "three-microgrids", "--no-open", "--seed", "8"]
    with subprocess.Popen(
        words, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as served:
        told = served.stdout.readline()
        assert told.startswith("watching at http://127.0.0.1:")
        with connect(told.split()[2].replace("http", "ws") + "socket", max_size=None) as socket:
            socket.recv(timeout=SECONDS)
            socket.send(json.dumps({"do": "play"}))
            socket.recv(timeout=SECONDS)
            assert len(list(tmp_path.glob("gridparley-watch-*"))) == 1
            served.send_signal(end)
            code = served.wait(SECONDS)
        assert code == (0 if end is signal.SIGINT else -end)
        assert served.stderr.read() == ""
    assert list(tmp_path.glob("gridparley-watch-*")) == []


@pytest.mark.slow
def test_what_waits_for_a_page_that_does_not_read_is_bounded(monkeypatch):
    monkeypatch.setattr("gridparley.runs.watch.server.WAITING_MAX", 200_000)
    with serving(live(settings=["eps_abs=0", "eps_rel=0"])) as server, Talk(server) as talk:
        talk.frame("open")
        talk.ask("step", ticks=200)
        for _ in range(150):
            talk.send({"do": "window", "tick": 100})
        (session,) = server.sessions
        outbox = session._outbox
        wait(outbox.full)  # the buffers between the two are full, and nobody reads
        most = 0
        for _ in range(30):
            most = max(most, outbox._put - outbox._sent)
            time.sleep(0.01)
        sizes = [0]
        while sum(size > 5000 for size in sizes) < 150:  # shorter ones are answers, and not frames
            sizes.append(len(talk.socket.recv(timeout=SECONDS)))
        assert most < 200_000 + 2 * max(sizes) < sum(sizes)

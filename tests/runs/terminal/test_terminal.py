"""The terminal view in a real pseudo-terminal, with the keys and in the window that ssh gives."""

from __future__ import annotations

import re

import pytest

from ..command import call, process

pytest.importorskip("pty", reason="this system has no pseudo-terminals: the terminal view is not tested")

from ..pseudo_terminal import PseudoTerminal

LEFT, RIGHT = "\x1b[D", "\x1b[C"
FAULTS = ("--fault", "loss=0.3,to=60", "--fault", "delay=0..2,to=60", "--fault", "crash=B.operator,from=10,to=20")
BYTES_MAX = 30_000


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lossy")
    done = call("run", "three-microgrids", "--no-reference", "--seed", "3", *FAULTS, "--out", folder)
    assert done.exit_code == 0, done.output
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("live", [True, False], ids=["live", "recorded"])
def test_step_back_filter_and_quit(live, lossy, tmp_path):
    what = ("three-microgrids", "--seed", "3", *FAULTS) if live else (lossy,)
    with PseudoTerminal("watch", *what, "--terminal", cwd=tmp_path) as terminal:
        terminal.see(r"tick 0 of")
        terminal.see("live, going" if live else "recording, CONVERGED")
        for tick in range(1, 15):
            terminal.press(RIGHT)
            terminal.see(rf"tick {tick} of")
        terminal.see("down: operator")
        before = len(terminal.text)
        terminal.press(LEFT)
        terminal.see(r"tick 13 of", before)
        before = len(terminal.text)
        terminal.press("l")
        terminal.see("filter: lost", before)
        terminal.press(LEFT)
        terminal.see(r"tick 12 of", before)
        shown = re.findall(r"\d+ +\w+ +\w\.\w+ +\w\.\w+ +\w.*? (lost|stopped|flying|delivered)", terminal.text[before:])
        assert len(shown) > 5
        assert set(shown) <= {"lost", "stopped"}
        terminal.press("q")
        assert terminal.end() == 0
    assert "Traceback" not in terminal.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_question_takes_words_and_says_what_it_does_not_know(lossy, tmp_path):
    with PseudoTerminal("watch", lossy, "--terminal", cwd=tmp_path) as terminal:
        terminal.see(r"tick 0 of")
        terminal.press("g30\r")  # in one piece, as a slow line brings them
        terminal.see(r"tick 30 of")
        terminal.press("/nobody going\r")
        terminal.see(r"nobody: no agent, kind \(bid")
        before = len(terminal.text)
        terminal.press("/A.load bid\r")
        terminal.see("filter: A.load bid", before)
        terminal.press("q")
        assert terminal.end() == 0


@pytest.mark.slow
def test_while_it_plays_it_writes_less_than_30_kb_a_second(tmp_path):
    with PseudoTerminal("watch", "three-microgrids", *FAULTS, "--terminal", cwd=tmp_path) as terminal:
        terminal.see(r"tick 0 of")
        terminal.press("+++")  # to 30 ticks a second: every picture is another one
        terminal.see("paused 30/s")
        start, first = terminal.tick, len(terminal.written)
        terminal.press(" ")
        terminal.wait(lambda now: now.tick >= start + 150)
        terminal.press(" ")
        ticks, written = terminal.tick - start, len(terminal.written) - first
        terminal.press("q")
        assert terminal.end() == 0
    seconds = ticks / 30  # of played ticks: how fast this machine is does not matter
    assert 0 < written / seconds < BYTES_MAX


@pytest.mark.slow
def test_without_a_terminal_it_says_so(tmp_path):
    done = process("watch", "three-microgrids", "--terminal", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: --terminal needs a terminal")


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--fault", "loss=0.5"), "gridparley branch"), (("--out", "x"), "--terminal keeps nothing")],
)
def test_a_recorded_run_cannot_be_changed_and_nothing_is_kept(lossy, words, told):
    done = call("watch", lossy, *words, "--terminal")
    assert done.exit_code == 1
    assert told in done.output


def test_without_a_scenario_it_says_which_there_are():
    done = call("watch", "--terminal")
    assert done.exit_code == 1
    assert "gridparley list scenarios" in done.output

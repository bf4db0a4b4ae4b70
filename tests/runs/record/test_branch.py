"""Branches: the same run, with another fault from some tick on."""

from __future__ import annotations

import re

import pytest

from gridparley.runs.record.reading import Record

from ..command import call
from ..recorded import LOSSY as MANY
from ..recorded import contents, files, result

LOSSY = (*MANY, "--ticks", "150", "--no-reference")
STORM = ("--fault", "loss=0.9,name=storm,from=60,to=80")


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "lossy"
    assert call(*LOSSY, "--out", folder).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def branch(lossy):
    done = call("branch", lossy, "--tick", 60, *STORM)
    assert done.exit_code == 0, done.output
    return lossy.with_name("lossy-branch-60"), done.stdout


@pytest.mark.slow
def test_a_branch_is_the_run_that_had_the_fault_in_its_schedule(lossy, branch, tmp_path):
    assert call(*LOSSY, *STORM, "--out", tmp_path / "planned").exit_code == 0
    assert files(branch[0]) == files(tmp_path / "planned")
    here, there = result(branch[0]), result(tmp_path / "planned")
    assert here.pop("scenario_hash") == result(lossy)["scenario_hash"] != there.pop("scenario_hash")
    assert here == there


def test_both_runs_stand_side_by_side(lossy, branch):
    rows = dict(re.findall(r"│ (.+?) +│ (.+) │", branch[1]))
    told = {name: [word.strip() for word in values.split("│")] for name, values in rows.items()}
    for name, key in (("ticks", "ticks"), ("rounds", "rounds"), ("outcome", "outcome")):
        assert told[name] == [str(result(lossy)[key]), str(result(branch[0])[key])]
    sent = told["messages sent"]
    assert sent == [str(result(folder)["messages"]["sent"]) for folder in (lossy, branch[0])]
    assert sent[0] != sent[1]


@pytest.mark.slow
def test_a_branch_can_be_checked_resumed_and_branched_from(branch, tmp_path):
    assert call("check", branch[0]).exit_code == 0
    wanted = contents(branch[0])
    assert call("resume", branch[0]).exit_code == 0
    assert contents(branch[0]) == wanted
    assert call("branch", branch[0], "--tick", 70, "--end", "storm", "--out", tmp_path / "healed").exit_code == 0
    with Record.open(tmp_path / "healed") as record:
        assert [command["tick"] for command in record.commands] == [60, 70]
        assert record.header["branch_tick"] == 70
    assert call("check", tmp_path / "healed").exit_code == 0


@pytest.mark.slow
def test_a_branch_from_the_first_tick_and_from_the_last(lossy, tmp_path):
    with Record.open(lossy) as record:
        last = record.ticks
    for tick in (0, last):
        done = call("branch", lossy, "--tick", tick, *STORM, "--out", tmp_path / str(tick))
        assert done.exit_code == 0, done.output
        assert call("check", tmp_path / str(tick)).exit_code == 0


@pytest.mark.slow
def test_a_branch_with_a_fault_of_ones_own(lossy, tmp_path):
    (tmp_path / "odd.py").write_text(
        "from gridparley.environment.faults import Fault\n"
        "class Odd(Fault):\n"
        "    kind = 'odd'\n"
        "    def on_send(self, envelopes, chance):\n"
        "        return envelopes.take(envelopes.channel % 2 == 0) if chance.tick % 3 == 0 else envelopes\n"
    )
    done = call("branch", lossy, "--tick", 20, "--fault", f"{tmp_path}/odd.py:Odd", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert call("check", tmp_path / "out").exit_code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--tick", 9999, *STORM), "cannot go to 9999"),
        (("--tick", 9), "a branch needs a change"),
        (("--tick", 9, "--end", "strom"), "no fault is called 'strom'; there is duplicate, loss to=100, delay"),
        (("--tick", 9, "--fault", "loss=0.1,to=100"), "share their luck"),
        (("--tick", 9, "--fault", "loss=2"), "loss"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_written(words, told, lossy, tmp_path):
    done = call("branch", lossy, *words, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert told in done.output
    assert not (tmp_path / "out").exists()


def test_a_branch_does_not_take_the_place_of_its_run(lossy):
    before = (lossy / "record.sqlite").read_bytes()
    done = call("branch", lossy, "--tick", 9, *STORM, "--out", lossy)
    assert done.exit_code == 1
    assert "is the run itself" in done.output
    assert (lossy / "record.sqlite").read_bytes() == before


def test_a_branch_tells_the_command_that_makes_it_again(lossy, branch):
    text = (branch[0] / "command.txt").read_text()
    assert text == f"gridparley branch {lossy} --tick 60 {' '.join(STORM)}\n"

"""What was done by hand is done again: the saved schedule gives the same ticks to the last bit."""

from __future__ import annotations

import shlex

import pytest

from gridparley import Record, load_scenario
from gridparley.runs.record.recorder import Recorder
from gridparley.runs.scenario.fault_text import read_fault_file
from gridparley.runs.watch.source import Source

from ..command import call
from ..served import Talk, blocks, live, serving

BY_HAND = [
    (5, [{"kind": "partition", "channel": "A.virtual<->B.virtual"}], []),
    (9, [{"kind": "loss", "probability": 0.3}, {"kind": "delay", "ticks": "0..4", "agent": "C.virtual"}], []),
    (14, [], ["partition channel=A.virtual<->B.virtual from=5"]),
    (20, [{"kind": "crash", "agent": "B.operator", "memory": "lost"}], []),
    (26, [{"kind": "duplicate", "probability": 0.5, "copies": 2}], ["crash agent=B.operator from=20"]),
    (31, [{"kind": "burst_loss", "worsen": 0.2, "recover": 0.3, "name": "weather"}], ["loss from=9"]),
    (40, [{"kind": "reorder", "probability": 0.4}, {"kind": "slow", "agent": "A.operator", "every": 3}], []),
    (47, [], ["weather", "reorder from=40", "slow agent=A.operator from=40"]),
]
TICKS = 80


def steer(talk, plan, ticks):
    """Give commands at their ticks, each before the tick is done."""
    for tick, add, end in plan:
        if tick > talk.meta["ticks"]:
            assert talk.ask("step", ticks=tick - talk.meta["ticks"]) == {"re": talk.number}
        assert talk.ask("fault", add=add, end=end) == {"re": talk.number}
    assert talk.ask("step", ticks=ticks - plan[-1][0]) == {"re": talk.number}
    assert talk.meta["ticks"] == ticks


def same_again(folder, kept, words, ticks=TICKS):
    """Run what the first line of a schedule says and compare every tick with a kept record."""
    done = call(*words, "--ticks", ticks, "--no-reference", "--out", folder / "again")
    assert done.exit_code == 0, done.output
    assert blocks(folder / "again", ticks) == blocks(kept, ticks)


def saved(talk, folder):
    told = talk.ask("schedule")
    file = folder / told["name"]
    file.write_text(told["schedule"], encoding="utf-8")
    words = shlex.split(told["schedule"].splitlines()[0].partition(": gridparley ")[2])
    return [file if word == "FILE" else word for word in words]


@pytest.mark.slow
def test_everything_done_by_hand_is_in_the_schedule(tmp_path):
    settings = ["eps_abs=0", "eps_rel=0", "run.seed=5"]
    with serving(live(settings=settings, out=tmp_path / "kept")) as server, Talk(server) as talk:
        talk.frame("open")
        steer(talk, BY_HAND, TICKS)
        words = saved(talk, tmp_path)
    assert words[:2] == ["run", "three-microgrids"]
    same_again(tmp_path, tmp_path / "kept", words)
    with Record.open(tmp_path / "kept") as record:
        assert [command["tick"] for command in record.commands] == [tick for tick, *_ in BY_HAND]
        fates = {fate for frame in record.states() for _, fate, _, _ in frame.counts}
    assert {"lost", "stopped", "late", "copied", "stale"} <= fates


def test_a_fault_of_the_scenario_that_was_ended_is_ended_in_the_schedule(tmp_path):
    faults = ["loss=0.4", "delay=0..3,from=10"]
    with serving(live(faults=faults, settings=["run.seed=2"], out=tmp_path / "kept")) as server, Talk(server) as talk:
        talk.frame("open")
        told = talk.ask("fault", end=["delay from=10"])
        assert "begins in tick 10" in told["error"]
        steer(talk, [(12, [], ["loss", "delay from=10"])], 40)
        words = saved(talk, tmp_path)
    same_again(tmp_path, tmp_path / "kept", words, 40)
    tables = {table["name"]: table for table in read_fault_file(words[-1])}
    assert (tables["loss"]["to"], tables["delay from=10"]["to"]) == (12, 12)


def test_the_schedule_of_a_branch_is_the_branch(tmp_path):
    with serving(live(settings=["run.seed=4"])) as server, Talk(server) as talk:
        talk.frame("open")
        steer(talk, [(10, [{"kind": "loss", "probability": 0.9}], [])], 30)
        assert "error" not in talk.ask("branch", tick=7)
        steer(
            talk, [(8, [{"kind": "crash", "agent": "A.virtual"}], []), (15, [], ["crash agent=A.virtual from=8"])], 40
        )
        (session,) = server.sessions
        branch = blocks(session._playbacks[1].path, 40)
        words = saved(talk, tmp_path)
    done = call(*words, "--ticks", 40, "--no-reference", "--out", tmp_path / "again")
    assert done.exit_code == 0, done.output
    assert blocks(tmp_path / "again", 40) == branch


@pytest.mark.slow
def test_the_schedule_of_a_recordings_branch_is_the_branch(tmp_path):
    run = tmp_path / "run"
    assert (
        call("run", "three-microgrids", "--fault", "loss=0.3", "--seed", 3, "--ticks", 90, "--out", run).exit_code == 0
    )
    source = Source(run=run, command=("gridparley", "run", str(run / "scenario.toml")))
    with serving(source) as server, Talk(server) as talk:
        talk.frame("open")
        assert "error" not in talk.ask("branch", tick=50)
        steer(talk, [(53, [{"kind": "reorder", "probability": 0.5}], []), (60, [], ["loss", "reorder from=53"])], 75)
        (session,) = server.sessions
        branch = blocks(session._playbacks[1].path, 75)
        words = saved(talk, tmp_path)
    assert branch[:51] == blocks(run, 51)
    assert call(*words, "--ticks", 75, "--no-reference", "--out", tmp_path / "again").exit_code == 0
    assert blocks(tmp_path / "again", 75) == branch


def test_a_fault_that_says_the_name_of_a_scenarios_own_takes_its_place(tmp_path):
    (tmp_path / "own.toml").write_text('base = "three-microgrids"\n[[fault]]\nkind = "loss"\nprobability = 0.4\n')
    given = {"kind": "loss", "name": "loss", "probability": 0.4, "to": 12}
    faults = load_scenario(tmp_path / "own.toml", faults=[given]).faults()
    assert [(fault.name, fault.end) for fault in faults] == [("loss", 12)]
    other = load_scenario(tmp_path / "own.toml", faults=[{**given, "name": "other"}]).faults()
    assert [fault.name for fault in other] == ["loss", "other"]


def test_what_is_forgotten_is_in_the_record(tmp_path):
    scenario = load_scenario("three-microgrids", faults=["loss=0.2"])
    kept = []
    for forgets in (False, True):
        folder = tmp_path / str(forgets)
        folder.mkdir()
        simulation = scenario.simulation()
        recorder = Recorder.start(folder / "record.sqlite", scenario, simulation)
        for _ in range(60):
            simulation.step()
            recorder.watch(simulation)
            if forgets:
                recorder.forget(simulation)
                assert simulation.journal.rows == []
        recorder.finish(simulation)
        kept.append(blocks(folder, 60))
    assert kept[0] == kept[1]
    with pytest.raises(Exception, match="holds ticks 0 to 59"):
        blocks(tmp_path / "True", 61)

"""Sessions over real sockets: frames that hold what the record holds, little memory, branches, and folders that are kept."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest

from gridparley import Record
from gridparley.runs.page import spans
from gridparley.runs.watch.source import Source

from ..command import call
from ..served import Talk, blocks, live, serving

FAULTS = ("loss=0.2", "delay=0..3", "duplicate=0.2")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded") / "run"
    words = [word for text in FAULTS for word in ("--fault", text)]
    assert call("run", "three-microgrids", *words, "--ticks", "150", "--no-reference", "--out", folder).exit_code == 0
    return folder


def joined(frames):
    """What a page knows after frames that follow each other: messages by number, copy and due tick, with their fates."""
    known = {}
    for meta, columns in frames:
        message = {
            name.partition(".")[2]: values[:, 0] for name, values in columns.items() if name.startswith("message.")
        }
        old = (
            [columns[f"old.{name}"][:, 0] for name in ("number", "copy", "end", "fate", "reason")]
            if "old.end" in columns
            else []
        )
        for number, copy, end, fate, reason in zip(*old, strict=True):
            key = next(key for key in known if key[:3] == (number, copy, end) and known[key][0] == 5)
            known[key] = (fate, meta["reasons"][reason])
        for k in range(len(message["number"])):
            key = tuple(int(message[name][k]) for name in ("number", "copy", "end"))
            key = (*key, sum(one[:3] == key for one in known))
            known[key] = (message["fate"][k], meta["reasons"][message["reason"][k]])
    return sorted((key[:3], value) for key, value in known.items())


def test_frames_that_follow_each_other_hold_what_one_frame_holds():
    with serving(live(faults=FAULTS)) as server, Talk(server) as talk:
        talk.frame("open")
        for ticks in (1, 1, 1, 4, 1, 12, 1, 1, 30):
            talk.ask("step", ticks=ticks)
        steps = talk.frames[:]
        talk.send({"do": "window", "tick": 30})
        whole = talk.frame("window")
    assert (whole[0]["first"], whole[0]["last"]) == (0, 53)
    assert joined(steps) == joined([whole])
    for name in ("price", "line_price", "count", "round", "period"):
        assert np.array_equal(np.concatenate([columns[name] for _, columns in steps]), whole[1][name]), name
    over = np.concatenate([columns["over.tick"] for _, columns in steps])
    assert over[:, 0].tolist() == list(range(53))


def test_what_is_private_is_told_of_one_agent_when_it_is_asked():
    with serving(live()) as server, Talk(server) as talk:
        talk.frame("open")
        talk.ask("step", ticks=20)
        assert not [name for _, columns in talk.frames for name in columns if name == "x" or name.startswith("fact.")]
        agents = talk.frames[0][0]["agents"]
        (session,) = server.sessions
        simulation = session._playbacks[0].simulation
        told = talk.ask("inspect", agent=agents.index("B.operator"), tick=20)
        society = simulation.market.populations[0].society
        assert dict((name, values) for name, values, _ in told["facts"])["pv"] == society.pv[1].tolist()
        assert told["x"] == simulation.state.x[0][society.row_start[1] : society.row_start[2]].tolist()
        earlier = talk.ask("inspect", agent=agents.index("B.operator"), tick=2)
        assert earlier["x"] != told["x"]
        assert talk.ask("inspect", agent=0, tick=20)["facts"] == []


@pytest.mark.parametrize(
    ("until", "why"),
    [({"tick": 40}, "tick 40"), ({"residual": 1e-3}, "residual below 0.001 kW"), ({"loss": True}, "a message was lost"),
     ({"speaks": 1}, "the agent speaks")],
)  # fmt: skip
def test_it_stops_in_the_tick_in_which_it_was_to_stop(until, why):
    with serving(live(faults=["loss=1,from=12,agent=A.operator"])) as server, Talk(server) as talk:
        talk.frame("open")
        if "residual" in until:
            talk.ask("fault", end=["loss agent=A.operator from=12"])  # refused: it has not begun
            talk.ask("step", ticks=14)
            talk.ask("fault", end=["loss agent=A.operator from=12"])
        meta = talk.play(**until)
        assert meta["why"] == why
        (session,) = server.sessions
        with Record(session._playbacks[0].path) as record:
            frames, sender = [record.frame(tick) for tick in range(record.ticks)], record.channels["sender"]
    held = {
        "tick": [frame.tick >= 40 for frame in frames],
        "residual": [frame.metrics["primal_residual"] < 1e-3 for frame in frames],
        "loss": [any(fate == "lost" for _, fate, _, _ in frame.counts) for frame in frames],
        "speaks": [any(1 in sender[said.channel] for said in frame.said.values()) for frame in frames],
    }[next(iter(until))]
    assert held[-1]
    assert not any(held[1:-1])


@pytest.mark.slow
def test_playing_fast_sends_few_frames_and_every_tick_in_the_overview(monkeypatch):
    monkeypatch.setattr(spans, "SPAN_TICKS", 8)
    with serving(live(settings=["eps_abs=0", "eps_rel=0"])) as server, Talk(server) as talk:
        talk.frame("open")
        talk.play(tick=400)
        frames = talk.frames
    assert len(frames) < 200
    assert max(meta["last"] - meta["first"] for meta, _ in frames) <= 8
    over = np.concatenate([columns["over.tick"] for _, columns in frames])[:, 0]
    assert over.tolist() == list(range(401))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_ticks():
    with serving(live(settings=["eps_abs=0", "eps_rel=0"], faults=["loss=0.1"])) as server, Talk(server) as talk:
        talk.frame("open")
        talk.play(tick=200)
        tracemalloc.start()
        sizes = []
        for tick in (300, 600, 900):
            talk.frames = talk.frames[-1:]
            talk.play(tick=tick)
            talk.frames = talk.frames[-1:]
            gc.collect()  # what waits for it comes and goes by itself
            sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        (session,) = server.sessions
        simulation = session._playbacks[0].simulation
        assert simulation.journal.rows == []
        assert not any(simulation.datacollector.model_vars.values())
        assert len(session._playbacks[0].record._unpacked) <= 16
    assert sizes[2] - sizes[1] < 50_000  # next to nothing; the past that runs keep would be more than 100,000


@pytest.mark.slow
def test_a_recording_is_looked_at_and_goes_on_in_a_branch(recorded):
    before = (recorded / "record.sqlite").read_bytes()
    with serving(Source(run=recorded, command=("gridparley", "run"))) as server, Talk(server) as talk:
        meta, columns = talk.frame("open")
        assert meta["fixed"]
        assert meta["outcome"]["ticks"] == meta["ticks"] == 150
        assert len(columns["over.tick"]) == 150
        assert "a branch from one of its ticks goes on" in talk.ask("step")["error"]
        assert "a branch from one of its ticks goes on" in talk.ask("fault", end=["loss"])["error"]
        assert "error" not in talk.ask("branch", tick=100)
        assert (talk.meta["ticks"], talk.meta["run"], talk.meta["ended"]) == (101, 1, False)
        assert talk.ask("step", ticks=49) == {"re": talk.number}
        (session,) = server.sessions
        assert blocks(session._playbacks[1].path, 150) == blocks(recorded / "record.sqlite", 150)
        assert "error" not in talk.ask("show", run=0)
        assert talk.meta["run"] == 0
        assert "error" not in talk.ask("show", run=1)
        assert talk.meta["ended"]  # at the same tick as the recording
        assert "error" not in talk.ask("branch", tick=120)
        assert talk.ask("fault", add=[{"kind": "loss", "probability": 0.9, "name": "storm"}]) == {"re": talk.number}
        assert talk.ask("step", ticks=3) == {"re": talk.number}
        assert talk.meta["ticks"] == 124
    assert (recorded / "record.sqlite").read_bytes() == before
    assert {file.name for file in recorded.iterdir()} == {
        "command.txt", "messages.csv", "metrics.csv", "prices.csv", "record.sqlite", "result.json", "scenario.toml",
    }  # fmt: skip


@pytest.mark.slow
def test_a_run_that_has_ended_is_kept_as_a_folder_like_any_other(tmp_path):
    with serving(live(out=tmp_path / "kept")) as server:
        with Talk(server) as talk:
            talk.frame("open")
            assert talk.play()["ended"]
            while talk.meta["outcome"] is None:
                talk.next()
            assert talk.meta["outcome"]["outcome"] == "CONVERGED"
            assert "error" not in talk.ask("branch", tick=30)  # which does not take its place
            talk.ask("step", ticks=3)
        with Talk(server) as talk:  # another page, while the first one's run is kept
            talk.frame("open")
            talk.ask("step", ticks=9)
    assert call("run", "three-microgrids", "--out", tmp_path / "other").exit_code == 0
    for name in ("metrics.csv", "messages.csv", "prices.csv", "scenario.toml"):
        assert (tmp_path / "kept" / name).read_bytes() == (tmp_path / "other" / name).read_bytes(), name
    assert call("check", tmp_path / "kept").exit_code == 0
    assert call("resume", tmp_path / "kept-2").exit_code == 0
    assert blocks(tmp_path / "kept-2", 100) == blocks(tmp_path / "other", 100)


def test_a_run_that_was_not_ended_is_not_written_over(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "unfinished.sqlite").write_bytes(b"of somebody")
    with serving(live(out=tmp_path / "kept")) as server, Talk(server) as talk:
        assert "holds a run that has not ended" in talk.next()["fatal"]
    assert (tmp_path / "kept" / "unfinished.sqlite").read_bytes() == b"of somebody"

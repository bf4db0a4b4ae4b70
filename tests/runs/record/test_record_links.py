"""What a record says about links and agents out of order: cut, in bad weather, down, resting."""

from __future__ import annotations

from gridparley.runs.record.reading import Record

from ..recorded import record_to


def test_links_and_agents_that_are_down_are_told(tmp_path):
    faults = ["crash=A.operator,from=3,to=5", "partition=A.*/B.*,from=4,to=6", "burst_loss=0.5"]
    record_to(tmp_path, faults, ticks=8)
    with Record.open(tmp_path) as record:
        frames = [record.frame(tick) for tick in range(8)]
        assert [[record.agents[a] for a in frame.asleep] for frame in frames[2:6]] == [
            [], ["A.operator"], ["A.operator"], []
        ]  # fmt: skip
        ends = [{record.agents[record.channels[end][c]] for c in frames[5].cut} for end in ("sender", "receiver")]
        assert {"A.virtual", "B.virtual"} <= ends[0] & ends[1]
        assert not len(frames[6].cut)
        assert any(len(frame.bad["burst_loss"]) for frame in frames)


def test_agents_that_rest_are_told_from_those_that_are_down(tmp_path):
    record_to(tmp_path, ["crash=A.operator,from=3,to=5", "slow=A.load,every=2", "slow=A.operator,every=2"], ticks=8)
    with Record.open(tmp_path) as record:
        frames = [record.frame(tick) for tick in range(8)]
        load, operator = record.agents.index("A.load"), record.agents.index("A.operator")
    assert [frame.tick for frame in frames if load in frame.resting] == [1, 3, 5, 7]
    assert [frame.tick for frame in frames if operator in frame.resting] == [1, 5, 7]
    assert [frame.tick for frame in frames if operator in frame.asleep] == [1, 3, 4, 5, 7]

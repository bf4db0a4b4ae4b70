"""The record: every message and its fate, and clear words about what is wrong with it."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter

import numpy as np
import pytest

from gridparley import load_scenario
from gridparley.environment import Fate
from gridparley.environment.faults import Loss
from gridparley.runs.common.errors import RunError
from gridparley.runs.record.reading import Record
from gridparley.runs.record.record import RECORD, UNFINISHED, record_of
from gridparley.runs.record.recorder import Recorder
from gridparley.runs.record.resume.check import check_record

from ..command import call
from ..recorded import LOSSY, record_to, result

EVERY = ["loss=0.2", "burst_loss=0.2", "delay=0..3", "duplicate=0.2", "reorder=0.2", "corrupt=0.1",
         "corrupt=0.1,mode=scale", "crash=A.operator,from=5,to=20", "crash=A.virtual,from=20,to=30,memory=lost",
         "partition=A.*/B.*,from=9,to=30", "slow=B.operator,every=4", "rate_limit=1,from=3,to=30"]  # fmt: skip


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "lossy"
    assert call(*LOSSY, "--out", folder).exit_code == 0
    return folder


@pytest.fixture
def copied(lossy, tmp_path):
    (tmp_path / "run").mkdir()
    for file in lossy.iterdir():
        (tmp_path / "run" / file.name).write_bytes(file.read_bytes())
    return tmp_path / "run"


def change(folder, statement, *values):
    base = sqlite3.connect(folder / RECORD)
    base.execute(statement, values)
    base.commit()
    base.close()


def test_the_fate_of_each_message_adds_up_to_the_journal(lossy):
    fates = Counter()
    with Record.open(lossy) as record:
        for tick in range(record.ticks):
            frame = record.frame(tick)
            fates["sent"] += sum(len(said) for said in frame.said.values())
            for ended in frame.ended:
                fates[str(ended.fate)] += len(ended)
    told = result(lossy)["messages"]
    assert fates == {fate: told[fate] for fate in ("sent", "delivered", "lost", "stale") if told[fate]}


def test_a_frame_says_what_the_simulation_says(tmp_path):
    seen = []

    def look(simulation):
        state = simulation.state
        seen.append((state.price.copy(), [x.copy() for x in state.x], dict(simulation.observer.latest)))

    simulation = record_to(tmp_path, ["loss=0.3", "duplicate=0.2"], ticks=40, change=look, keep_messages=True)
    with Record.open(tmp_path) as record:
        assert record.header["seed"] == simulation.transport.schedule.seed
        assert record.agents == [simulation.market.topology.name(a) for a in range(simulation.market.topology.size)]
        said = [each for tick in range(40) for each in record.frame(tick).said.values()]
        for each, batch in zip(said, simulation.journal.said, strict=True):
            assert (each.kind, each.tick) == (batch.kind.name, batch.sent)
            assert each.channel.tolist() == batch.channel.tolist()
            assert each.values.tobytes() == batch.values.tobytes()
        numbers = np.concatenate([each.number for each in said])
        assert (numbers == np.arange(len(numbers))).all()
        for tick, (price, x, latest) in enumerate(seen[1:]):
            frame = record.frame(tick)
            assert frame.price.tobytes() == price.tobytes()
            assert [a.tobytes() for a in frame.x] == [a.tobytes() for a in x]
            assert str(frame.metrics) == str({name: float(value) for name, value in latest.items()})


def test_messages_on_their_way_are_told_with_their_due_tick(tmp_path):
    record_to(tmp_path, ["delay=0..4", "loss=0.3", "duplicate=0.3"], ticks=40)
    flying = {}
    with Record.open(tmp_path) as record:
        for tick in range(40):
            frame = record.frame(tick)
            for ended in frame.ended:
                if ended.fate is not Fate.LOST:
                    for number, copy in zip(ended.number.tolist(), ended.copy.tolist(), strict=True):
                        assert flying.pop((number, copy)) == tick
            for way in frame.way.values():
                flying |= dict(
                    zip(zip(way.number.tolist(), way.copy.tolist(), strict=True), way.due.tolist(), strict=True)
                )
            assert len(flying) == frame.metrics["in_flight"]
            out = [row for _, way in record.flying(tick) for row in zip(way.number, way.copy, way.due, strict=True)]
            assert {(int(number), int(copy)): int(due) for number, copy, due in out} == flying
            assert len(out) == len(flying)
            oldest = min((record.where(number)[1] for number, _ in flying), default=tick + 1)
            assert oldest == record.since(tick)


def test_causes_lead_from_a_price_back_to_the_first_call(tmp_path):
    record_to(tmp_path, ticks=21)
    with Record.open(tmp_path) as record:
        channels = record.channels

        def look(number):
            kind, tick = record.where(number)
            said = record.said(kind, tick)
            place = number - said.number[0]
            ends = [record.agents[channels[end][said.channel[place]]] for end in ("sender", "receiver")]
            return kind, tick, *ends, int(said.cause[place])

        bid = record.frame(9).said["answer"]
        for number, cause in zip(bid.number.tolist(), bid.cause.tolist(), strict=True):
            _, _, sender, receiver, _ = look(number)
            assert look(cause)[:4] == ("ask", 8, receiver, sender)
        price = record.frame(10).said["ask"]
        for number, cause in zip(price.number.tolist(), price.cause.tolist(), strict=True):
            assert look(cause)[1] == 9
            assert look(cause)[3] == look(number)[2]
        chain = [int(price.number[0])]
        while (cause := look(chain[-1])[4]) >= 0:
            chain.append(cause)
        assert [look(number)[1] for number in chain] == list(range(10, -1, -1))


def test_what_is_repeated_because_of_silence_has_no_cause(tmp_path):
    record_to(tmp_path, ["loss=1"], ticks=12)
    with Record.open(tmp_path) as record:
        asked = [record.frame(tick).said.get("ask") for tick in range(12)]
        again = [said.cause for said in asked[1:] if said is not None]
        assert len(again) > 3
        assert all((cause == -1).all() for cause in again)


def test_what_was_garbled_is_told_as_it_was_heard(tmp_path):
    record_to(tmp_path, ["corrupt=0.5,mode=sign"], ticks=12)
    with Record.open(tmp_path) as record:
        found = [garbled for tick in range(12) for garbled in record.frame(tick).garbled if garbled.kind == "answer"]
        assert found
        for each in found:
            said = record.said("answer", record.where(int(each.number[0]))[1])
            assert (each.values[:, 0] == -said.values[each.number - said.number[0], 0]).all()


@pytest.mark.slow
@pytest.mark.parametrize("fault", EVERY)
def test_a_run_with_any_fault_is_replayed_from_the_start_and_from_its_checkpoint(fault, tmp_path):
    record_to(tmp_path, [fault, "delay=0..1,name=late"])
    with Record.open(tmp_path) as record:
        assert check_record(record).wrong is None
        assert record.base.execute("SELECT tick FROM checkpoint").fetchall() == [(50,)]


@pytest.mark.slow
@pytest.mark.parametrize("faults", [[], ["loss=0.1", "delay=0..2", "duplicate=0.1", "corrupt=0.05,mode=scale"]])
def test_a_large_market_is_replayed(faults, tmp_path):
    scenario = load_scenario("microgrids", ["microgrids=45", "prosumers=100", "topology=ring"], faults=faults)
    simulation = scenario.simulation(keep_messages=True)
    recorder = Recorder.start(tmp_path / RECORD, scenario, simulation)
    simulation.run(57, recorder.watch)
    recorder.finish(simulation)
    with Record.open(tmp_path) as record:
        assert check_record(record).wrong is None
        said = {(each.kind, each.tick): each for tick in range(57) for each in record.frame(tick).said.values()}
        assert sum(map(len, said.values())) == simulation.journal.totals["sent"]
        for batch in simulation.journal.said:
            each = said[batch.kind.name, batch.sent]
            here = np.isin(each.channel, batch.channel)
            assert each.channel[here].tolist() == batch.channel.tolist()
            assert each.values[here].tobytes() == batch.values.tobytes()


@pytest.mark.slow
def test_changes_while_running_are_replayed(tmp_path):
    def steer(simulation):
        if simulation.tick == 20:
            simulation.change_faults(add=[Loss(probability=0.4, name="storm")])
        if simulation.tick == 50:
            simulation.change_faults(end=["storm"])

    record_to(tmp_path, ["delay=0..2"], change=steer)
    with Record.open(tmp_path) as record:
        assert [len(record.frame(tick).commands) for tick in (19, 20, 50)] == [0, 1, 1]
        assert check_record(record).wrong is None


@pytest.mark.slow
def test_check_finds_a_record_equal_to_its_replay(lossy):
    done = call("check", lossy)
    assert done.exit_code == 0, done.output
    assert "the same to the last bit" in done.output


def test_check_names_the_tick_that_differs(copied):
    with Record.open(copied) as record:
        text = record.header["scenario"]
    assert "seed = 3" in text
    change(copied, "UPDATE header SET value = '4' WHERE key = 'seed'")
    done = call("check", copied)
    assert done.exit_code == 1
    assert "tick 0 (" in done.output


@pytest.mark.parametrize("column", ["state", "messages"])
def test_check_sees_a_flipped_bit(column, copied):
    with Record.open(copied) as record:
        (data,) = record.base.execute(f"SELECT {column} FROM tick WHERE tick = 7").fetchone()
    change(copied, f"UPDATE tick SET {column} = ? WHERE tick = 7", bytes([*data[:-1], data[-1] ^ 1]))
    done = call("check", copied)
    assert done.exit_code == 1
    assert "tick 7 is damaged" in done.output


def test_check_sees_a_missing_tick(copied):
    change(copied, "DELETE FROM tick WHERE tick = 7")
    done = call("check", copied)
    assert done.exit_code == 1
    assert "1 ticks are missing" in done.output


@pytest.mark.slow
def test_check_sees_a_checkpoint_that_leads_elsewhere(copied):
    change(copied, "UPDATE array SET data = (SELECT data FROM array WHERE size > 0 ORDER BY hash LIMIT 1)")
    done = call("check", copied)
    assert done.exit_code == 1
    assert "checkpoint" in done.output


@pytest.mark.parametrize("command", ["resume", "check", "export"])
def test_a_truncated_record_is_refused_and_left_alone(command, copied):
    whole = (copied / RECORD).read_bytes()
    os.truncate(copied / RECORD, len(whole) // 2)
    done = call(command, copied)
    assert done.exit_code == 1
    assert "is damaged, and was left as it is" in done.output
    assert (copied / RECORD).read_bytes() == whole[: len(whole) // 2]


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0" + bytes(200)])
@pytest.mark.parametrize(
    "command", [("resume",), ("check",), ("export",), ("branch", "--tick", 3, "--fault", "loss=0.1")]
)
def test_a_foreign_file_is_refused(content, command, tmp_path):
    (tmp_path / RECORD).write_bytes(content)
    done = call(*command, tmp_path)
    assert done.exit_code == 1
    assert "is no record of gridparley" in done.output
    assert (tmp_path / RECORD).read_bytes() == content


@pytest.mark.parametrize(
    ("version", "says"), [(99, "a newer gridparley (schema 99"), (1, "an older gridparley (schema 1")]
)
def test_a_record_of_another_schema_is_refused(version, says, copied):
    change(copied, f"PRAGMA user_version = {version}")
    whole = (copied / RECORD).read_bytes()
    for command in ("check", "resume", "export"):
        done = call(command, copied)
        assert done.exit_code == 1
        assert says in done.output
    assert (copied / RECORD).read_bytes() == whole


def test_a_folder_without_a_record_says_so(tmp_path):
    done = call("resume", tmp_path)
    assert done.exit_code == 1
    assert "holds no record" in done.output


def test_a_run_that_was_killed_is_not_overwritten(lossy, tmp_path):
    (tmp_path / UNFINISHED).write_bytes((lossy / RECORD).read_bytes())
    done = call(*LOSSY, "--out", tmp_path)
    assert done.exit_code == 1
    assert "gridparley resume" in done.output


def test_a_type_that_has_gone_is_named(copied):
    with Record.open(copied) as record:
        text = record.header["scenario"].replace('protocol = "dual_decomposition"', 'protocol = "gone.py:Gone"')
    change(copied, "UPDATE header SET value = ? WHERE key = 'scenario'", json.dumps(text))
    done = call("check", copied)
    assert done.exit_code == 1
    assert "gone.py" in done.output


def test_without_a_record(tmp_path):
    out = tmp_path / "out"
    assert call(*LOSSY, "--ticks", 20, "--no-reference", "--out", out, "--no-record").exit_code == 0
    with pytest.raises(RunError, match="no record"):
        record_of(out)


def test_a_record_is_one_file_that_can_be_read_where_nothing_can_be_written(copied):
    copied.chmod(0o555)
    try:
        assert not [file for file in copied.iterdir() if file.suffix in ("-wal", "-shm")]
        with Record.open(copied) as record:
            assert record.frame(3).metrics["round"] >= 0
    finally:
        copied.chmod(0o755)

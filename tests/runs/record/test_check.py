"""`check` names whatever a record says otherwise than its run, and damage is told in a sentence."""

from __future__ import annotations

import json
import sqlite3
import tracemalloc

import numpy as np
import pytest

from gridparley import Record
from gridparley.runs.common.errors import RunError
from gridparley.runs.record.tables.column_codec import Packer, digest
from gridparley.runs.record.tables.header import machine

from ..command import call

RUN = ("run", "three-microgrids", "--seed", 3, "--fault", "loss=0.2,to=60", "--fault", "delay=0..2", "--ticks", 130)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert call(*RUN, "--out", folder).exit_code == 0
    return folder


@pytest.fixture
def copied(whole, tmp_path):
    (tmp_path / "run").mkdir()
    for file in whole.iterdir():
        (tmp_path / "run" / file.name).write_bytes(file.read_bytes())
    return tmp_path / "run"


def change(folder, *statements):
    base = sqlite3.connect(folder / "record.sqlite")
    for statement, *values in statements:
        base.execute(statement, values)
    base.commit()
    base.close()


def header(folder, key, value):
    change(folder, ("UPDATE header SET value = ? WHERE key = ?", json.dumps(value), key))


def packer(folder):
    with Record.open(folder) as record:
        return Packer(record.header["columns"])


def shorter(folder):
    change(folder, ("DELETE FROM tick WHERE tick >= 80",), ("DELETE FROM checkpoint WHERE tick > 80",))


def empty(folder):
    change(folder, ("DELETE FROM tick",), ("DELETE FROM checkpoint",))


def first(folder):
    change(folder, ("UPDATE tick SET first = first + 1 WHERE tick = 40",))


def since(folder):
    change(folder, ("UPDATE tick SET since = since - 1 WHERE tick = 40",))


def names(folder):
    pack = packer(folder)
    base = sqlite3.connect(folder / "record.sqlite")
    columns = pack.unpack(base.execute("SELECT size, data FROM world WHERE name = 'agent'").fetchone())
    base.close()
    told = np.array(["X.operator" if name == "A.operator" else name for name in columns["agent.name"]], dtype=object)
    block = pack.pack(columns | {"agent.name": told})
    change(folder, ("UPDATE world SET size = ?, data = ? WHERE name = 'agent'", *block))


def units(folder):
    header(folder, "units", {"price": "ct/kWh", "x": "kW"})


def protocol(folder):
    header(folder, "protocol", "exchange_admm")


def command(folder):
    header(folder, "command", ["gridparley", "run", "three-microgrids", "--seed", "4"])


def result(folder):
    told = json.loads((folder / "result.json").read_text())
    told["total_cost"] += 1e-9
    (folder / "result.json").write_text(json.dumps(told))


def metric(folder):
    pack = packer(folder)
    base = sqlite3.connect(folder / "record.sqlite")
    *state, size, data = base.execute(
        "SELECT state_size, state, messages_size, messages FROM tick WHERE tick = 40"
    ).fetchone()
    base.close()
    columns = dict(pack.unpack(tuple(state)))
    with Record.open(folder) as record:
        place = list(record.header["metrics"]).index("primal_residual")
    columns["metric"] = columns["metric"].copy()
    columns["metric"][place] *= 1 + 1e-15
    new = pack.pack(columns)
    values = (*new, digest(new, (size, data)))
    change(folder, ("UPDATE tick SET state_size = ?, state = ?, hash = ? WHERE tick = 40", *values))


def seed(folder):
    header(folder, "seed", 4)


def positions(folder):
    header(folder, "positions", [[0.0, 0.0]] * 3)


def lost_checkpoint(folder):
    change(folder, ("DELETE FROM checkpoint WHERE tick = 50",))


def other_checkpoint(folder):
    change(folder, ("UPDATE checkpoint SET data = (SELECT data FROM checkpoint WHERE tick = 100) WHERE tick = 50",))


def csv(folder):
    text = (folder / "metrics.csv").read_text()
    (folder / "metrics.csv").write_text(text.replace("\n40,", "\n41,"))


ALTERED = {
    shorter: "the record ends after 80 ticks; done again, the run goes on to 130",
    empty: "the record ends after 0 ticks; done again, the run goes on to 130",
    first: "tick 40 (first) comes out otherwise than recorded",
    since: "tick 40 (since) comes out otherwise than recorded",
    names: "the table agent says otherwise in name than the run done again",
    units: 'the header says units = {"price": "ct/kWh", "x": "kW"}',
    protocol: 'the header says protocol = "exchange_admm"',
    command: "command.txt, line 1, says",
    result: "result.json says total_cost = ",
    metric: "tick 40 (metric primal_residual) comes out otherwise than recorded",
    seed: "the header says seed = 4; its scenario says 3",
    positions: "the header says positions = ",
    lost_checkpoint: "the checkpoint before tick 50 is missing",
    other_checkpoint: "the checkpoint before tick 50 holds another state",
    csv: "metrics.csv, line 42, says",
}


def test_a_record_that_nobody_altered_is_as_it_should_be(whole):
    done = call("check", whole)
    assert done.exit_code == 0, done.output
    assert "wrong" not in done.output
    assert "remark" not in done.output


@pytest.mark.slow
@pytest.mark.parametrize("alter", ALTERED, ids=lambda alter: alter.__name__)
def test_check_names_what_was_altered(alter, copied):
    alter(copied)
    done = call("check", copied)
    assert done.exit_code == 1
    assert ALTERED[alter] in done.output
    assert "Traceback" not in done.output


def test_another_machine_and_another_release_are_said_first(copied):
    header(copied, "machine", machine() | {"features": ["NEON"]})
    header(copied, "code_version", "0.0.9")
    done = call("check", copied)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[1].startswith("remark        recorded on another machine")
    assert "NEON" in lines[1]
    assert lines[2].startswith("remark        recorded by gridparley 0.0.9")


def test_a_record_without_its_result_says_that_the_end_is_not_compared(copied):
    (copied / "result.json").unlink()
    done = call("check", copied)
    assert done.exit_code == 0
    assert "how the run ended is not compared" in done.output


KEYS = ("code_version", "name", "scenario", "scenario_hash", "protocol", "seed", "ticks", "one_by_one", "command",
        "reference", "periods", "homes", "coordinators", "balances", "balance_kinds", "positions", "populations",
        "columns", "metrics", "units", "labels", "kinds")  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_a_header_without_a_key_is_refused_by_its_name(key, copied):
    change(copied, ("DELETE FROM header WHERE key = ?", key))
    for words in (("check",), ("report",), ("plot",), ("resume",), ("export",)):
        done = call(*words, copied)
        assert done.exit_code == 1
        assert f"is damaged, and was left as it is (header {key}: Field required)" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ["null", "[[[[", '{"a": 1}', "1e400", '"\\u0000"', "[" * 100_000])
def test_a_header_with_anything_else_in_a_key_never_ends_in_a_traceback(key, value, copied):
    change(copied, ("UPDATE header SET value = ? WHERE key = ?", value, key))
    for words in (("check",), ("report",), ("plot",)):
        done = call(*words, copied)  # any error but the user's comes through
        assert done.exit_code in (0, 1)


@pytest.mark.parametrize("column", ["state_size", "messages_size"])
@pytest.mark.parametrize("size", [10**12, 10**18, -1, 0, 7, "much"])
def test_a_size_that_cannot_be_takes_no_memory(column, size, copied):
    change(copied, (f"UPDATE tick SET {column} = ? WHERE tick = 40", size))
    tracemalloc.start()
    try:
        with Record.open(copied) as record, pytest.raises(RunError, match="tick 40"):
            record.frame(40)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
    for words in (("check",), ("report",), ("export",)):
        done = call(*words, copied)
        assert done.exit_code == 1
        assert "tick 40" in done.output


@pytest.mark.parametrize(
    "text", ["{", "[]", "3", '{"tick": "x", "add": [], "end": []}', '{"tick": 1, "add": [3], "end": []}', "[" * 100_000]
)
def test_a_command_that_is_none_is_refused(text, copied):
    change(copied, ("INSERT INTO command VALUES (0, 5, ?)", text))
    for words in (("check",), ("report",), ("plot",), ("resume",), ("export",)):
        done = call(*words, copied)
        assert done.exit_code == 1
        assert "is damaged, and was left as it is (command 0" in done.output

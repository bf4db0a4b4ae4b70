"""Checkpoints: whatever holds state is saved and put back, a user's own protocol and fault included."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from gridparley import load_scenario
from gridparley.environment.remembered import fixed
from gridparley.runs.record.files.own_files import Code
from gridparley.runs.record.reading import Record
from gridparley.runs.record.record import RECORD
from gridparley.runs.record.recorder import Recorder
from gridparley.runs.record.resume.check import check_record
from gridparley.runs.record.resume.checkpoint import PROOF_TICKS, last_checkpoint
from gridparley.runs.record.resume.replay import go_to
from gridparley.runs.record.resume.snapshot import SnapshotError, put_back, take

from ..command import call
from ..recorded import record_to

# What a protocol keeps it declares: a column by balance and by row, one that is asked, one that is no longer than a number.
OWN = """
import numpy as np
from gridparley.protocols import Column, Coordinator, DualDecomposition
from gridparley.environment.faults import Fault
from gridparley.environment.faults.base import Stage

class Heavy(DualDecomposition):
    name = "heavy"
    columns = {
        "velocity": Column("balance"),
        "rounds": Column("balance", first=1.0, width=1),
        "recent": Column("row"),
    }

    def update(self, balances):
        balances.velocity = 0.5 * balances.velocity + 0.02 * balances.imbalance
        balances.recent = 0.9 * balances.recent + balances.x
        balances.rounds += 1.0
        step = 1e-6 * balances.sum(balances.recent) + 1e-6 * balances.rounds
        balances.price += balances.velocity + step

class EveryFifth(Fault):
    stage = Stage.LOSS

    def on_send(self, envelopes, chance):
        told = chance.memory.setdefault("told", np.zeros(chance.channels, dtype=np.int64))
        np.add.at(told, envelopes.channel, 1)
        return envelopes.take(told[envelopes.channel] % 5 != 0)
"""

# A coordinator that remembers in ways that it does not declare: plain Python, and how far it got.
SECRET = """
class Secretive(Coordinator):
    def __init__(self, protocol, update, *args):
        super().__init__(protocol, self.moved, *args)
        self.notes = {"rounds": 0}

    def moved(self, balances):
        self.notes["rounds"] += 1
        self.protocol.update(balances)
        balances.price += 1e-6 * self.notes["rounds"]

class Secret(Heavy):
    name = "secret"

    @property
    def coordinator(self):
        return Secretive
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    text = 'base = "three-microgrids"\nrun = { protocol = "own.py:Heavy", ticks = 140 }\n'
    (tmp_path / "own.toml").write_text(text + 'fault = [{ kind = "own.py:EveryFifth" }]\n')
    return tmp_path


@pytest.mark.slow
def test_a_users_own_protocol_and_fault_need_no_code_for_it(own):
    done = call("run", own / "own.toml", "--no-reference", "--out", own / "out")
    assert done.exit_code == 0, done.output
    with Record.open(own / "out") as record:
        assert "no_checkpoint" not in record.header
        for tick in (60, 110, 140):
            assert go_to(record, tick).start == (tick - PROOF_TICKS) // 50 * 50
        simulation, whole = go_to(record, 140).simulation, record.scenario(Code.UNCHANGED).simulation()
        whole.run(140)
        ledgers = [each.roles[0].ledger.columns for each in (simulation, whole)]
        assert set(ledgers[0]) == {"price", "velocity", "rounds", "recent"}
        assert [column.tobytes() for column in ledgers[0].values()] == [c.tobytes() for c in ledgers[1].values()]
        assert ledgers[0]["rounds"].min() > 20.0
        (told,), (wanted,) = (list(each.transport.schedule.memory.values()) for each in (simulation, whole))
        assert told["told"].tolist() == wanted["told"].tolist()
        assert told["told"].min() > 5
        assert check_record(record).wrong is None


@pytest.mark.slow
def test_a_role_that_keeps_what_it_does_not_declare_is_found_out_and_its_run_is_done_again_from_the_start(own):
    (own / "own.py").write_text(OWN + SECRET)
    (own / "own.toml").write_text((own / "own.toml").read_text().replace("own.py:Heavy", "own.py:Secret"))
    assert call("run", own / "own.toml", "--no-reference", "--out", own / "out").exit_code == 0
    with Record.open(own / "out") as record:
        assert last_checkpoint(record.base, 120) == 100
        assert go_to(record, 120).start == 0
    done = call("check", own / "out")
    assert done.exit_code == 1
    assert "the last checkpoint does not lead where the run went" in done.output
    assert call("branch", own / "out", "--tick", 70, "--fault", "loss=0.2").exit_code == 0


@pytest.mark.slow
def test_a_fault_that_keeps_what_cannot_be_saved_is_named_and_the_run_is_done_again_from_the_start(own):
    luck = '        chance.memory.setdefault("luck", (n for n in range(9)))\n        np.add.at'
    (own / "own.py").write_text(OWN.replace("        np.add.at", luck))
    assert call("run", own / "own.toml", "--no-reference", "--out", own / "out").exit_code == 0
    with Record.open(own / "out") as record:
        assert "['luck'] is a generator" in record.header["no_checkpoint"]
        assert go_to(record, 120).start == 0
    done = call("check", own / "out")
    assert done.exit_code == 0
    assert "['luck'] is a generator" in done.output
    assert call("branch", own / "out", "--tick", 70, "--fault", "loss=0.2").exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("settings", [["on_silence=newest"], ["two_ledgers=true"], []])
@pytest.mark.parametrize("one_by_one", [False, True])
def test_every_way_to_run_goes_on_from_a_checkpoint(settings, one_by_one, tmp_path):
    faults = ["loss=0.2,to=90", "crash=A.virtual,from=20,to=45,memory=lost", "crash=B.*,from=41,to=48,memory=lost"]
    record_to(tmp_path, faults, 110, settings, one_by_one=one_by_one)
    with Record.open(tmp_path) as record:
        for tick in (50, 75, 110):
            assert go_to(record, tick).start == (tick - PROOF_TICKS) // 50 * 50


def test_a_checkpoint_is_the_same_when_it_is_taken_after_another_was_put_back(tmp_path):
    whole = record_to(tmp_path / "whole", ["loss=0.3", "burst_loss=0.1"], 100)
    with Record.open(tmp_path / "whole") as record:
        restored = go_to(record, 54)
        assert restored.start == 50
        simulation = restored.simulation
        simulation.run(100)
    assert simulation.tick == whole.tick == simulation.steps
    assert simulation.journal.rows == whole.journal.rows
    assert simulation.journal.totals == whole.journal.totals
    assert simulation.observer.rounds == whole.observer.rounds
    both = [
        take({"roles": [role.snapshot() for role in s.roles], "transport": s.transport, "state": s.state})[1]
        for s in (simulation, whole)
    ]
    assert [array.tobytes() for array in both[0]] == [array.tobytes() for array in both[1]]
    assert simulation.datacollector.get_model_vars_dataframe().equals(whole.datacollector.get_model_vars_dataframe())


class Thing:
    pass


def test_names_for_one_thing_stay_names_for_one_thing():
    base, one, two = np.arange(12.0), Thing(), Thing()
    one.whole, one.part, one.back, one.wide = base, base[2:8:2], base[::-1], np.broadcast_to(base[:3], (2, 3))
    one.fixed, one.empty, one.other = fixed(np.arange(3)), np.empty((0, 4)), two
    two.other, two.list = one, deque([one.part, (1, np.float64(0.1), float("nan"))], maxlen=4)
    told, arrays = take({"one": one})
    assert sum(array.size for array in arrays) == 15
    fresh = Thing()
    put_back({"one": fresh}, told, arrays, {}, {})
    fresh.whole[:] = -np.arange(12.0)
    assert fresh.part.tolist() == [-2.0, -4.0, -6.0]
    assert fresh.back[0] == -11.0
    assert fresh.wide.tolist() == [[0.0, -1.0, -2.0]] * 2
    assert fresh.other.other is fresh
    assert fresh.other.list[0] is fresh.part
    assert fresh.other.list.maxlen == 4
    assert not fresh.fixed.flags.writeable
    assert fresh.empty.shape == (0, 4)
    assert base[3] == 3.0


@pytest.mark.parametrize("value", [iter([]), np.random.default_rng(0), np.array([object()])])
def test_a_thing_that_cannot_be_saved_is_named(value):
    with pytest.raises(SnapshotError, match=r"things\[1\] is an? "):
        take({"things": [1, value]})


def test_checkpoints_hold_what_does_not_change_once(tmp_path):
    scenario = load_scenario("microgrids", ["generate.microgrids=10", "ticks=150", "eps_abs=0", "eps_rel=0"])
    simulation = scenario.simulation()
    recorder = Recorder.start(tmp_path / RECORD, scenario, simulation)
    simulation.run(150, recorder.watch)
    recorder.finish(simulation)
    with Record.open(tmp_path) as record:
        (size,) = record.base.execute("SELECT sum(size) FROM array").fetchone()
        _, arrays = take({"roles": simulation.roles, "transport": simulation.transport})
        assert size < 2.5 * sum(array.nbytes for array in arrays)
        assert len(record.base.execute("SELECT tick FROM checkpoint").fetchall()) == 3

"""Checkpoints: whatever holds state is saved and put back, a user's own protocol and fault included."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from gridparley import load_scenario
from gridparley.environment.remembered import fixed
from gridparley.runs.record.reading import Record
from gridparley.runs.record.record import RECORD
from gridparley.runs.record.recorder import Recorder
from gridparley.runs.record.resume.checkpoint import PROOF_TICKS
from gridparley.runs.record.resume.replay import check_record, go_to
from gridparley.runs.record.resume.snapshot import SnapshotError, put_back, take

from ..command import call
from ..recorded import record_to

# A keeper that remembers in every way there is: arrays, views of its memory, objects made late, plain Python.
OWN = """
from collections import deque
import numpy as np
from gridparley.protocols import DualDecomposition, Keeper
from gridparley.environment.faults import Fault
from gridparley.environment.faults.base import Stage

class Late:
    def __init__(self, keeper):
        self.keeper, self.steps = keeper, np.zeros(len(keeper.price))

class Momentum(Keeper):
    def __init__(self, *args):
        super().__init__(*args)
        self.velocity = np.zeros_like(self.price)
        self.bids = self.memory["bid"].values[:, :1]
        self.late = None
        self.recent = deque(maxlen=3)
        self.notes = {"rounds": 0, ("a", 1): [1.5, None]}

    def update(self, hubs, books):
        if self.notes["rounds"] == 20:
            self.late = Late(self)
        self.velocity = np.where(hubs[:, None], 0.5 * self.velocity + 0.02 * self.imbalance, self.velocity)
        self.recent.append(float(self.bids.sum()))
        self.notes["rounds"] += 1
        if self.late is not None:
            self.late.steps += hubs
            assert self.late.keeper is self
        step = sum(self.recent) * 1e-6 + (0.0 if self.late is None else 1e-6 * self.late.steps[:, None])
        self.price[hubs] += (self.velocity + step)[hubs]
        self.transfer_price[books] += 0.02 * self.disagreement[books]

class Heavy(DualDecomposition):
    name = "heavy"

    @property
    def keeper(self):
        return Momentum

class EveryFifth(Fault):
    kind = "every_fifth"
    stage = Stage.LOSS

    def on_send(self, envelopes, chance):
        told = chance.memory.setdefault("told", np.zeros(chance.channels, dtype=np.int64))
        np.add.at(told, envelopes.channel, 1)
        return envelopes.take(told[envelopes.channel] % 5 != 0)
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
        simulation = go_to(record, 140).simulation
        assert simulation.roles[0].late.keeper is simulation.roles[0]
        assert np.shares_memory(simulation.roles[0].bids, simulation.roles[0].memory["bid"].values)
        assert check_record(record).wrong is None


@pytest.mark.slow
def test_what_cannot_be_saved_is_named_and_the_run_is_done_again_from_the_start(own):
    code = OWN.replace("self.late = None\n", "self.late = None\n        self.luck = (n for n in range(9))\n")
    (own / "own.py").write_text(code)
    assert call("run", own / "own.toml", "--no-reference", "--out", own / "out").exit_code == 0
    with Record.open(own / "out") as record:
        assert "luck is a generator" in record.header["no_checkpoint"]
        assert go_to(record, 120).start == 0
    done = call("check", own / "out")
    assert done.exit_code == 0
    assert "luck is a generator" in done.output
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
    both = [take({"roles": s.roles, "transport": s.transport, "state": s.state})[1] for s in (simulation, whole)]
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

"""Users' code that fails in the middle of a run: the outcome FAILED, who and where, and nothing that was recorded is lost."""

import json
import signal

import numpy as np
import pytest

from gridparley import Prosumer, Protocol, Record, batched, load_scenario, run_scenario, within
from gridparley.protocols.errors import AnswerError
from gridparley.protocols.machinery.answer import answer
from gridparley.runs.common.failure import FailedError
from gridparley.runs.simulation.simulation import Simulation

from ..command import call

CODE = '''
import sys
from typing import ClassVar
import numpy as np
from gridparley import Prosumer, Protocol, batched, within
from gridparley.environment.faults import Fault, Stage


class Odd(BaseException):
    """No Exception."""


def raising(error):
    raise error


class House(Prosumer):
    wanted: float
    asked = 0

    def cost(self, x):
        {cost}
        return within(x, 0.0, 10.0, 0.5 * (x - self.wanted) ** 2)

    @batched
    def respond(self, price, target, rho):
        House.asked += 1
        x = np.clip((self.wanted + rho * target - price) / (1.0 + rho), 0.0, 10.0)
        if House.asked >= 6:
            {respond}
        return x


class Climb(Protocol):
    updates: ClassVar[int] = 0

    def update(self, balances):
        Climb.updates += 1
        if Climb.updates >= 6:
            {update}
        balances.price += 0.2 * balances.imbalance


class Storm(Fault):
    def on_send(self, envelopes, chance):
        if chance.tick >= 11:
            {fault}
        return envelopes


class Nap(Fault):
    def puts_to_sleep(self, tick):
        return tick >= 11 and bool(1 / 0)
'''
RIGHT = dict.fromkeys(("cost", "respond", "update", "fault"), "pass")
HOUSE = ["--set", "run.ticks=40"]
CLIMB, STORM = [*HOUSE, "--protocol", "code.py:Climb"], [*HOUSE, "--fault", "code.py:Storm"]
CASES = {
    "an agent raises": ("respond", "1 / 0", HOUSE, ["House.respond of A.load raised ZeroDivisionError: division by zero"]),
    "an agent exits": ("respond", "sys.exit('enough')", HOUSE, ["House.respond of A.load raised SystemExit: enough"]),
    "an agent interrupts": ("respond", "raise KeyboardInterrupt", HOUSE, ["House.respond of A.load raised KeyboardInterrupt"]),
    "an agent raises what is no Exception": ("respond", "raise Odd('odd')", HOUSE, ["raised ", "Odd: odd"]),
    "a helper of an agent raises": ("respond", "raising(ValueError('no'))", HOUSE, ["of A.load raised ValueError: no"]),
    "an agent answers NaN": ("respond", "return x * np.nan", HOUSE, ["House.respond of A.load returned nan in row 0, period 0"]),
    "an agent answers with another shape": ("respond", "return x.T.ravel()", HOUSE, ["returned float64 of shape (1,)"]),
    "a cost exits": ("cost", "House.asked < 6 or sys.exit(3)", HOUSE, ["House.cost of A.load raised SystemExit: 3"]),
    "a cost raises": ("cost", "House.asked < 6 or 1 / 0", HOUSE, ["House.cost raised ZeroDivisionError"]),
    "a protocol raises": ("update", "1 / 0", CLIMB, ["Climb.update raised ZeroDivisionError"]),
    "a protocol exits": ("update", "sys.exit()", CLIMB, ["Climb.update raised SystemExit"]),
    "a protocol makes NaN": ("update", "balances.price *= np.nan", CLIMB, ["Climb.update made a price nan"]),
    "a protocol makes another shape": ("update", "balances.price = np.ones((7, 3))", CLIMB, ["Climb.update", "ValueError"]),
    "a fault raises": ("fault", "1 / 0", STORM, ["Storm.on_send raised ZeroDivisionError"]),
    "a fault exits": ("fault", "sys.exit()", STORM, ["Storm.on_send raised SystemExit"]),
    "a fault delays in another shape": ("fault", "return envelopes.delay(np.ones(3, int))", STORM, ["delays of shape (3,)"]),
    "a fault delays into the past": ("fault", "return envelopes.delay(-np.ones(len(envelopes), int))", STORM, ["of -1 ticks"]),
    "a fault misuses chance": ("fault", "return envelopes.take(chance < 0.5)", STORM, ["Storm.on_send raised TypeError"]),
    "a fault returns a mask": ("fault", "return chance(envelopes) < 0.5", STORM, ["Storm.on_send returned ndarray"]),
    "a fault rewrites": ("fault", "return envelopes.rewrite(lambda b, at: b.values * 2)", STORM, ["stage CORRUPTION"]),
    "a nap raises": ("fault", "pass", [*HOUSE, "--fault", "code.py:Nap"], ["Nap.puts_to_sleep", "ZeroDivisionError"]),
}  # fmt: skip


def scenario(folder, slot, statement):
    """Write the users' code, wrong in one line, and a scenario with it; return the number of that line."""
    text = CODE.format(**{**RIGHT, slot: statement})
    (folder / "code.py").write_text(text)
    (folder / "own.toml").write_text(
        'base = "three-microgrids"\n[[microgrid]]\nname = "A"\n'
        'prosumer = [{ name = "load", type = "code.py:House", wanted = 3.0 }]\n'
    )
    return next(k for k, line in enumerate(text.splitlines(), 1) if statement in line and "def " not in line)


@pytest.mark.parametrize("case", CASES)
def test_the_outcome_is_failed_and_says_who_when_and_where(case, tmp_path, monkeypatch):
    slot, statement, words, fragments = CASES[case]
    monkeypatch.chdir(tmp_path)
    line = scenario(tmp_path, slot, statement)
    done = call("run", "own.toml", *words, "--out", "kept")
    assert done.exit_code == 1, done.output
    assert "Traceback" not in done.output
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: FAILED in tick 1")
    assert [f for f in fragments if f not in last] == [], last
    assert "gridparley conform " in done.stderr
    assert "--traceback" in done.stderr
    told = json.loads((tmp_path / "kept" / "result.json").read_text())
    failure = told["failure"]
    assert (told["outcome"], failure["file"]) == ("FAILED", str(tmp_path / "code.py"))
    assert failure["tick"] == told["ticks"]
    if "raised" in last and "helper" not in case and "nap" not in case:
        assert failure["line"] == line
    with Record.open("kept") as record:
        assert record.ticks == told["ticks"] >= 9
        record.frame(record.ticks - 1)


def test_the_question_is_told_and_the_record_can_be_checked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scenario(tmp_path, "respond", "1 / 0")
    done = call("run", "own.toml", *HOUSE, "--out", "kept", "--json")
    failed = json.loads(done.stdout)
    assert failed["outcome"] == "FAILED"
    assert failed["failure"]["asked"].startswith("price ")
    assert failed["failure"]["asked"].endswith(" $/kWh, target 0 kW, rho 0 $/kW²h")
    assert (failed["failure"]["type"], failed["failure"]["method"], failed["failure"]["who"]) == (
        "House",
        "respond",
        "A.load",
    )


def test_traceback_shows_all_of_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scenario(tmp_path, "respond", "raising(ValueError('no'))")
    told = call("run", "own.toml", *HOUSE, "--traceback").stderr
    assert [part for part in ("Traceback", "in raising", "raise error") if part not in told] == []
    assert "--traceback" not in told


class Patient(Prosumer):
    """Answers rightly, unless something comes between."""

    wanted: float

    def cost(self, x):
        return within(x, 0.0, 10.0, 0.5 * (x - self.wanted) ** 2)

    def respond(self, price, target, rho):
        if type(self).meanwhile is not None:
            type(self).meanwhile()
        return np.clip((self.wanted + rho * target - price) / (1.0 + rho), 0.0, 10.0)

    meanwhile = None


def own_scenario(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(
        'base = "three-microgrids"\n[[microgrid]]\nname = "A"\n'
        f'prosumer = [{{ name = "load", type = "{__name__}:Patient", wanted = 3.0 }}]\n'
    )
    return load_scenario(file)


def test_ctrl_c_in_the_middle_of_an_agent_s_code_ends_the_run_as_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(Patient, "meanwhile", lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        run_scenario(own_scenario(tmp_path), ticks=9, progress=False)


def test_from_python_a_failure_is_an_error_with_its_cause(tmp_path, monkeypatch):
    monkeypatch.setattr(Patient, "meanwhile", lambda: 1 / 0)
    with pytest.raises(
        FailedError, match=r"FAILED in tick 1: Patient.respond of A\.load raised ZeroDivisionError"
    ) as told:
        run_scenario(own_scenario(tmp_path), ticks=9, progress=False)
    assert told.value.culprit.file == __file__
    assert isinstance(told.value.__cause__.__cause__, ZeroDivisionError)


def test_of_many_agents_in_one_batch_the_one_that_fails_is_found():
    class Crowd(Prosumer):
        wanted: float

        @batched
        def respond(self, price, target, rho):
            if (self.wanted == 37.0).any():
                raise ValueError("never 37")
            return np.clip(self.wanted - price, 0.0, 10.0)

    crowd = Crowd(names=[f"house {k}" for k in range(100)], wanted=np.arange(100.0))
    with pytest.raises(
        AnswerError, match=r"Crowd\.respond of house 37 raised ValueError: never 37, asked with price 2 "
    ):
        answer(crowd, np.full((100, 1), 2.0), np.zeros((100, 1)), np.zeros((100, 1)))


def test_a_question_that_is_none_is_the_protocol_s_failure():
    class Lost(Protocol):
        def update(self, balances):
            balances.price *= np.nan

    simulation = Simulation(load_scenario("three-microgrids").market(), Lost())
    with pytest.raises(FailedError, match=r"FAILED in tick 2: Lost\.update made a price nan"):
        simulation.run(40)

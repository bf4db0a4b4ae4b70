"""`gridparley conform`: finds out what a type is, tries every rule, and says where each that is broken stands."""

import json

import pytest

from ..command import call, process
from .test_failed import CODE, RIGHT

PUMP = '''
import numpy as np
from gridparley import Array, Prosumer, batched, within


class HeatPump(Prosumer):
    """House that likes `comfort` kW of heat."""

    comfort: Array
    stiffness: float
    power_max: float

    def cost(self, x):
        return within(x, 0, self.power_max, self.stiffness / 2 * (x - self.comfort) ** 2)

    @batched
    def respond(self, price, target, rho):
        wanted = {factor} * self.stiffness * self.comfort + rho * target - price
        return np.clip(wanted / (self.stiffness + rho), 0, self.power_max)
'''


def findings(done):
    return {check["check"]: check for check in json.loads(done.stdout)["checks"]}


def pump(folder, factor):
    (folder / "pump.py").write_text(PUMP.format(factor=factor))
    return f"{folder / 'pump.py'}:HeatPump"


def test_a_right_agent_conforms(tmp_path):
    done = call("conform", pump(tmp_path, 1.0))
    assert done.exit_code == 0, done.output
    assert f"{tmp_path / 'pump.py'}:HeatPump  CONFORMS" in done.stdout.replace("\n", "")
    assert "comfort, stiffness, power_max drawn" in " ".join(done.stdout.split())


def test_a_wrong_agent_is_told_where_it_stands_and_on_what(tmp_path):
    name = pump(tmp_path, 1.01)
    done = call("conform", name, "--json", "--set", "comfort=3", "--set", "stiffness=0.4", "--set", "power_max=5")
    assert done.exit_code == 1
    found = findings(done)
    assert [check for check, one in found.items() if one["verdict"] == "failed"] == ["answers_are_optimal"]
    wrong = found["answers_are_optimal"]
    assert (wrong["file"], wrong["line"]) == (str(tmp_path / "pump.py"), 16)
    assert wrong["given"].startswith("price ")
    assert found["reference_agrees"]["verdict"] == "left out"
    text = call("conform", name, "--set", "comfort=3").stdout
    assert "BREAKS 1 of 14 rules" in text
    assert "pump.py, line 16" in text


@pytest.mark.parametrize("error", ["1 / 0", "sys.exit(3)", "raise KeyboardInterrupt", "raise Odd('odd')"])
def test_an_agent_whose_code_fails_is_told_so_once(error, tmp_path):
    (tmp_path / "code.py").write_text(CODE.format(**{**RIGHT, "respond": error}).replace(">= 6", ">= 0"))
    done = call("conform", f"{tmp_path / 'code.py'}:House", "--json")
    assert done.exit_code == 1
    found = findings(done)
    assert found["answers_every_question"]["verdict"] == "failed"
    assert {one["verdict"] for one in found.values()} <= {"failed", "not reached", "passed", "left out"}
    assert found["answers_have_shape"]["verdict"] == "not reached"
    assert "Traceback" not in done.output


def test_faults_protocols_and_built_in_types_are_told_apart(tmp_path):
    (tmp_path / "code.py").write_text(CODE.format(**RIGHT))
    for words in (["loss=0.3"], ["partition"], ["SquareRootLoad"], [f"{tmp_path / 'code.py'}:Storm"]):
        done = call("conform", *words, "--json")
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["conforms"]
    told = json.loads(call("conform", "SquareRootLoad", "--json").stdout)
    assert told["tried_on"].startswith("A.load, B.load, C.load of ")


@pytest.mark.slow
def test_a_protocol_that_forgets_to_move_a_price_breaks_a_rule(tmp_path):
    (tmp_path / "code.py").write_text(CODE.format(**RIGHT))
    assert call("conform", f"{tmp_path / 'code.py'}:Climb", "--json").exit_code == 0
    (tmp_path / "code.py").write_text(CODE.format(**{**RIGHT, "update": "return"}).replace(">= 6", ">= 0"))
    found = findings(call("conform", f"{tmp_path / 'code.py'}:Climb", "--json"))
    assert found["stops_without_faults"]["verdict"] == "failed"
    assert found["survives_loss"]["verdict"] == "not reached"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["SquarRootLoad"], "did you mean 'SquareRootLoad'"),
        (["gone.py:Gone"], "there is no file"),
        (["csv:DictReader"], "derives from neither"),
        (["SquareRootLoad", "--set", "beta=-1"], "beta = -1"),
        (["exchange_admm", "--set", "rho=-1"], "rho = -1"),
        (["loss=3"], "probability = 3"),
        (["loss=0.3", "--scenario", "gone"], "'gone'"),
        (["HospitalX", "--scenario", "feeder-toy"], "'HospitalX'"),
    ],
)
def test_what_cannot_be_tried_is_a_usage_error(words, says):
    done = call("conform", *words)
    assert done.exit_code == 2, done.output
    assert says in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.slow
def test_a_real_process_ends_with_the_status_of_what_it_found(tmp_path):
    pump(tmp_path, 1.01)
    done = process("conform", "pump.py:HeatPump", "--set", "comfort=3", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "answers are optimal" in done.stdout
    assert done.stderr == ""


def test_a_run_with_a_type_of_one_s_own_that_does_not_converge_names_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = pump(tmp_path, 1.0)
    (tmp_path / "warm.toml").write_text(
        'base = "three-microgrids"\n[[microgrid]]\nname = "A"\n'
        'prosumer = [{ type = "pump.py:HeatPump", comfort = 3.0, stiffness = 2.0, power_max = 5.0 }]\n'
    )
    told = call("run", "warm.toml", "--ticks", 9).stdout
    assert f"\ngridparley conform {name} tries what is yours here by itself\n" in told
    assert "gridparley conform" not in call("run", "three-microgrids", "--ticks", 9).stdout


def test_a_run_says_which_faults_acted_on_nothing():
    words = [
        "run",
        "three-microgrids",
        "--ticks",
        30,
        "--fault",
        "loss=0.3,from=500",
        "--fault",
        "delay=0",
        "--fault",
        "duplicate=0.5",
    ]
    text = " ".join(call(*words).stdout.split())
    assert "fault 'loss from=500' acted on nothing: it would have begun in tick 500, and the run ended after 30" in text
    assert "fault 'delay' acted on nothing: it changed none of the messages that it covers" in text
    assert "fault 'duplicate'" not in text
    told = json.loads(call(*words, "--json").stdout)["faults"]
    assert {one["name"]: one["acted_first"] for one in told} == {"duplicate": 0, "loss from=500": None, "delay": None}

"""Wrong input: one sentence that names the field, what stood there and what is allowed; no traceback, nothing lost."""

from __future__ import annotations

import json

import pytest

from gridparley.runs.cli.app import main

from ..command import call, process

THREE = ("run", "three-microgrids")

MARKET = """
[[microgrid]]
name = "A"
operator = { cost_quadratic = 1.0, cost_linear = 1.0, power_max = 40.0, pv = 1.0 }
prosumer = [{ name = "load", type = "SquareRootLoad", beta = 1.0, cap = 1.0 }]
[[microgrid]]
name = "B"
operator = { cost_quadratic = 1.0, cost_linear = 1.0, power_max = 40.0, pv = 1.0 }
prosumer = [{ name = "load", type = "SquareRootLoad", beta = 1.0, cap = 1.0 }]
[[tie_line]]
between = ["A", "B"]
"""
HYPHENS = "".join(
    f"""
[[microgrid]]
name = "{name}"
operator = {{ cost_quadratic = 1.0, cost_linear = 1.0, power_max = 40.0, pv = 1.0 }}
prosumer = [{{ name = "load", type = "SquareRootLoad", beta = 1.0, cap = 1.0 }}]
"""
    for name in ("A", "A-B", "B-C", "C")
) + "".join(f"[[tie_line]]\nbetween = {ends}\n" for ends in (["A", "B-C"], ["A-B", "C"], ["A", "C"]))

OPTIONS = {
    "unknown scenario": (("run", "three-microgrid"), ["'three-microgrid'", "did you mean 'three-microgrids'"]),
    "unknown scenario, nothing near": (("run", "zzz"), ["'zzz'", "Built in: ", "microgrids"]),
    "unknown field": ((*THREE, "--set", "step_siz=0.2"), ["step_siz", "step_size"]),
    "unknown fact": ((*THREE, "--set", "A.load.bet=1"), ["A.load", "'bet'", "did you mean 'beta'", "cap"]),
    "setting without a value": ((*THREE, "--set", "alpha"), ["'alpha'", "wanted K=V"]),
    "setting without a name": ((*THREE, "--set", "=3"), ["'=3'", "wanted K=V"]),
    "text for a number": ((*THREE, "--set", "pv=much"), ["A.operator", "pv = 'much'", "at least 0"]),
    "too many numbers": ((*THREE, "--set", "pv=[1,2]"), ["A.operator", "pv", "one a period", "(1, 1)"]),
    "negative fact": ((*THREE, "--set", "B.operator.pv=-1"), ["B.operator", "pv = -1", "at least 0"]),
    "NaN fact": ((*THREE, "--set", "A.operator.pv=nan"), ["A.operator", "pv = nan", "finite"]),
    "infinite fact": ((*THREE, "--set", "A.load.beta=inf"), ["A.load", "beta = inf", "finite"]),
    "negative step": ((*THREE, "--set", "step_size=-1"), ["step_size = -1", "greater than 0"]),
    "NaN step": ((*THREE, "--set", "step_size=nan"), ["step_size = nan", "finite"]),
    "negative alpha": ((*THREE, "--set", "alpha=-1"), ["tie_line A-B: alpha = -1", "more than 0"]),
    "negative alpha at one end": (
        (*THREE, "--set", "B-C.alpha=[1.0, -2.0]"),
        ["tie_line B-C: alpha = -2", "more than 0"],
    ),
    "NaN alpha": ((*THREE, "--set", "alpha=nan"), ["alpha = nan", "finite number or a valid tuple"]),
    "negative limit": ((*THREE, "--set", "limit=-3"), ["limit = -3", "negative"]),
    "prices of other periods": (
        (*THREE, "--set", "transfer_price=[1,2]"),
        ["A-B", "transfer_price", "one a period (1)"],
    ),
    "no ticks": ((*THREE, "--ticks", "0"), ["run.ticks = 0", "greater than or equal to 1"]),
    "negative seed": ((*THREE, "--seed", "-1"), ["run.seed = -1", "greater than or equal to 0"]),
    "unknown protocol": ((*THREE, "--protocol", "dual_decompositoin"), ["did you mean 'dual_decomposition'"]),
    "unknown fault": ((*THREE, "--fault", "los=0.3"), ["'los'", "did you mean 'loss'", "delay, duplicate, loss"]),
    "nonsense fault": ((*THREE, "--fault", "=..=,,"), ["'=..='", "wanted K=V"]),
    "empty fault": ((*THREE, "--fault", ""), ["fault = ''", "Known: "]),
    "unknown fault parameter": (
        (*THREE, "--fault", "loss=0.3,form=2"),
        ["form = 2", "did you mean 'from'", "probability"],
    ),
    "fault without its value": ((*THREE, "--fault", "loss"), ["fault loss", "probability is missing"]),
    "parameter without a value": ((*THREE, "--fault", "loss=0.3,from"), ["'from'", "PARAM=VALUE"]),
    "probability beyond 1": ((*THREE, "--fault", "loss=2"), ["probability = 2", "less than or equal to 1"]),
    "negative probability": ((*THREE, "--fault", "loss=-0.1"), ["probability = -0.1", "greater than or equal to 0"]),
    "NaN probability": ((*THREE, "--fault", "loss=nan"), ["probability = nan", "finite"]),
    "NaN copies": ((*THREE, "--fault", "duplicate=0.1,copies=nan"), ["copies = nan", "finite"]),
    "true for a probability": ((*THREE, "--fault", "loss=true"), ["probability = True", "no numbers"]),
    "true for a window": ((*THREE, "--fault", "loss=1,from=true"), ["from = True", "no numbers"]),
    "true for a fact": ((*THREE, "--set", "A.load.beta=true"), ["A.load", "beta = True", "wanted a number"]),
    "true for a step": ((*THREE, "--set", "step_size=true"), ["step_size = True", "no numbers"]),
    "true for an alpha": ((*THREE, "--set", "alpha=true"), ["alpha = True", "no numbers"]),
    "true for an end's alpha": ((*THREE, "--set", "alpha=[1, true]"), ["alpha = [1, True]", "no numbers"]),
    "true for how many alike": ((*THREE, "--set", "A.load.count=true"), ["count = True", "valid integer"]),
    "true for ticks": ((*THREE, "--set", "ticks=true"), ["run.ticks = True", "no numbers"]),
    "true for how many": (("run", "microgrids", "--set", "microgrids=true"), ["microgrids = True", "no numbers"]),
    "parameter given twice": ((*THREE, "--fault", "loss=0.3,from=2,from=3"), ["from is given twice"]),
    "value given twice": ((*THREE, "--fault", "loss=0.3,probability=1"), ["probability is given twice"]),
    "window by its other name": ((*THREE, "--fault", "loss=0.3,start=2"), ["start = 2", "did you mean 'from'"]),
    "end by its other name": ((*THREE, "--fault", "loss=0.3,from=1,end=2"), ["end = 2", "did you mean 'to'"]),
    "range that runs backwards": ((*THREE, "--fault", "delay=5..0"), ["ticks = '5..0'", "0..5"]),
    "negative delay": ((*THREE, "--fault", "delay=-1"), ["ticks = -1", "0..5"]),
    "window that ends first": ((*THREE, "--fault", "loss=0.3,from=60,to=20"), ["from=60", "to=20", "later than"]),
    "empty window": ((*THREE, "--fault", "loss=0.3,from=20,to=20"), ["from=20", "to=20", "later than"]),
    "window before the start": ((*THREE, "--fault", "loss=0.3,from=-2"), ["from = -2", "greater than or equal to 0"]),
    "address out of range": ((*THREE, "--fault", "loss=1,agent=A.load.7"), ["'A.load.7'", "A.load", "A.virtual"]),
    "agent that is not there": ((*THREE, "--fault", "loss=1,agent=Z.operator"), ["'Z.operator'", "A.operator"]),
    "channel that is not there": (
        (*THREE, "--fault", "loss=1,channel=A.load->B.load"),
        ["A.load->B.load", "no channel"],
    ),
    "message that is not there": ((*THREE, "--fault", "loss=1,message=bidd"), ["'bidd'", "bid", "price"]),
    "two faults of one name": ((*THREE, "--fault", "loss=0.1", "--fault", "loss=0.2"), ["'loss'", "name=other"]),
    "unknown fault file": ((*THREE, "--faults", "/nowhere.toml"), ["/nowhere.toml", "No such file"]),
    "protocol that is a list": ((*THREE, "--set", "protocol=[]"), ["run.protocol = []", "valid string"]),
    "number that overflows": (
        (*THREE, "--set", "cost_quadratic=1e308"),
        ["A.operator: cost_quadratic = 1e+308", "no more than 1e+60"],
    ),
    "number of many digits": ((*THREE, "--set", f"pv={'9' * 400}"), ["A.operator: pv = 999", "wanted a number"]),
    "number of too many digits": ((*THREE, "--set", f"pv={'9' * 5000}"), ["setting 'pv=99", "fewer digits"]),
    "nothing behind =": ((*THREE, "--set", "alpha="), ["setting 'alpha='", "nothing behind ="]),
    "5000 brackets": ((*THREE, "--set", "alpha=" + "[" * 5000), ["setting 'alpha=[[", "nested too deep"]),
    "5000 brackets in a fault": ((*THREE, "--fault", "loss=" + "[" * 5000), ["'loss=[[", "nested too deep"]),
    "field that is not there": (
        ("run", "feeder-toy", "--set", "network=nosuch"),
        ["setting 'network'", "did you mean generator", "There is adapting", "pricing"],
    ),
    "fields of two things": (
        ("run", "microgrids", "--set", "seed=3"),
        ["setting 'seed' means fields of different things: generate.seed, run.seed"],
    ),
    "types of two things": ((*THREE, "--set", "type=LogLoad"), ["operator.type, prosumer.type"]),
    "protocol of no module": ((*THREE, "--protocol", ".x:Q"), ["run.protocol: '.x'", "begins with a dot"]),
    "name with a NUL": (("run", "a\0b"), ["no scenario and no file is called 'a\\x00b'"]),
    "folder of nobody": (("run", "~no-such-user/x"), ["no file is called '~no-such-user/x'"]),
    "type in a folder of nobody": ((*THREE, "--protocol", "~no-such-user/x.py:Q"), ["run.protocol: there is no file"]),
    "name too long": (("run", "a" * 5000), ["no scenario and no file is called 'aaa"]),
    "too large for this machine": (
        ("run", "microgrids", "--set", "microgrids=1000000", "--set", "periods=10000"),
        [
            "56,000,000 agents",
            "60,000,000 rows × 10,000 periods",
            "messages a tick",
            "GB of memory",
            "this machine has",
        ],
    ),
    "too large for what is wanted": (
        ("run", "microgrids", "--size-limit", "0.1"),
        ["microgrids is too large", "the size limit is 0.1 GB", "--size-limit 1"],
    ),
    "no microgrids": (("run", "microgrids", "--set", "microgrids=0"), ["microgrids = 0", "greater than or equal to 1"]),
    "unknown topology": (("run", "microgrids", "--set", "topology=star"), ["topology = 'star'", "ring", "tree"]),
    "show": (("show", "three-microgrids", "--set", "step_siz=1"), ["step_siz", "step_size"]),
    "plot of nothing": (("plot", "/nowhere"), ["/nowhere", "no result.json", "--out"]),
}

FILES = {
    "not TOML": ("price = = 3", ["bad.toml is not TOML", "line 1"]),
    "not text": (b"\xff\xfe\x00", ["bad.toml is not TOML"]),
    "empty": ("", ["[[microgrid]]", "[generate]"]),
    "nobody beside an operator without a load": (
        '[[microgrid]]\nname = "A"\noperator = { power_max = 1.0, cost_quadratic = 1.0, cost_linear = 0.0 }\n',
        ["microgrid A: prosumer is missing", "MicrogridOperator", "no load of its own"],
    ),
    "parallel tie-lines": (MARKET + '[[tie_line]]\nbetween = ["B", "A"]\n', ["parallel tie-lines", "A", "B"]),
    "line to itself": (MARKET + '[[tie_line]]\nbetween = ["A", "A"]\n', ["A to itself"]),
    "line to nowhere": (MARKET + '[[tie_line]]\nbetween = ["A", "Z"]\n', ["tie_line[1].between", "'Z'", "A, B"]),
    "two of a name": (MARKET.replace('"B"', '"A"'), ["two microgrids are called 'A'"]),
    "negative parameter": (MARKET.replace("pv = 1.0", "pv = -1.0"), ["A.operator", "pv = -1", "at least 0"]),
    "NaN parameter": (MARKET.replace("beta = 1.0", "beta = nan"), ["A.load", "beta = nan", "more than 0"]),
    "infinite parameter": (MARKET.replace("power_max = 40.0", "power_max = inf"), ["power_max = inf", "finite"]),
    "NaN price": (MARKET.replace('name = "A"', 'name = "A"\nprice = nan'), ["microgrid.0.price = nan", "finite"]),
    "missing fact": (MARKET.replace("beta = 1.0, ", ""), ["A.load", "beta missing", "more than 0"]),
    "unknown table": (MARKET + "[weather]\nrain = 1\n", ["weather", "no such field", "microgrid"]),
    "unknown type": (MARKET.replace("SquareRootLoad", "SquareLoad"), ["A.load.type = 'SquareLoad'", "SquareRootLoad"]),
    "type of another sort": (MARKET.replace("SquareRootLoad", "csv:DictReader"), ["not a subclass of Prosumer"]),
    "file that is not there": (MARKET.replace("SquareRootLoad", "gone.py:Gone"), ["A.load.type", "no file", "gone.py"]),
    "fault at nobody": (MARKET + '[[fault]]\nkind = "loss"\nprobability = 1\nagent = "A.load.7"\n', ["'A.load.7'"]),
    "fault without a kind": (MARKET + "[[fault]]\nprobability = 1\n", ["fault[0]", "kind is None", "loss"]),
    "windows that contradict": (
        MARKET + '[[fault]]\nkind = "loss"\nprobability = 1\nfrom = 9\nto = 3\n',
        ["from=9", "to=3"],
    ),
    "misspelt protocol table": (
        MARKET + "[protocol.dual_decompositon]\nstep_size = 0.2\n",
        ["protocol = 'dual_decompositon'", "did you mean 'dual_decomposition'"],
    ),
    "two tie-lines of one name": (
        HYPHENS,
        ["two tie-lines would be called 'A-B-C'", "A to B-C", "A-B to C"],
    ),
    "base that is not there": ('base = "gone"\n', ["'gone'", "Built in: "]),
    "microgrids that are no tables": ('base = "three-microgrids"\nmicrogrid = [3]\n', ["microgrid.0 = 3"]),
    "tie-lines that are no tables": ('base = "three-microgrids"\ntie_line = [3]\n', ["tie_line.0 = 3"]),
    "a protocol without a name": ('base = "three-microgrids"\nrun.protocol = ":"\n', ["run.protocol", "cannot import"]),
    "figures that are no numbers": (
        'base = "three-microgrids"\n[report.printed]\nprice = { A = "x" }\n',
        ["report.printed.price", "= 'x'", "number"],
    ),
    "names among the facts": (MARKET.replace("pv = 1.0", 'names = "x"'), ["names = 'x' is no fact"]),
    "base that is no text": ("base = 3\n", ["bad.toml: base = 3", "as text"]),
    "a report that is no table, in a base": ('base = "base.toml"\n', ["report = 3", "valid dictionary"]),
    "a name that is a table": ('base = "three-microgrids"\n[[microgrid]]\nname = { a = 1 }\n', ["name = {'a': 1}"]),
    "ends in a list": (
        'base = "three-microgrids"\n[[tie_line]]\nbetween = [["A"], ["B"]]\n',
        ["tie_line.3.between.0 = ['A']", "valid string"],
    ),
    "5000 brackets": ("x = " + "[" * 5000, ["bad.toml is not TOML", "nested too deep"]),
    "profiles that are no name": (
        f'profiles = "a\\u0000b"\n{MARKET}'.replace("pv = 1.0", 'pv = "pv"'),
        ["profiles = 'a\\x00b'", "null byte"],
    ),
    "base of itself": ('base = "bad.toml"\n', ["circle"]),
}

AGENTS = {
    "returns NaN": ("x * np.nan", ["A.load", "returned nan", "price"]),
    "returns infinity": ("x + np.inf", ["A.load", "returned inf"]),
    "returns a wrong shape": ("x.ravel()", ["Late.respond of A.load", "shape (1,)", "(1, 1)"]),
    "returns text": ("np.full(x.shape, 'lots')", ["Late.respond", "<U4", "floats"]),
    "returns nothing": ("None", ["Late.respond", "shape ()", "(1, 1)"]),
    "raises": ("1 / 0", ["Late.respond of A.load raised ZeroDivisionError: division by zero, asked with price"]),
}
LATE = """
import numpy as np
from gridparley import Prosumer, within

class Late(Prosumer):
    wanted: float
    asked = 0

    def cost(self, x):
        return {cost}

    def respond(self, price, target, rho):
        Late.asked += 1
        x = np.clip((self.wanted + rho * target - price) / (1.0 + rho), 0.0, 10.0)
        return x if Late.asked < 6 else {answer}
"""
COST = "within(x, 0.0, 10.0, 0.5 * (x - self.wanted) ** 2)"


def told(done, fragments):
    """Check that a command ended in one sentence, with these fragments."""
    assert done.exit_code == 1, done.output
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert [fragment for fragment in fragments if fragment not in last] == [], last


def late_scenario(folder, answer, cost=COST):
    (folder / "late.py").write_text(LATE.format(answer=answer, cost=cost))
    file = folder / "late.toml"
    file.write_text(
        'base = "three-microgrids"\n[[microgrid]]\nname = "A"\n'
        'prosumer = [{ name = "load", type = "late.py:Late", wanted = 3.0 }]\n'
    )
    return file


@pytest.mark.parametrize("case", OPTIONS)
def test_wrong_options(case):
    words, fragments = OPTIONS[case]
    told(call(*words), fragments)


@pytest.mark.parametrize("case", FILES)
def test_wrong_scenario_files(case, tmp_path):
    text, fragments = FILES[case]
    file = tmp_path / "bad.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "base.toml").write_text('base = "three-microgrids"\nreport = 3\n')
    told(call("run", file), fragments)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[loss]\n", "holds loss"),
        ("fault = 3\n", "holds fault"),
        ("[[fault]]\nkind = \n", "is not TOML"),
        ("[[fault]]\nkind = 'los'\n", "did you mean 'loss'"),
        ("fault = [1]\n", "fault[0] = 1; wanted a [[fault]] table"),
        ("fault = ['ab']\n", "fault[0] = 'ab'; wanted"),
        ("fault = [['a', 1]]\n", "fault[0] = ['a', 1]; wanted"),
    ],
)
def test_wrong_fault_files(text, says, tmp_path):
    (tmp_path / "storm.toml").write_text(text)
    told(call(*THREE, "--faults", tmp_path / "storm.toml"), ["fault", says])


@pytest.mark.parametrize(
    ("own", "fault", "says"),
    [
        ("3", "loss=0.1", "scenario bad: fault = 3; wanted [[fault]] tables"),
        ("[3]", "loss=0.1,name=storm", "scenario bad: fault[0] = 3; wanted a [[fault]] table"),
        ('"abc"', "loss=0.1", "scenario bad: fault = 'abc'; wanted"),
    ],
)
def test_faults_beside_what_are_none(own, fault, says, tmp_path):
    (tmp_path / "bad.toml").write_text(f'fault = {own}\nbase = "three-microgrids"\n')
    told(call("run", tmp_path / "bad.toml", "--fault", fault), [says])


PLUGINS = {
    "abstract": (
        "from abc import ABC, abstractmethod\nclass Q(Prosumer):\n    @abstractmethod\n    def shape(self): ...\n",
        ["Q is abstract; it does not say shape"],
    ),
    "its own __init__": (
        "class Q(Prosumer):\n    def __init__(self, size): ...\n",
        ["Q has an __init__ of its own", "annotated fields"],
    ),
    "raises what is no Exception": (
        "class Stop(BaseException): pass\nraise Stop('here')\n",
        ["own.py cannot be run: Stop: here (line 3)"],
    ),
    "exits": ("import sys\nsys.exit(0)\n", ["own.py cannot be run: SystemExit: 0 (line 3)"]),
    "raises when it is asked": (
        "def __getattr__(name):\n    raise RuntimeError(name)\n",
        ["own.py raised RuntimeError: Q"],
    ),
    "only the base": ("Q = Prosumer\n", ["Prosumer itself says nothing"]),
    "a helper that fails": ("from helpers import f\n", ["own.py cannot be run: ZeroDivisionError"]),
}


@pytest.mark.parametrize("case", PLUGINS)
def test_wrong_files_of_types(case, tmp_path):
    text, fragments = PLUGINS[case]
    (tmp_path / "own.py").write_text(f"from gridparley import Prosumer\n{text}")
    (tmp_path / "helpers.py").write_text("f = 1 / 0\n")
    told(call(*THREE, "--set", f"A.load.type={tmp_path / 'own.py'}:Q"), ["A.load.type", *fragments])


@pytest.mark.parametrize("text", ["sys.exit(0)", "raise SystemExit", "1 / 0"])
def test_a_module_that_ends_the_process_on_import(text, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    name = f"module_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(f"import sys\n{text}\n")
    told(call(*THREE, "--protocol", f"{name}:Q"), ["run.protocol: importing", name, "raised"])


def test_a_protocol_without_an_update(tmp_path):
    (tmp_path / "own.py").write_text("from gridparley import Protocol\nclass Q(Protocol):\n    rho: float = 1.0\n")
    told(call(*THREE, "--protocol", f"{tmp_path / 'own.py'}:Q"), ["Q does not say how prices move; wanted an update"])


def test_options_of_a_protocol_that_cannot_be_made(tmp_path):
    (tmp_path / "own.py").write_text(
        "from pydantic import model_validator\nfrom gridparley import Protocol\nclass Q(Protocol):\n"
        "    @model_validator(mode='before')\n    def look(cls, values):\n        raise KeyError('z')\n"
        "    def update(self, balances): ...\n"
    )
    told(call(*THREE, "--protocol", f"{tmp_path / 'own.py'}:Q"), ["Q cannot be made: KeyError: 'z'"])


def test_a_cell_that_is_too_long(tmp_path):
    (tmp_path / "day.csv").write_text(f"start,pv [kW]\n2023-01-01T00:00,{'1' * 140_000}\n")
    (tmp_path / "bad.toml").write_text('profiles = "day.csv"\nclock.hours = 1\n' + MARKET.replace("1.0 }", '"pv" }', 1))
    told(call("run", tmp_path / "bad.toml"), ["day.csv", "line 2: a cell has more than 131,072 characters"])


def test_a_byte_order_mark_is_passed_over(tmp_path):
    (tmp_path / "own.toml").write_bytes(b'\xef\xbb\xbfbase = "three-microgrids"\n')
    (tmp_path / "storm.toml").write_bytes(b'\xef\xbb\xbf[[fault]]\nkind = "loss"\nprobability = 0.1\n')
    done = call("show", tmp_path / "own.toml", "--faults", tmp_path / "storm.toml")
    assert done.exit_code == 0, done.output
    assert 'kind = "loss"' in done.stdout


@pytest.mark.parametrize("case", AGENTS)
def test_an_agent_that_goes_wrong_in_the_middle_loses_nothing(case, tmp_path):
    answer, fragments = AGENTS[case]
    done = call("run", late_scenario(tmp_path, answer), "--out", tmp_path / "kept")
    told(done, fragments)
    assert f"is in {tmp_path / 'kept'}" in done.stderr
    result = json.loads((tmp_path / "kept" / "result.json").read_text())
    assert result["outcome"] == "FAILED"
    assert all(fragment in result["error"] for fragment in fragments)
    assert result["ticks"] == 11
    for name in ("metrics.csv", "messages.csv", "prices.csv"):
        assert len((tmp_path / "kept" / name).read_text().splitlines()) > 5
    assert "late.py:Late" in (tmp_path / "kept" / "scenario.toml").read_text()


@pytest.mark.parametrize(
    ("cost", "fragments"),
    [
        ("1 / 0", ["Late.cost raised ZeroDivisionError", "A.load"]),
        ("0.5", ["Late.cost returned shape ()", "(1, 1)"]),
        ("x * np.nan", ["Late.cost of A.load returned nan in period 0", "for x = ["]),
        ("x - np.inf", ["Late.cost of A.load returned -inf in period 0"]),
        ("np.full(x.shape, 'lots')", ["Late.cost returned <U4", "floats"]),
        ("super().cost(x)", ["Late does not say what it costs"]),
    ],
)
def test_a_cost_that_goes_wrong(cost, fragments, tmp_path):
    told(call("run", late_scenario(tmp_path, "x", cost)), fragments)


def test_a_file_that_cannot_be_run(tmp_path):
    file = late_scenario(tmp_path, "x +")
    told(call("run", file), ["A.load.type", "late.py cannot be run", "SyntaxError"])


@pytest.mark.slow
def test_a_run_that_fails_leaves_an_older_one_alone(tmp_path):
    out = tmp_path / "kept"
    assert call(*THREE, "--out", out).exit_code == 0
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    told(call("run", late_scenario(tmp_path, "x * np.nan"), "--out", out), ["returned nan"])
    assert {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()} == before
    assert json.loads((out / "failed" / "result.json").read_text())["outcome"] == "FAILED"
    # Another failure takes the place of the first, and the run stays.
    told(call("run", late_scenario(tmp_path, "x * np.nan"), "--set", "wanted=2", "--out", out), ["returned nan"])
    assert (out / "result.json").read_bytes() == before["result.json"]


@pytest.mark.parametrize("words", [("--set", "alpha=-1"), ("--fault", "los=1"), ("--fault", "loss=1,agent=Z.load")])
def test_a_wrong_option_touches_no_older_run(words, tmp_path):
    out = tmp_path / "kept"
    assert call(*THREE, "--ticks", 20, "--out", out).exit_code == 0
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in out.iterdir()}
    assert call(*THREE, *words, "--out", out).exit_code == 1
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in out.iterdir()} == before


def test_a_folder_that_cannot_be_written_stops_before_the_first_tick(tmp_path):
    (tmp_path / "file").write_text("kept")
    # The agent would raise in its first answer: that it does not is how we know that it was never asked.
    file = late_scenario(tmp_path, "x")
    (tmp_path / "late.py").write_text(LATE.format(answer="x", cost=COST).replace("Late.asked += 1", "1 / 0"))
    told(call("run", file, "--out", tmp_path / "file" / "below"), ["file/below", "cannot be written"])
    told(call("run", file, "--out", "/proc/nowhere"), ["/proc/nowhere", "cannot be written"])
    assert (tmp_path / "file").read_text() == "kept"


def test_figures_that_cannot_be_written(tmp_path):
    assert call(*THREE, "--ticks", 20, "--out", tmp_path / "kept").exit_code == 0
    (tmp_path / "file").write_text("")
    told(call("plot", tmp_path / "kept", "--out", tmp_path / "file" / "below"), ["file/below", "cannot be written"])


LATE_LINE = (
    ("run", "late.toml", "--out", "kept"),
    ["is in kept", "error: FAILED in tick 11: Late.respond of A.load returned nan"],
)


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (("run", "three-microgrid"), ["error: ", "did you mean 'three-microgrids'"]),
        (("run", "three-microgrids", "--set", "A.operator.pv=nan"), ["error: A.operator: pv = nan"]),
        (("run", "three-microgrids", "--fault", "loss=0.3,from=9,to=3"), ["error: fault loss", "from=9 to=3"]),
        LATE_LINE,
        (("run", "three-microgrids", "--out", "late.toml/below"), ["error: --out late.toml/below"]),
        (("run", "three-microgrids", "--json", "--fault", "los=1"), ["error: fault = 'los'"]),
    ],
)
def test_main_ends_with_a_sentence(words, fragments, tmp_path, monkeypatch, capsys):
    late_scenario(tmp_path, "x * np.nan")
    ended(1, *main_of(words, tmp_path, monkeypatch, capsys), fragments)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("run",), ("run", "three-microgrids", "--ticks", "many"), ("rum",), ("list", "--jsn")]
)
def test_a_line_that_cannot_be_read_is_another_status(words, tmp_path, monkeypatch, capsys):
    ended(2, *main_of(words, tmp_path, monkeypatch, capsys), ["Usage: gridparley"])


@pytest.mark.slow
@pytest.mark.parametrize(("words", "fragments", "status"), [(*LATE_LINE, 1), (("rum",), ["Usage: gridparley"], 2)])
def test_a_real_process_ends_so_too(words, fragments, status, tmp_path):
    late_scenario(tmp_path, "x * np.nan")
    done = process(*words, cwd=tmp_path)
    ended(status, done.returncode, done.stdout, done.stderr, fragments)


def main_of(words, folder, monkeypatch, capsys):
    """Call what a process calls, with the words it is given; return its status, and what it wrote to both outputs."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["gridparley", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code, *capsys.readouterr()


def ended(wanted, status, out, told, fragments):
    assert status == wanted
    assert out == ""
    assert "Traceback" not in told
    assert [fragment for fragment in fragments if fragment not in told] == [], told

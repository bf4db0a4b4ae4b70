"""Malformed files, tables and settings, drawn at random: each ends in a sentence or in a run, never in a traceback."""

from __future__ import annotations

import json
import random

import pytest

from ..command import call

BASE = """
base = "three-microgrids"
periods = 1
[run]
ticks = 3
[[microgrid]]
name = "A"
price = 1.0
operator = { type = "MicrogridOperator", pv = 0.5, power_max = 40.0 }
prosumer = [{ name = "load", type = "SquareRootLoad", count = 2, beta = [1.0, 2.0], cap = 1.0 }]
[[tie_line]]
between = ["A", "B"]
alpha = [0.05, 0.1]
limit = "own_pv"
[[fault]]
kind = "loss"
probability = 0.1
[protocol.dual_decomposition]
step_size = 0.1
[report]
printed = { price = { A = 1.0 } }
"""

POOL = """
agents = "list.csv"
trades = { limit = "square.csv" }
run.ticks = 3
[[balance]]
name = "pool"
"""
LIST = "name,type,at,cost_quadratic [$/kW²h],cost_linear [$/kWh],low [kW],high [kW]\na,,pool,0.1,0.2,0,5\nb,,pool,0.1,0.4,-5,0\n"
SQUARE = "limit [kW],a,b\na,,5\nb,5,\n"

VALUES = [
    "", "[]", "{}", "[[]]", "{ a = 1 }", "[{}]", "nan", "-inf", "1e308", "-1e-320", "true", '""', '"\\u0000"',
    '"~no-such-user/x"',
    "1979-05-27", "07:32:00", "[1, 'a']", "[[1], [2, 3]]", "9" * 400, "9" * 5000, "[" * 4000, "'x.py:Q'", "'.:Q'", "'a:b:c'",
    "0x10", "-1", "1e400", "'" + "a" * 9000 + "'", '"""a\nb"""', "[true]", "'..\\..'", "'\ufeff'", "'A.load'", "[-1, 0]", "'%'",
]  # fmt: skip
KEYS = [
    "name", "type", "count", "beta", "cap", "pv", "price", "prosumer", "operator", "microgrid", "tie_line", "between", "alpha",
    "limit", "fault", "kind", "from", "run", "ticks", "seed", "protocol", "periods", "clock", "profiles", "agents", "trades",
    "base", "report", "printed", "generate", "balance", "agent", "trade", "title", "step_size", "probability", "A.load.beta",
    "A-B.alpha", "run.protocol", "microgrid.A", "", "..", "A.load", "protocol.dual_decomposition", "load.type", "at", "kind.x",
]  # fmt: skip
SCENARIOS = (
    "three-microgrids",
    "microgrids",
    "feeder-toy",
    "pool-14",
    "prosumer-day",
    "dispatch-day",
    "peers-50",
    "communities",
)
GROUPS, EACH = 10, 40


def mangled(text, chance):
    """Return a text with a value replaced, a line or a character gone, doubled or strange, a few times."""
    for _ in range(chance.randint(1, 3)):
        lines = text.split("\n")
        k = chance.randrange(len(lines))
        match chance.randrange(5):
            case 0:
                head, equals, _ = lines[k].partition("=")
                lines[k] = f"{head}{equals} {chance.choice(VALUES)}" if equals else lines[k]
            case 1:
                lines[k] = chance.choice(["", lines[k] * 2, f"{chance.choice(KEYS)} = {chance.choice(VALUES)}"])
            case 2:
                at = chance.randrange(len(lines[k]) + 1)
                lines[k] = (
                    lines[k][:at]
                    + chance.choice("[]{}=\"',.\n\0\ufeff\x1c9-e$%é")
                    + lines[k][at + chance.randint(0, 2) :]
                )
            case 3:
                lines.insert(k, lines[chance.randrange(len(lines))])
            case 4:
                lines[k] = lines[k].replace(
                    chance.choice(["0", "1", "5", "pool", "kW", "a", "A"]), chance.choice(VALUES)[:20]
                )
        text = "\n".join(lines)
    return text


def command(chance, folder):
    """Return the words of a command with something malformed in it, and write the files that it names."""
    match chance.randrange(5):
        case 0:
            (folder / "bad.toml").write_bytes(mangled(BASE, chance).encode()[: chance.choice([None, None, None, -7])])
            return ["show" if chance.random() < 0.3 else "run", folder / "bad.toml"]
        case 1:
            texts = {"list.csv": LIST, "square.csv": SQUARE, "bad.toml": POOL}
            texts[which] = mangled(texts[which := chance.choice([*texts])], chance)
            for name, text in texts.items():
                (folder / name).write_bytes(text.encode())
            return ["run", folder / "bad.toml"]
        case 2:
            (folder / "storm.toml").write_bytes(
                mangled('[[fault]]\nkind = "delay"\nticks = "0..3"\nfrom = 2\n', chance).encode()
            )
            return ["run", "three-microgrids", "--faults", folder / "storm.toml"]
        case 3:
            word = f"{chance.choice(['loss', 'delay', 'corrupt', 'crash', 'x.py:Q', ''])}={chance.choice(VALUES)}"
            more = f",{chance.choice(['from', 'to', 'name', 'agent', 'kind', 'mode', 'x'])}={chance.choice(VALUES)}"
            return ["run", "three-microgrids", "--fault", word + (more if chance.random() < 0.5 else "")]
        case _:
            settings = [f"{chance.choice(KEYS)}={chance.choice(VALUES)}" for _ in range(chance.randint(1, 2))]
            scenario = chance.choice(SCENARIOS)
            how = "run" if scenario == "three-microgrids" else "show"  # the others take longer than there is to learn
            return [how, scenario, *(word for one in settings for word in ("--set", one))]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(GROUPS))
def test_malformed_input_never_ends_in_a_traceback(seed, tmp_path, capfd):
    chance = random.Random(seed)
    refused = 0
    for number in range(EACH):
        words = command(chance, tmp_path)
        if words[0] == "run":
            words += ["--ticks", 3, "--no-reference", "--size-limit", 1]
        try:
            done = call(*words)
        except Exception as error:
            files = {file.name: file.read_text("utf-8", "replace")[:2000] for file in tmp_path.iterdir()}
            raise AssertionError(f"seed {seed}, number {number}: {words} {json.dumps(files)}") from error
        assert done.exit_code in (0, 1, 2), done.output
        if done.exit_code == 1:
            refused += 1
            last = done.stderr.rstrip("\n").rpartition("\nerror: ")[2] or done.stderr
            assert "error: " in done.stderr, (seed, number, words, done.stderr)
            assert "Traceback" not in done.stderr
            assert len(last) > 10
    assert refused > EACH // 3

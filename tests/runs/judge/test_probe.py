"""Answers are tried against costs: what is wrong is named, and no run that misses the optimum of its costs is CONVERGED."""

import numpy as np
import pytest

from gridparley import load_scenario, run_scenario
from tests.campaigns.random_markets import draw, run
from tests.campaigns.wrong_types import Wrong, run_cells

QUICK = [
    ("dual_decomposition", "A.load", "respond", "shift"),
    ("dual_decomposition", "A.load", "respond", "constant"),
    ("dual_decomposition", "A.load", "cost", "zero"),
    ("dual_decomposition", "A.load", "cost", "concave"),
    ("exchange_admm", "A.load", "respond", "factor"),
    ("exchange_admm", "A.load", "respond", "only at rho = 0"),
    ("exchange_admm", "A.load", "respond", "only at rho > 0"),
    ("exchange_admm", "A.load", "cost", "scaled"),
    ("exchange_admm", "B.operator", "respond", "stiffness"),
    ("exchange_admm", "B.operator", "respond", "limit"),
    ("exchange_admm", "B.operator", "cost", "without limits"),
    ("exchange_admm", "B.operator", "cost", "steeper"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("protocol", "agent", "what", "how"), QUICK, ids=" ".join)
def test_a_wrong_type_is_named_and_the_run_never_converged_off_the_optimum(protocol, agent, what, how):
    for cell in run_cells("three-microgrids", protocol, agent, Wrong(what, how)):
        assert not cell.false, cell
        assert cell.named or cell.outcome == "CONVERGED", cell
        if how != "without limits":  # which need not bind
            assert cell.outcome != "CONVERGED", cell


@pytest.mark.slow
@pytest.mark.parametrize(("what", "how"), [("respond", "shift"), ("cost", "steeper")])
def test_a_kink_is_followed_along_its_edge(what, how):
    # Between the tariffs a peer gains only where it injects and sells at once.
    for cell in run_cells("feeder-toy", "dlmp_admm", "p1.operator", Wrong(what, how)):
        assert cell.outcome == "AGREED", cell
        assert cell.named, cell


def test_a_fault_at_a_penalty_that_is_never_asked_changes_nothing():
    cells = run_cells("three-microgrids", "dual_decomposition", "A.load", Wrong("respond", "only at rho > 0"))
    for cell in cells:
        assert cell.outcome == "CONVERGED"
        assert abs(cell.miss) <= 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("seed", [*range(16), 206])  # the last has losses and a cost near zero
def test_built_in_types_are_not_accused_in_random_markets(seed):
    outcome, words = run(draw(seed))
    assert words == ""
    assert outcome in ("CONVERGED", "TICK_LIMIT")


FORGOTTEN = '''
"""A heat pump whose `respond` forgot a factor: the stiffness is that of README's, half of it in the answer."""

import numpy as np
from gridparley import Array, Prosumer, batched, within


class HeatPump(Prosumer):
    comfort: Array
    stiffness: float
    power_max: float

    def cost(self, x):
        return within(x, 0, self.power_max, self.stiffness / 2 * (x - self.comfort) ** 2)

    @batched
    def respond(self, price, target, rho):
        wanted = self.stiffness * self.comfort + rho * target - price
        return np.clip(wanted / (2.0 * self.stiffness + rho), 0, self.power_max)
'''
WARM = """
base = "three-microgrids"
protocol.dual_decomposition.step_size = 0.03

[[microgrid]]
name = "A"
prosumer = [{ type = "heat_pump.py:HeatPump", comfort = 3.0, stiffness = 2.0, power_max = 5.0 }]
"""


ADMM = ["run.protocol=exchange_admm"]


@pytest.fixture
def warm(tmp_path):
    (tmp_path / "heat_pump.py").write_text(FORGOTTEN.lstrip())
    (tmp_path / "warm.toml").write_text(WARM)
    return tmp_path


def test_a_forgotten_factor_is_named_with_its_balance_what_it_misses_and_how_to_look_closer(warm):
    result = run_scenario(load_scenario(warm / "warm.toml", ADMM), progress=False)
    assert result.outcome == "AGREED"
    assert "by its own `cost` A.load (HeatPump) could do better by" in result.reason
    assert "kW at A" in result.reason
    assert result.reason.endswith("`gridparley conform heat_pump.py:HeatPump` says more")
    (finding,) = result.certificate.probe.findings
    assert (finding.agent, finding.balance, finding.period, finding.fault) == ("A.load", "A", None, "better")
    # What it misses, in closed form: stiffness / 2 (x - best)^2 with best = comfort - price / stiffness.
    price = result.simulation.state.price[0, 0]
    right, said = 3.0 - price / 2.0, (6.0 - price) / 4.0
    missed = (right - said) ** 2
    assert 0.02 * missed < finding.gain <= missed * (1.0 + 1e-9)
    assert result.certificate.lower == -np.inf
    assert result.to_dict()["probe"]["findings"][0]["agent"] == "A.load"


def test_the_right_heat_pump_is_not_accused(warm):
    path = warm / "heat_pump.py"
    path.write_text(path.read_text().replace("2.0 * self.stiffness", "self.stiffness"))
    result = run_scenario(load_scenario(warm / "warm.toml", ADMM), progress=False)
    assert result.outcome == "CONVERGED"
    assert not result.certificate.probe


def test_a_run_that_ends_badly_says_first_what_is_wrong_and_gives_no_advice(warm):
    path = warm / "heat_pump.py"
    # Limits that `respond` keeps and `cost` does not know.
    wrong = (
        path.read_text().replace("2.0 * self.stiffness", "self.stiffness").replace("within(x, 0, self.power_max, ", "(")
    )
    path.write_text(wrong)
    settings = ["prosumer.power_max=0.5", "step_size=5", "run.ticks=300"]
    result = run_scenario(load_scenario(warm / "warm.toml", settings), progress=False)
    assert result.outcome in ("OSCILLATING", "DIVERGED", "TICK_LIMIT", "STALLED")
    assert result.reason.startswith("by its own `cost` A.load (HeatPump)")
    assert "smaller step" not in result.reason
    assert "more --ticks" not in result.reason
    assert result.reason.endswith("`gridparley conform heat_pump.py:HeatPump` says more")


def test_a_cost_with_a_hole_is_not_convex_even_where_answers_are_best(warm):
    path = warm / "heat_pump.py"
    text = path.read_text().replace("2.0 * self.stiffness", "self.stiffness")
    path.write_text(text)
    price = run_scenario(load_scenario(warm / "warm.toml", ADMM), progress=False).simulation.state.price[0, 0]
    here, there = 3.0 - price / 2.0, 3.0 - 0.8 * price / 2.0  # what it answers, and what it would at a lower price
    low, high = here + 0.4 * (there - here), here + 0.6 * (there - here)
    hole = "        value = self.stiffness / 2 * (x - self.comfort) ** 2\n        "
    hole += f"return np.where((x > {low!r}) & (x < {high!r}), np.inf, within(x, 0, self.power_max, value))"
    line = "        return within(x, 0, self.power_max, self.stiffness / 2 * (x - self.comfort) ** 2)"
    assert line in text
    path.write_text(text.replace(line, hole.replace("np.float64", "")))
    result = run_scenario(load_scenario(warm / "warm.toml", ADMM), progress=False)
    assert result.outcome == "AGREED"
    assert "the `cost` of A.load (HeatPump) is not convex: +inf between two points that it allows" in result.reason


def test_a_cost_that_raises_outside_its_limits_is_told_and_ends_no_run(warm):
    path = warm / "heat_pump.py"
    text = path.read_text().replace("2.0 * self.stiffness", "self.stiffness")
    path.write_text(
        text.replace(
            "        return within(", "        assert (x > -1.0).all(), 'no cost there'\n        return within("
        )
    )
    result = run_scenario(load_scenario(warm / "warm.toml", ADMM), progress=False)
    assert result.outcome == "AGREED"
    assert "HeatPump.cost raised AssertionError: no cost there" in result.reason

"""That no point balances is proven while the run goes, changes nothing, and names what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import Record, load_scenario, run_scenario
from gridparley.runs.cli.tables.cost_text import certificate_text
from gridparley.runs.judge.infeasibility import Infeasibility, find_infeasibility, look_for_proof, prove_infeasible
from gridparley.runs.record.resume.check import check_record

TOO_LITTLE_LINE = ["limit=0.3"]
"""B's 1 kW of PV has nowhere to go: its load takes 0.25 kW, its two lines 0.6 kW."""
DISPATCH = ["main_grid=none", "power_max=[18, 17, 18]", "storage_max=[0.1, 0.1, 0.1]"]


@pytest.mark.parametrize("protocol", ["dual_decomposition", "exchange_admm"])
def test_a_run_in_vain_ends_with_its_first_proof(protocol):
    result = run_scenario(load_scenario("three-microgrids", [*TOO_LITTLE_LINE, "run.ticks=20000"], protocol=protocol))
    assert (result.outcome, result.simulation.tick) == ("INFEASIBLE", 256)
    # 1 - 0.25 - 0.6 = 0.15 kW, less what rounding may explain.
    assert result.reason == "it is proven that no point balances: at least 0.1499 kW are left over at B"


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["dual_decomposition", "exchange_admm"])
def test_a_line_that_carries_too_little_is_named(protocol):
    # p2 feeds in 50 kW at least, behind a line of 40 kW and a load of 5 kW.
    scenario = load_scenario("feeder-toy", ["low=[-60,50,-60,-40]", "run.ticks=20000"], protocol=protocol)
    result = run_scenario(scenario)
    assert result.outcome == "INFEASIBLE"
    assert result.simulation.tick <= 256
    assert result.reason.endswith("kW are left over at network-p2")


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["dual_decomposition", "exchange_admm"])
def test_the_hour_that_lacks_most_is_named_with_what_it_lacks(protocol):
    result = run_scenario(load_scenario("dispatch-day", [*DISPATCH, "run.ticks=20000"], protocol=protocol))
    assert (result.outcome, result.simulation.tick) == ("INFEASIBLE", 256)
    loads = np.concatenate([p.society.load for p in result.simulation.market.populations])
    lacking = loads.sum(axis=0) - (18 + 17 + 18) - 0.3
    assert f"at least {np.floor(lacking.max() * 1e3 - 0.5) / 1e3:.4g} kW" in result.reason
    assert result.reason.endswith(f"taken together, in period {lacking.argmax()}")


def test_a_run_that_a_proof_ended_comes_out_the_same_when_checked_and_resumed(tmp_path):
    scenario = load_scenario("three-microgrids", [*TOO_LITTLE_LINE, "run.ticks=20000"], faults=["loss=0.1"])
    whole = run_scenario(scenario, out=tmp_path / "whole")
    assert whole.outcome == "INFEASIBLE"
    with Record.open(tmp_path / "whole") as record:
        assert record.ticks == whole.simulation.tick
        assert check_record(record).wrong is None
    with pytest.raises(KeyboardInterrupt):
        run_scenario(scenario, out=tmp_path / "cut", watch=_interrupt_at(whole.simulation.tick - 56))
    again = run_scenario(scenario, out=tmp_path / "cut", resume=True)
    assert (again.outcome, again.reason, again.simulation.tick) == (whole.outcome, whole.reason, whole.simulation.tick)
    done = run_scenario(scenario, out=tmp_path / "whole", resume=True)  # there is nothing left to do
    assert (done.outcome, done.reason, done.simulation.tick) == (whole.outcome, whole.reason, whole.simulation.tick)


def _interrupt_at(tick):
    def watch(simulation):
        if simulation.tick == tick:
            raise KeyboardInterrupt

    return watch


def test_looking_changes_nothing(monkeypatch):
    settings = [*TOO_LITTLE_LINE, "step_size=0.2"]
    looked, left_alone = (load_scenario("three-microgrids", settings, faults=["loss=0.2"]).simulation() for _ in "ab")
    for _ in range(300):
        looked.step()
        find_infeasibility(looked.market, looked.observer, looked.state)
        left_alone.step()
    assert looked.state.price.tobytes() == left_alone.state.price.tobytes()
    assert [x.tobytes() for x in looked.state.x] == [x.tobytes() for x in left_alone.state.x]


def test_it_looks_after_twice_as_many_ticks_each_time_and_only_where_nothing_moves_forward():
    simulation = load_scenario("three-microgrids", TOO_LITTLE_LINE).simulation()
    while simulation.tick < 300:
        simulation.step()
    look = (simulation.market, simulation.observer, simulation.state)
    assert [k for k in range(1, 5000) if look_for_proof(*look, k)] == [256, 512, 1024, 2048, 4096]
    better = [(2.0**-k, 0.1) for k in range(64)]
    simulation.observer.rounds[:] = better
    assert look_for_proof(*look, 256) is None


def test_a_market_that_only_just_balances_is_not_ended():
    simulation = load_scenario("three-microgrids", ["pv=33.4"]).simulation()  # loads take 33.5 kW each
    while simulation.tick < 300:
        simulation.step()
    assert find_infeasibility(simulation.market, simulation.observer, simulation.state) is None


def test_an_agent_that_cannot_answer_at_high_prices_ends_no_run(tmp_path):
    (tmp_path / "shy.py").write_text(SHY)
    table = '[[microgrid]]\nname = "C"\nprosumer = [{ type = "shy.py:Shy", most = 30.0 }]\n'
    (tmp_path / "shy.toml").write_text(f'base = "three-microgrids"\n{table}')
    simulation = load_scenario(tmp_path / "shy.toml", TOO_LITTLE_LINE).simulation()
    simulation.run(400)
    assert simulation.tick == 400


SHY = """
import numpy as np
from gridparley import Prosumer, batched, within

class Shy(Prosumer):
    most: float

    def cost(self, x):
        return within(x, 0, self.most, -x)

    @batched
    def respond(self, price, target, rho):
        if (np.abs(price) > 1e5).any():
            raise ValueError("never heard of such a price")
        return np.where(price < 1.0, self.most, 0.0)
"""


@pytest.mark.parametrize(
    ("entries", "missing", "words"),
    [
        ({(0, 0): 1.0}, 2.0, "at least 2 kW are missing at A in period 0"),
        ({(1, 2): -1.0}, 0.123456, "at least 0.1234 kW are left over at B in period 2"),
        ({(0, 1): 1.0, (1, 1): 1.0}, 5.0, "at least 5 kW are missing at A and B, taken together, in period 1"),
        (
            {(0, 1): 1.0, (1, 2): -1.0},
            2e15,
            "limits are at least 2e+15 kW apart at A and B, taken together, in periods 1 to 2",
        ),
    ],
)
def test_a_proof_is_put_in_words(entries, missing, words):
    price = np.zeros((2, 3))
    for at, value in entries.items():
        price[at] = value
    assert Infeasibility(price, missing).where(["A", "B"]) == words


def test_a_direction_of_nothing_proves_nothing():
    market = load_scenario("three-microgrids", TOO_LITTLE_LINE).market()
    shape = (len(market.topology.balances), 1)
    assert prove_infeasible(market, np.zeros(shape)) is None
    assert prove_infeasible(market, np.full(shape, np.nan)) is None


DAY = """
periods = 3
profiles = "day.csv"
[clock]
start = 6.0
hours = 1.0
ticks_per_period = 5000
[run]
protocol = "incentive"
ticks = 100000
[[microgrid]]
name = "A"
operator = { cost_quadratic = 1.0, cost_linear = 1.0, power_max = 5.0, pv = "pv_A" }
prosumer = [{ type = "SquareRootLoad", beta = 1.0, cap = 0.5 }]
"""


def test_of_a_day_only_the_period_in_vain_is_cut_short(tmp_path):
    (tmp_path / "day.csv").write_text(
        "start,pv_A [kW]\n2023-06-21 06:00,0.1\n2023-06-21 07:00,3.0\n2023-06-21 08:00,0.1\n"
    )
    (tmp_path / "day.toml").write_text(DAY)
    result = run_scenario(load_scenario(tmp_path / "day.toml"), out=tmp_path / "out")
    assert [str(end.verdict.outcome) for end in result.ends] == ["CONVERGED", "INFEASIBLE", "CONVERGED"]
    assert result.ends[1].ticks == 256
    # Its load takes (0.5 / 1)² = 0.25 kW of 3 kW.
    words = "period 1 (07:00): it is proven that no point balances: at least 2.749 kW are left over at A"
    assert (result.outcome, result.reason) == ("INFEASIBLE", words)
    assert result.foresight is None  # there is no such day
    assert result.to_dict()["perfect_foresight"] is None
    assert certificate_text(result.to_dict()["certificate"], "$").startswith("none of the day: in some period")
    with Record.open(tmp_path / "out") as record:
        assert check_record(record).wrong is None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_of_markets_that_have_a_solution_nothing_is_proven(seed):
    settings = {"microgrids": 8, "prosumers": "1..6", "run.seed": seed}
    for protocol in ("dual_decomposition", "exchange_admm", "atc", "incentive"):
        simulation = load_scenario("microgrids", settings, protocol=protocol).simulation()
        for ticks in (20, 60, 150):
            while simulation.tick < ticks:
                simulation.step()
            assert find_infeasibility(simulation.market, simulation.observer, simulation.state) is None


SHORT = """
import numpy as np
from gridparley import Prosumer, batched, within

class Short(Prosumer):
    wanted: float

    def cost(self, x):
        return within(x, 0, 5, (x - self.wanted) ** 2 / 2)

    @batched
    def respond(self, price, target, rho):
        return np.clip((self.wanted + rho * target - price) / (1 + rho), 0, 0.05)  # it could take 5
"""


def test_answers_that_only_pretend_a_limit_prove_nothing_and_their_agent_is_named(tmp_path):
    # Its load takes all of its 1 kW of PV by its own cost, and 0.05 kW by its answers.
    (tmp_path / "short.py").write_text(SHORT)
    table = (
        '[[microgrid]]\nname = "A"\noperator = { cost_quadratic = 1.0, cost_linear = 1.0, power_max = 5.0, pv = 1.0 }\n'
    )
    text = "[run]\nticks = 600\n" + table + 'prosumer = [{ type = "short.py:Short", wanted = 3.0 }]\n'
    (tmp_path / "short.toml").write_text(text)
    result = run_scenario(load_scenario(tmp_path / "short.toml"), reference=False)
    assert result.outcome != "INFEASIBLE"
    assert result.simulation.tick > 256
    assert "A.load (Short) could do better" in result.reason

"""What a day could have cost had all of it been known, against a programme written from the note."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gridparley import load_scenario, run_scenario
from gridparley.agents import EV, Resident, StorageOperator
from gridparley.runs.judge.foresight import blind_types, foresee
from gridparley.runs.result.day_result import EACH_PERIOD, foresight_text

from ...agents import note_001
from ..command import call

CHARGE_MAX = [None, 2.0]


@pytest.fixture(scope="module", params=CHARGE_MAX, ids=["as it is", "charge_max=2"])
def days(request):
    """A day as it was negotiated, and its largest charge."""
    settings = {} if request.param is None else {"charge_max": request.param}
    return run_scenario(load_scenario("prosumer-day", settings), progress=False), request.param


@pytest.mark.slow
def test_the_day_s_least_cost_is_that_of_a_programme_written_from_the_note(days):
    result, charge_max = days
    assert result.foresight.cost == pytest.approx(note_001.literal_day("1h", charge_max), abs=2e-5)
    wanted = {None: (-1853.3877, 11.4759), 2.0: (-1852.0406, 10.0858)}[charge_max]
    assert (result.foresight.cost, result.foresight.forgone) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.slow
def test_the_negotiated_day_is_counted_by_the_same_account(days):
    """The cost from what tables say: sources, wear, transfers, utilities, and what the storages have lost in worth."""
    result, _ = days
    rows, total = result.microgrids(), 0.0
    for k, place in enumerate(note_001.PLACES):
        row = {name: np.array(values) for name, values in rows[place].items()}
        grid, storage = row["generation"], row["storage"]
        a, b, c = (note_001.GRID[name][k] for name in ("cost_quadratic", "cost_linear", "cost_constant"))
        total += (a * grid**2 + b * grid + c + note_001.STORAGE["q"][k] * np.maximum(storage, 0.0) ** 2).sum()
        size, end = (
            note_001.STORAGE["capacity_kwh"][k],
            row["soc"][-1] - storage[-1] / note_001.STORAGE["capacity_kwh"][k],
        )
        soc = np.linspace(end, 0.5, 100_001)
        price = note_001.STORAGE["kappa"] * (1 - soc) / soc
        total += size * np.trapezoid(price, soc)
    total += sum(2 * note_001.ALPHA * (np.array(row["transfer"]) ** 2).sum() for row in result.tie_lines().values())
    agents = result.agents()
    total += agents.loc[~agents["type"].str.contains("Operator"), "cost_usd_per_h"].sum()
    assert result.foresight.negotiated == pytest.approx(total, abs=1e-6)


@pytest.mark.slow
def test_a_day_s_words_never_call_the_periods_optima_the_optimum_of_the_day(days):
    result, _ = days
    told = result.to_dict()
    assert not {"optimum_cost", "reference_cost", "reference_objective"} & set(told)
    assert told["period_optima"]["of"] == told["certificate"]["of"] == EACH_PERIOD
    assert told["period_optima"]["objective"] == pytest.approx(result.objective, abs=1e-5)
    assert "each of 24 periods, given those before it" in result.reason
    best = told["perfect_foresight"]
    assert best["not_looking_ahead"] == best["negotiated_cost"] - best["cost"] > 0.0
    assert foresight_text(best).endswith(f"not looking ahead has cost {best['not_looking_ahead']:.4f} $")
    assert repr(result).endswith(f"not looking ahead has cost {best['not_looking_ahead']:.4f} $>")


@pytest.mark.slow
def test_the_command_and_the_record_say_so_too(tmp_path):
    said = " ".join(call("run", "prosumer-day", "--out", tmp_path / "day").stdout.split())
    assert f"{EACH_PERIOD}: together between -1842.7538 and -1842.7538 $" in said
    assert "foresight -1853.3877 $ is the least that the whole day can cost" in said
    assert "the optimum is" not in said
    assert "central optimum" not in said
    kept = json.loads((tmp_path / "day" / "result.json").read_text())
    assert kept["perfect_foresight"]["not_looking_ahead"] == pytest.approx(11.4759, abs=1e-4)


@pytest.mark.slow
def test_with_a_larger_charge_the_least_cost_is_no_more():
    costs = [_least({} if most is None else {"charge_max": most}) for most in (2.0, 10.0, None)]
    assert costs[0] > costs[1] + 0.1
    assert costs[1] >= costs[2] - 1e-6


def _least(settings):
    day = load_scenario("prosumer-day", settings).simulation().day
    return foresee(day.whole, day.clock.periods, 0.0).cost


@pytest.mark.parametrize(("beta", "better"), [("0.3", False), ("0.6", True)])
def test_a_type_that_only_depends_on_the_period_is_asked_period_by_period(tmp_path, beta, better):
    (tmp_path / "own.py").write_text(EVENING.replace("BETA", beta))
    table = '{ name = "resident-1", type = "TYPE", beta = 0.3, demand = "resident_01" }'
    plain, day = (_day_with(tmp_path, table.replace("TYPE", kind)) for kind in ("Resident", "own.py:Evening"))
    assert blind_types(day.whole) == []
    plain, found = (foresee(one.whole, one.clock.periods, 0.0).cost for one in (plain, day))
    assert (found < plain - 0.1) if better else found == pytest.approx(plain, abs=1e-5)


EVENING = """
import numpy as np
from gridparley.agents import Resident

class Evening(Resident):
    def open(self, period):
        return super().open(period).replace(beta=np.full_like(self.beta, BETA if period.start >= 18 else 0.3))
"""


def test_a_type_that_keeps_something_and_cannot_plan_a_day_is_named(tmp_path):
    (tmp_path / "own.py").write_text(LEAKY)
    table = '{ name = "ev-1", type = "own.py:Leaky", arrival = 18.64, departure = 30, need = 5.47 }'
    day = _day_with(tmp_path, table)
    assert blind_types(day.whole) == ["Leaky"]
    assert foresee(day.whole, day.clock.periods, 0.0) is None
    assert foresight_text({"missing": ["Leaky"]}) == "none: Leaky cannot say what a whole day costs (day_reference)"


LEAKY = """
from gridparley.agents import EV

class Leaky(EV):
    def settle(self, period, x):
        return super().settle(period, 0.5 * x)
"""


def _day_with(tmp_path, table):
    """A day in which one agent of microgrid A is another."""
    path = tmp_path / "own.toml"
    path.write_text(f'base = "prosumer-day"\n[[microgrid]]\nname = "A"\nprosumer = [{table}]\n')
    return load_scenario(path).simulation().day


def test_k_is_what_another_kwh_in_store_is_worth():
    facts = {"cost_quadratic": 0.01, "cost_linear": 0.1, "power_max": 10.0, "capacity_kwh": 50.0, "kappa": 0.2}
    for soc in (0.1, 0.35, 0.9):
        one, more, less = (StorageOperator(soc=s, **facts) for s in (soc, min(soc + 1e-6, 0.9), max(soc - 1e-6, 0.1)))
        change = more.stock_value().item() - less.stock_value().item()
        stored = 50.0 * (more.soc.item() - less.soc.item())
        assert change / stored == pytest.approx(one.storage_price.item(), rel=1e-4)


def test_what_a_type_without_a_store_costs_is_all_met():
    x = np.ones((1, 1))
    for agent in (Resident(beta=0.3, demand=2.0), EV(arrival=0, departure=5, need=3)):
        assert agent.outlook(x).item() == agent.stock_value().item() == 0.0

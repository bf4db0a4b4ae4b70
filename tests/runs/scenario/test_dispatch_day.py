"""The day of note 004 by messages: its four readings, faults, settlement, copies, and what is wrong with a profile."""

from __future__ import annotations

import csv
from importlib import resources

import numpy as np
import pytest

from gridparley import load_scenario, run_scenario
from gridparley.agents import AgentError
from gridparley.runs import ScenarioError
from gridparley.runs.record.files.folder import scenario_text

from ...agents import note_004

CASES = [
    (["transfers=false"], ("buy", False), note_004.ALONE),
    (["main_grid=none"], ("none", True), note_004.BUY),
    ([], ("buy", True), note_004.BUY),
    (["main_grid=buy_sell"], ("buy_sell", True), note_004.BUY_SELL),
    (["main_grid=shared_limit"], ("shared_limit", True), note_004.SHARED),
]
SAVING = note_004.ALONE - note_004.BUY


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "reading", "printed"), CASES, ids=lambda value: str(value))
def test_every_reading_of_the_main_grid_ends_at_its_central_optimum(settings, reading, printed):
    result = run_scenario(load_scenario("dispatch-day", settings))
    best, _ = note_004.literal_day(*reading)
    assert (str(result.outcome), abs(result.certificate.gap) < 1e-8) == ("CONVERGED", True)
    assert result.objective == pytest.approx(printed, abs=5e-4)
    assert abs(result.objective - best) < min(1e-6 * best, 1e-3 * SAVING)
    assert abs(result.gap) < 1e-9
    # Nobody's marginal cost is left open: each generator runs between its limits.
    buses = result.simulation.market.topology.place
    assert np.abs(result.simulation.state.price - result.reference.price)[buses].max() < 1e-5
    assert result.simulation.state.round.min() <= 120


@pytest.mark.parametrize("protocol", ["incentive", "exchange_admm"])
def test_few_rounds_are_enough_for_a_committed_day_within_a_millionth(protocol):
    scenario = load_scenario("dispatch-day", {"eps_abs": 1e-12, "eps_rel": 1e-12}, protocol=protocol)
    result = run_scenario(scenario, ticks=2 * 17 + 1)
    assert result.simulation.state.round.min() == 17
    assert 0.0 <= result.gap + 1e-10 < 1e-6


@pytest.mark.slow
def test_every_microgrid_gains_and_payments_cancel():
    told = run_scenario(load_scenario("dispatch-day")).to_dict()
    table, rows = told["settlement"], told["microgrids"]
    assert [round(row["gain"], 3) for row in table.values()] == [0.639, 0.888, 2.139]
    assert sum(row["payment"] for row in table.values()) == pytest.approx(0.0, abs=1e-6)
    assert sum(row["together"] for row in table.values()) == pytest.approx(told["objective"], abs=1e-6)
    assert told["cost_unit"] == "$"
    for row in rows.values():
        supplied = np.sum([row[key] for key in ("generation", "storage", "main_grid")], axis=0)
        assert supplied == pytest.approx(np.add(row["demand"], row["net_export"]), abs=1e-9)
    exported = np.sum([row["net_export"] for row in rows.values()], axis=0)
    assert np.abs(exported).max() < 1e-9


@pytest.mark.slow
def test_faults_cost_ticks_and_a_lost_memory_does_not_move_the_end():
    def run(*faults):
        settings = {"eps_abs": 1e-6, "eps_rel": 1e-6}
        return run_scenario(load_scenario("dispatch-day", settings, faults=faults), reference=False)

    plain, storm = run(), ("loss=0.3", "delay=0..5")
    faulty = run(*storm, "crash,agent=M2.operator,from=40,to=60")
    assert faulty.simulation.state.price.tobytes() == plain.simulation.state.price.tobytes()
    assert faulty.objective == plain.objective
    assert faulty.simulation.tick > 3 * plain.simulation.tick
    lost = [f"crash,agent={who},from=40,to=60,memory=lost" for who in ("M2.operator", "M1.virtual")]
    forgetful = run(*storm, *lost)
    assert forgetful.outcome == "CONVERGED"
    assert forgetful.objective == pytest.approx(plain.objective, rel=1e-9)


def test_copies_differ_and_the_written_ones_do_not():
    three, many = (load_scenario("dispatch-day", [f"microgrids={n}"]).market().populations[0].society for n in (3, 12))
    assert (many.load[:3] == three.load).all()
    assert (many.power_max[:3] == three.power_max).all()
    assert len(np.unique(many.power_max[3:])) == 9
    ratio = many.power_max[3:6] / three.power_max
    assert (ratio.max() <= 1.2, ratio.min() >= 1 / 1.2) == (True, True)
    alike = load_scenario("dispatch-day", ["microgrids=12", "spread=0"]).market().populations[0].society
    assert (alike.load[9:] == three.load).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        ["microgrids=30"],
        ["microgrids=10", "main_grid=shared_limit", "topology=small_world"],
        ["microgrids=12", "main_grid=buy_sell", "topology=tree", "spread=0.5"],
        ["microgrids=1"],
    ],
    ids=" ".join,
)
def test_more_microgrids_converge_and_nobody_loses(settings):
    result = run_scenario(load_scenario("dispatch-day", [*settings, "eps_abs=1e-6", "eps_rel=1e-6"]))
    assert (str(result.outcome), abs(result.gap) < 1e-8) == ("CONVERGED", True)
    assert min(row["gain"] for row in result.settlement().values()) > -1e-4


def test_a_scenario_written_out_holds_numbers_and_no_file(tmp_path):
    scenario = load_scenario("dispatch-day", ["main_grid=none"])
    (tmp_path / "copy.toml").write_text(scenario_text(scenario), encoding="utf-8")
    assert "csv" not in scenario_text(scenario)
    assert load_scenario(tmp_path / "copy.toml").hash == scenario.hash


# What is wrong with a profile -----------------------------------------------------------------------------------------


def profile(path, change):
    """A copy of the built-in profiles with something changed."""
    text = (resources.files("gridparley.runs.scenario") / "data" / "dispatch-day.csv").read_text(encoding="utf-8")
    with (path / "mine.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(change(list(csv.reader(text.splitlines()))))


def with_nan(rows):
    rows[5][1] = "nan"
    return rows


def quarters(rows):
    times = [f"2023-06-21T{k // 4:02d}:{15 * (k % 4):02d}+00:00" for k in range(24)]
    return [rows[0]] + [[time, *row[1:]] for time, row in zip(times, rows[1:], strict=True)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_nan, "mine.csv, line 6: load_1 [kW] = 'nan' at 2023-06-21T04:00+00:00; wanted a finite number"),
        (
            lambda rows: rows[:9] + rows[10:],
            "line 10: start = 2023-06-21T09:00+00:00 after 2023-06-21T07:00+00:00 is a gap",
        ),
        (lambda rows: rows[:20], "mine.csv: 19 periods; wanted 24"),
        (quarters, "mine.csv: steps of 0.25 h; wanted 1 h"),
        (lambda rows: [row[:-1] for row in rows], "mine.csv: no column 'tariff'; there is load_1, load_2, load_3"),
    ],
)
def test_a_bad_profile_is_refused_with_its_place(tmp_path, change, said):
    profile(tmp_path, change)
    (tmp_path / "mine.toml").write_text(
        'base = "dispatch-day"\n[generate]\ntariff = { csv = "mine.csv", column = "tariff" }\n', encoding="utf-8"
    )
    with pytest.raises(ScenarioError) as error:
        load_scenario(tmp_path / "mine.toml")
    assert str(error.value).startswith("generate: tariff = ")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("tariff=[3.5, 3.6]", "tariff = [3.5, 3.6]: 2 numbers; wanted one a period (24)"),
        (
            "tariff={csv='dispatch-day.csv', column='load_1'}",
            "column 'load_1' is in 'kW'; wanted $/kWh, $/MWh or ct/kWh",
        ),
        ("tariff={csv='dispatch-day.csv'}", 'wanted numbers, or { csv = "FILE", column = "NAME" }'),
        ("power_max=[20, 20]", "power_max has 2 numbers; wanted one for each row of load (3)"),
        ("main_grid=sell", "main_grid = 'sell': input should be 'none', 'buy', 'buy_sell' or 'shared_limit'"),
        ("transfers=2", "transfers = 2"),
    ],
)
def test_a_bad_setting_names_its_field(setting, said):
    with pytest.raises(ScenarioError) as error:
        load_scenario("dispatch-day", [setting])
    assert said in str(error.value)


def test_a_load_that_cannot_be_served_is_named_with_its_hour():
    scenario = load_scenario("dispatch-day", ["main_grid=none", "transfers=false", "power_max=[16.3, 20, 25]"])
    with pytest.raises(AgentError, match=r"M1.operator: load = 19.5 \(period 17\); wanted at most 19.3"):
        scenario.market()


@pytest.mark.slow
def test_loads_that_nobody_together_can_serve_are_infeasible_with_their_hour():
    settings = ["main_grid=none", "power_max=[18, 17, 18]", "storage_max=[0.1, 0.1, 0.1]"]
    result = run_scenario(load_scenario("dispatch-day", settings), ticks=200)
    assert result.outcome == "INFEASIBLE"
    assert result.reason.endswith(" in period 17")

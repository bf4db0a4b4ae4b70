"""Operators that plan a day (note 004): the note's day written literally, the reference solver, limits, batches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridparley.agents import AgentError, DispatchOperator
from gridparley.conformance import check_agent

from .. import note_004
from ..conftest import ask, assert_best, assert_same_bits, columns, frozen, numbers, objective, one_by_one

READINGS = [
    ("none", False, note_004.ALONE),
    ("buy", True, note_004.BUY),
    ("buy_sell", True, note_004.BUY_SELL),
    ("shared_limit", True, note_004.SHARED),
]
PLANT = {"cost_quadratic": 0.075, "cost_linear": 0.85, "power_max": 20.0}
BATTERY = {"storage_quadratic": 0.005, "storage_max": 3.0, "capacity_kwh": 8.0}


@st.composite
def societies(draw, most=3):
    """Any operators that can serve their load; round numbers are frequent, so that limits and equal prices meet."""
    n, periods = draw(st.integers(1, most)), draw(st.integers(1, 5))
    ports = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    p = sum(ports)
    load = draw(columns(n, periods, numbers(0, 8, special=(0.0,))))
    power_max = load.max(axis=1, keepdims=True) + draw(columns(n, 1, numbers(0, 8, special=(0.0,))))
    some = numbers(0, 1, special=(0.0,))
    return frozen(
        DispatchOperator(
            names=[f"operator {k}" for k in range(n)],
            ports=ports,
            periods=periods,
            load=load,
            cost_quadratic=draw(columns(n, 1, numbers(0, 2, special=(0.0,)))),
            cost_linear=draw(columns(n, 1, numbers(-1, 3))),
            power_max=power_max,
            storage_quadratic=draw(columns(n, 1, numbers(0.01, 1))),
            storage_max=draw(columns(n, 1, numbers(0, 3, special=(0.0,)))),
            capacity_kwh=draw(columns(n, 1, numbers(0, 6, special=(0.0, 1.0)))),
            hours=draw(columns(n, 1, st.sampled_from([1.0, 0.25]))),
            tariff=draw(columns(n, periods, numbers(-1, 4))),
            grid_quadratic=draw(columns(n, 1, some)),
            grid_linear=draw(columns(n, 1, some)),
            buy_max=draw(columns(n, periods, numbers(0, 4, special=(0.0,)))),
            sell_max=draw(columns(n, periods, numbers(0, 4, special=(0.0,)))),
            bus_max=draw(columns(n, 1, numbers(0, 4, special=(0.0, np.inf)))),
            transfer_quadratic=draw(columns(p, 1, some)),
            transfer_cost=draw(columns(p, 1, some)),
            export_max=draw(columns(p, periods, numbers(0, 4, special=(0.0,)))),
            import_max=draw(columns(p, periods, numbers(0, 4, special=(0.0,)))),
        )
    )


@st.composite
def asked(draw, most=3):
    society = draw(societies(most))
    price = draw(columns(society.rows, society.periods, numbers(-2, 6, special=(0.0,))))
    target = draw(columns(society.rows, society.periods, numbers(-8, 8, special=(0.0,))))
    rho = draw(columns(society.rows, 1, st.just(0.0) | numbers(0.0625, 4, special=(0.5,))))
    return society, (price, target, rho)


@pytest.mark.parametrize(("main_grid", "transfers", "cost"), READINGS)
def test_the_note_s_day_written_literally_costs_what_the_design_says(main_grid, transfers, cost):
    assert note_004.literal_day(main_grid, transfers)[0] == pytest.approx(cost, abs=6e-4)


@pytest.mark.parametrize(("main_grid", "transfers"), [reading[:2] for reading in READINGS])
def test_the_agents_together_cost_what_the_literal_day_does(main_grid, transfers):
    least, flows = note_004.literal_day(main_grid, transfers)
    societies, pairs = note_004.operators(main_grid, transfers)
    cost, x, _ = note_004.coupled(societies, pairs)
    assert cost == pytest.approx(least, rel=1e-8)
    for (row, _), flow in zip(pairs, flows.values(), strict=False):
        assert -x[row] == pytest.approx(flow, abs=1e-4)


@pytest.mark.parametrize("rho", [0.05, 1.0])
@pytest.mark.parametrize(("main_grid", "transfers"), [reading[:2] for reading in READINGS])
def test_at_the_prices_of_the_optimum_everybody_answers_the_optimum(main_grid, transfers, rho):
    societies, pairs = note_004.operators(main_grid, transfers)
    cost, x, price = note_004.coupled(societies, pairs)
    answered, first = 0.0, 0
    for society in societies:
        rows = slice(first, first + society.rows)
        seen = ask(society, price[rows], x[rows], rho)
        assert seen == pytest.approx(x[rows], abs=1e-4)
        answered, first = answered + society.cost(seen).sum(), rows.stop
    # Prices are right to what the solver gives, and the trade that they leave open is paid at them.
    assert answered == pytest.approx(cost, abs=2e-3)


def test_alone_each_operator_s_own_cost_is_the_literal_one():
    [society], _ = note_004.operators("none", transfers=False)
    assert society.cost(np.zeros((society.rows, 24))).sum() == pytest.approx(
        note_004.literal_day("none", False)[0], rel=1e-9
    )


def test_without_a_battery_generation_is_the_load_less_what_is_imported():
    society = DispatchOperator(**PLANT, load=[5.0, 7.0], ports=[1], import_max=9.0, bus_max=0.0)
    x = ask(society, [[0.0, 0.0], [1.0, 1.6]])
    # The generator's last kilowatt costs 0.15 g + 0.85: 1 at g = 1, 1.6 at g = 5.
    assert x == pytest.approx(np.array([[0.0, 0.0], [4.0, 2.0]]), abs=1e-12)
    assert society.schedule(x).generation == pytest.approx(np.array([[1.0, 5.0]]), abs=1e-12)


def test_a_battery_moves_power_from_the_cheap_hour_to_the_dear_one():
    # With wear a_B per kW^2 on both sides it moves u until the prices differ by 4 a_B u: (2 - 1.9) / 0.02 = 5, but 3 is its rate.
    society = DispatchOperator(**PLANT, **BATTERY, load=10.0, periods=2)
    moved = [society.schedule(ask(society, [[1.9, 1.9 + gap]])).discharge for gap in (0.0, 0.04, 0.2)]
    assert np.array(moved)[:, 0] == pytest.approx(np.array([[0, 0], [-2, 2], [-3, 3]]), abs=1e-12)


def test_a_battery_that_is_full_or_empty_waits():
    society = DispatchOperator(**PLANT, **{**BATTERY, "capacity_kwh": 4.0}, load=10.0, periods=6)
    plan = society.schedule(ask(society, [[1.0, 1.0, 1.0, 5.0, 5.0, 1.2]]))
    assert plan.energy[0, [2, 4, 5]] == pytest.approx([4, 0, 2], abs=1e-12)
    assert plan.discharge[0, :3] == pytest.approx([-2 / 3] * 3)


def test_a_quarter_of_an_hour_fills_a_battery_by_a_quarter():
    society = DispatchOperator(**PLANT, **BATTERY, load=10.0, periods=2, hours=0.25)
    plan = society.schedule(ask(society, [[1.0, 5.0]]))
    assert plan.discharge.tolist() == [[-3, 3]]
    assert plan.energy.tolist() == [[4.75, 4]]


@pytest.mark.parametrize("hours", [1.0, 0.25])
def test_the_price_of_stored_energy_rises_only_after_full_and_falls_only_after_empty(hours):
    rng = np.random.default_rng(12)
    n, periods = 120, 24
    society = DispatchOperator(
        names=[str(k) for k in range(n)],
        load=rng.uniform(4, 15, (n, periods)),
        **{**PLANT, "power_max": 30.0},
        **{**BATTERY, "capacity_kwh": rng.uniform(1, 9, n)},
        bus_max=0.0,
        hours=hours,
    )
    plan = society.schedule(np.zeros((n, periods)))
    # Within the generator's limits the bus's price is what its last kilowatt costs; free of its rate, the battery's less wear.
    theta = 0.15 * plan.generation + 0.85 - 2 * 0.005 * plan.discharge
    free = np.abs(plan.discharge) < 3 - 1e-9
    rise = np.diff(theta, axis=1)
    both = free[:, 1:] & free[:, :-1]
    full, empty = plan.energy[:, :-1] > society.capacity_kwh - 1e-9, plan.energy[:, :-1] < 1e-9
    assert np.abs(rise[both & ~full & ~empty]).max() < 1e-9
    assert rise[both & full].min() > -1e-9
    assert rise[both & empty].max() < 1e-9
    assert (both & ~full & ~empty).sum() > 50
    assert (both & full).sum() > 20
    assert (both & empty).sum() > 20


@pytest.mark.parametrize("rho", ["none", "all", "ports", "mixed"])
@pytest.mark.parametrize("main_grid", ["none", "buy", "buy_sell"])
def test_the_answer_of_the_day_is_the_reference_solver_s(main_grid, rho):
    [society], _ = note_004.operators(main_grid)
    rng = np.random.default_rng(5)
    price, target = rng.uniform(2.5, 4.5, (society.rows, 24)), rng.uniform(-5, 5, (society.rows, 24))
    own = np.isin(np.arange(society.rows), society.own_rows)[:, None]
    pull = rng.uniform(0.05, 1, own.shape)
    shares = {"none": 0.0, "all": 1.0, "ports": ~own, "mixed": rng.random(own.shape) < 0.5}
    assert_best(society, price, target, pull * shares[rho], coupled=True)


@pytest.mark.slow
@given(asked())
@settings(max_examples=120, deadline=None)
def test_the_answer_is_always_within_the_limits_and_no_other_is_better(case):
    society, (price, target, rho) = case
    x = ask(society, price, target, rho)
    best = objective(society, x, price, target, rho).sum(axis=1)
    assert np.isfinite(best).all()
    # The limits are convex, so a step towards what another question would get stays within them.
    for other in (ask(society, -price, -target, rho), ask(society, 0.0), ask(society, 3.0, 0.0, 1.0)):
        for step in (0.01, 0.5):
            moved = objective(society, x + step * (other - x), price, target, rho).sum(axis=1)
            assert (moved >= best - 1e-9 * (1 + np.abs(best))).all()


@pytest.mark.slow
@given(asked(most=2))
@settings(max_examples=60, deadline=None)
def test_no_answer_of_the_reference_solver_is_better(case):
    society, (price, target, rho) = case
    x = ask(society, price, target, rho)
    mine = objective(society, x, price, target, rho).sum()
    theirs = value_by_cvxpy(society, price, target, rho)
    assert mine == pytest.approx(theirs, abs=2e-7 * (1 + abs(theirs) + np.abs(price * x).sum()))


def value_by_cvxpy(society, price, target, rho):
    import cvxpy as cp

    x = cp.Variable((society.rows, society.periods))
    cost, limits = society.reference(cp, x)
    pull = cp.sum(cp.multiply(np.broadcast_to(rho / 2, x.shape), cp.square(x - target)))
    problem = cp.Problem(cp.Minimize(cost + cp.sum(cp.multiply(price, x)) + pull), limits)
    problem.solve(solver=cp.CLARABEL)
    assert problem.status == cp.OPTIMAL
    return problem.value


@pytest.mark.slow
@given(asked())
@settings(max_examples=100, deadline=None)
def test_all_at_once_is_one_by_one_to_the_last_bit(case):
    society, question = case
    x = ask(society, *question)
    assert_same_bits(one_by_one(society, "respond", *question), x)
    assert_same_bits(one_by_one(society, "cost", x), society.cost(x))


@pytest.mark.slow
def test_many_at_once_are_one_by_one_to_the_last_bit():
    [day], _ = note_004.operators("buy_sell")
    society = DispatchOperator.stack([day] * 60)
    rng = np.random.default_rng(8)
    shape = (society.rows, 24)
    question = rng.uniform(2, 5, shape), rng.uniform(-5, 5, shape), rng.choice([0, 0.4], (society.rows, 1))
    x = ask(society, *question)
    assert_same_bits(one_by_one(society, "respond", *question), x)
    assert_same_bits(one_by_one(society, "cost", x), society.cost(x))


@pytest.mark.slow
def test_three_periods_keep_the_contract():
    society = DispatchOperator(
        names="ab",
        ports=[1, 2],
        load=[[3.0, 5.0, 4.0], [2.0, 0.0, 6.0]],
        **{**PLANT, "power_max": 9.0},
        **BATTERY,
        tariff=[1.0, 2.0, 1.5],
        grid_quadratic=0.01,
        grid_linear=0.07,
        buy_max=2.0,
        sell_max=1.0,
        transfer_quadratic=0.009,
        transfer_cost=0.07,
        export_max=2.0,
        import_max=3.0,
    )
    assert len(check_agent(society, trials=12)) == 13


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"load": [10.0, 30.0]}, r"DispatchOperator 0: load = 30 \(period 1\); wanted at most 23, all that can be had"),
        ({"load": [22.0] * 6}, r"load = 22 \(period 2\); wanted no more energy than its battery has in period 2"),
        ({"load": [21.0, 19.5]}, r"load = 19.5 \(period 1\); wanted no more energy than its battery has in period 1"),
        ({"load": [1.0, np.nan]}, r"load = nan \(period 1\)|load = nan \(row 0, period 1\)"),
        ({"storage_quadratic": 0.0}, "storage_quadratic = 0; wanted a number, more than 0"),
        ({"tariff": [1.0, np.inf]}, r"tariff = inf \(row 0, period 1\); wanted"),
        (
            {"load": 3.0, "tariff": [1.0] * 3, "buy_max": [1.0] * 4},
            r"tariff = \(3,\) values; wanted .* in shape \(1, 4\)",
        ),
    ],
)
def test_facts_without_sense_and_loads_that_cannot_be_served_are_refused(facts, why):
    with pytest.raises(AgentError, match=why):
        DispatchOperator(**{**PLANT, **BATTERY, "bus_max": 0.0, **facts})


def test_what_cannot_be_kept_costs_infinitely_much():
    society = DispatchOperator(**PLANT, **BATTERY, load=19.0, ports=[1], periods=2, export_max=9.0, bus_max=1.0)
    # 1 kW is to spare for ever, 3 more for as long as the battery lasts, which here is an hour and a third.
    for export, bus, fine in ((1, 0, True), (1.1, 0, False), (-0.1, 0, False), (0, 1, True), (0, 1.1, False)):
        x = np.array([[bus, bus], [-export, -export]], dtype=float)
        assert np.isfinite(society.cost(x)).all() == fine
    assert np.isfinite(society.cost(np.array([[0.0, 0.0], [-4.0, 0.0]]))).sum() == 0  # not recharged at the end
    x = np.array([[0.0, 0.0], [-2.0, 0.0]])
    assert society.schedule(x).discharge == pytest.approx(np.array([[1.0, -1.0]]))

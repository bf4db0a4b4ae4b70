"""Microgrid operator: closed forms by hand, the reference solver, limits, and batches."""

import numpy as np
import pytest
from hypothesis import given, settings

from gridparley.agents import AgentError, MicrogridOperator

from ..conftest import ask, assert_best, assert_same_bits, objective, one_by_one
from ..drawn_operators import KINDS, asked, note_000, random_society

PLAIN = {"cost_quadratic": 1.0, "cost_linear": 1.0, "power_max": 40.0}


def one(ports=1, **facts):
    """One operator with as many ports as asked for, each wide open unless told otherwise."""
    wide = {"pv": 2.0, "alpha": 0.5, "export_max": 5.0, "import_max": 5.0}
    return MicrogridOperator(ports=[ports], **{**PLAIN, **wide, **facts})


def parts(society, x):
    """Return supply and exports, as plain lists of the first period."""
    return society.generation(x)[:, 0].tolist(), (-x[society.port_rows, 0]).tolist()


def test_the_table_of_note_000_comes_out_at_its_prices():
    # The note's mu is [-2.5 -2.5 -2.0] for A-B, A-C, B-C; the price of an import is minus that.
    own, ab, ac, bc = [3.0980, 1.2972, 1.2972], 2.5, 2.5, 2.0
    price = np.array([own[0], ab, ac, own[1], ab, bc, own[2], ac, bc])[:, None]
    society = note_000()
    supply, exports = parts(society, ask(society, price))
    assert supply == pytest.approx([0.1049, 0.1486, 0.1486], abs=1e-12)
    assert exports == pytest.approx([-1, -1, 1, 0, 1, 0], abs=1e-12)


def test_supply_is_the_price_less_b_over_2a_between_its_limits():
    society = one(0, cost_quadratic=10, cost_linear=1, power_max=0.5)
    supplied = [parts(society, ask(society, price))[0][0] for price in (-1e9, 0, 1, 3, 11, 12, 1e9)]
    assert supplied == pytest.approx([0, 0, 0, 0.1, 0.5, 0.5, 0.5], abs=1e-15)


def test_export_is_the_difference_of_prices_over_the_curvature():
    # (price of the line - price at the bus) / (2 alpha) = (1.5 - 1) / 1
    society = one()
    assert parts(society, ask(society, [[1.0], [1.5]])) == ([0], [0.5])
    assert parts(society, ask(society, [[1.5], [1.0]])) == ([0.25], [-0.5])


def test_exports_use_up_the_pv_and_no_more():
    # Both lines would take 5 kW. With 2 kW of PV and equal curvature the dearer one gets 0.5 kW more than the other.
    society = one(2, power_max=0)
    supply, exports = parts(society, ask(society, [[0.0], [9.0], [8.5]]))
    assert supply == [0]
    assert exports == pytest.approx([1.25, 0.75])


def test_what_is_imported_over_one_line_may_be_exported_over_another():
    # PV is 0, so exports are at most what comes in: both move until prices and costs meet, e = (6 - 4) / 2 = 1.
    society = one(2, pv=0.0, power_max=0)
    _, exports = parts(society, ask(society, [[5.0], [6.0], [4.0]]))
    assert exports == pytest.approx([1, -1])


def test_a_fee_on_exports_leaves_a_gap_in_which_nothing_is_traded():
    society = one(transfer_cost=0.5)
    exports = [parts(society, ask(society, [[2.0], [line]]))[1][0] for line in (1.0, 1.9, 2.0, 2.25, 2.5, 3.0)]
    assert exports == pytest.approx([-1, -0.1, 0, 0, 0, 0.5], abs=1e-15)


def test_equal_prices_trade_nothing():
    society = one(3, pv=1.0)
    assert parts(society, ask(society, 0.5)) == ([0], [0, 0, 0])


def test_the_pull_on_the_own_row_alone_can_be_checked_by_hand():
    # min G^2 + G + p x + rho/2 (x - t)^2 with x = -(G + 1): at p = 2, rho = 2, t = -3: 2G + 1 - 2 + 2(G + 1 - 3) = 0.
    society = one(0, pv=1.0)
    assert parts(society, ask(society, 2.0, -3.0, 2.0))[0][0] == pytest.approx(1.25)


def test_the_pull_on_a_port_alone_can_be_checked_by_hand():
    # x = -e: min alpha e^2 - (line - bus) e + rho/2 (e + t)^2 at line = bus = 0, alpha = 1/2, rho = 1, t = -1: e = 1/2.
    assert parts(one(), ask(one(), 0.0, [[0.0], [-1.0]], [[0.0], [1.0]]))[1] == [0.5]


def test_an_endless_pull_reaches_a_target_within_the_limits():
    # Exports 0.5 and -1 over the lines, 2.5 kW of PV and import less 3.5 kW to the bus: a supply of 1 kW.
    target = np.array([[-3.5], [-0.5], [1.0]])
    society = one(2)
    x = ask(society, 1.0, target, 1e9)
    assert x == pytest.approx(target, abs=1e-6)


@pytest.mark.parametrize("fee", [0.0, 1.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("rho", ["none", "all", "own", "ports", "mixed"])
def test_the_answer_is_the_reference_solver_s(rho, seed, fee):
    society = random_society(seed=seed, fee=fee)
    rng = np.random.default_rng(seed + 100)
    price = rng.uniform(-1, 6, (society.rows, 2))
    target = rng.uniform(-3, 3, (society.rows, 2))
    pull = rng.uniform(0.1, 2, (society.rows, 1))
    own = np.isin(np.arange(society.rows), society.own_rows)[:, None]
    some = rng.random((society.rows, 1)) < 0.5
    shares = {"none": 0, "all": 1, "own": own, "ports": ~own, "mixed": some}
    assert_best(society, price, target, pull * shares[rho])


@pytest.mark.slow
@given(asked(kinds=KINDS))
@settings(max_examples=150, deadline=None)
def test_the_answer_is_always_within_the_limits(case):
    society, question = case
    assert np.isfinite(society.cost(ask(society, *question))).all()


@pytest.mark.parametrize("alpha", [1e-2, 1e-6, 1e-10])
def test_a_small_curvature_does_not_carry_the_exports_beyond_the_pv(alpha):
    # A rounding error of the price, divided by the curvature, would be an error of many kilowatts.
    society = random_society(n=200, fee=0.0)
    society.alpha[:] = alpha
    price = np.random.default_rng(3).uniform(-1e4, 1e4, (society.rows, 2))
    for rho in (0.0, 0.01):
        assert np.isfinite(society.cost(ask(society, price, 0.0, rho))).all()


@pytest.mark.slow
@given(asked(kinds=KINDS))
@settings(max_examples=300, deadline=None)
def test_all_at_once_is_one_by_one_to_the_last_bit(case):
    society, question = case
    x = ask(society, *question)
    assert_same_bits(one_by_one(society, "respond", *question), x)
    assert_same_bits(one_by_one(society, "cost", x), society.cost(x))


@pytest.mark.parametrize("fee", [0.0, 1.0])
def test_many_at_once_are_one_by_one_to_the_last_bit(fee):
    society = random_society(n=150, periods=5, fee=fee)
    rng = np.random.default_rng(8)
    question = (
        rng.uniform(-1, 6, (society.rows, 5)),
        rng.uniform(-3, 3, (society.rows, 5)),
        rng.choice([0, 0.4], (society.rows, 1)),
    )
    assert_same_bits(one_by_one(society, "respond", *question), ask(society, *question))


@pytest.mark.slow
@given(asked(kinds=KINDS))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_operators_makes_no_difference(case):
    society, (price, target, rho) = case
    order = np.arange(len(society))[::-1]
    rows = society.rows_of(order)
    assert_same_bits(
        ask(society.take(order), price[rows], target[rows], rho[rows]), ask(society, price, target, rho)[rows]
    )


@pytest.mark.slow
@given(asked(kinds=KINDS))
@settings(max_examples=100, deadline=None)
def test_no_point_between_the_answer_and_another_within_the_limits_is_better(case):
    society, (price, target, rho) = case
    x = ask(society, price, target, rho)
    best = objective(society, x, price, target, rho)
    # The limits are convex, so a step towards what another question would get stays within them.
    for other in (ask(society, -price, -target, rho), ask(society, 0.0), ask(society, 3.0, 0.0, 1.0)):
        moved = objective(society, x + 0.01 * (other - x), price, target, rho)
        assert (moved >= best - 1e-9 * (1 + np.abs(best)) - rounding(society, price, target, rho)).all()


def rounding(society, price, target, rho):
    """(n, 1): what the last bit of the largest price makes of the objective, $/h: at most 0.0023 $/h at 1e6 $/kWh."""
    worth = np.maximum.reduceat((np.abs(price) + rho * np.abs(target)).max(axis=1), society.own_rows)
    least = np.full(len(society), 2.0 * society.cost_quadratic.min())
    np.minimum.at(least, np.repeat(np.arange(len(society)), society.port_count), 2.0 * society.alpha[:, 0])
    return (np.finfo(float).eps * worth**2 / least)[:, None]


@pytest.mark.parametrize("price", [0.0, -3.0, 1e6, -1e6])
@pytest.mark.parametrize(
    "facts",
    [
        {"power_max": 0.0},
        {"pv": 0.0},
        {"export_max": 0.0},
        {"import_max": 0.0},
        {"export_max": 0.0, "import_max": 0.0},
        {"power_max": 0.0, "pv": 0.0, "export_max": 0.0, "import_max": 0.0},
        {"transfer_cost": 3.0, "pv": 0.0},
    ],
)
def test_the_answer_stays_best_at_the_edge(facts, price):
    society = one(2, **facts)
    question = np.array([[price], [price / 2 + 1], [1.0]])
    x = ask(society, question)
    assert np.isfinite(society.cost(x)).all()
    supply, exports = society.generation(x).item(), -x[1:, 0]
    assert supply == pytest.approx(np.clip((price - 1) / 2, 0, society.power_max.item()), abs=1e-9)
    assert (exports <= society.export_max[:, 0] + 1e-12).all()
    assert (exports >= -society.import_max[:, 0] - 1e-12).all()
    assert exports.sum() <= society.pv.item() + 1e-12


def test_an_operator_that_can_do_nothing_does_nothing():
    society = one(2, power_max=0.0, pv=0.0, export_max=0.0, import_max=0.0)
    assert np.abs(ask(society, [[3.0], [9.0], [-9.0]], 2.0, 1.0)).max() == 0


@pytest.mark.parametrize(
    ("x", "fine"),
    [
        ([-2.0, 0.0, 0.0], True),  # supply 0: all PV to the bus
        ([-1.9, 0.0, 0.0], False),  # PV would have to be thrown away
        ([-5.0, 0.0, 0.0], True),  # supply 3, the most
        ([-5.1, 0.0, 0.0], False),
        ([0.0, -1.0, -1.0], True),  # exports 2, all PV
        ([0.0, -1.5, -1.0], False),  # more exported than there is PV, though supply could cover it
        ([-4.5, 2.5, 0.0], True),  # imports 2.5, the most
        ([-4.6, 2.6, 0.0], False),
        ([-0.5, -1.5, 0.0], True),  # exports 1.5, the most
        ([-0.4, -1.6, 0.0], False),
        ([np.nan, 0.0, 0.0], False),
    ],
)
def test_cost_is_infinite_outside_the_limits(x, fine):
    society = one(2, power_max=3.0, export_max=1.5, import_max=2.5)
    assert np.isfinite(society.cost(np.array(x)[:, None])).item() is fine


def test_cost_adds_up_supply_regularising_terms_and_fees():
    society = one(2, cost_quadratic=2, cost_linear=3, alpha=[0.5, 0.25], transfer_cost=[[1.0], [10.0]])
    # supply 1, exports 1 and -2: 2 + 3, 0.5 + 1, and the fee on the first only
    x = np.array([[-(1 + 2 - 1 + 2.0)], [-1.0], [2.0]])
    assert society.generation(x).item() == 1
    assert society.cost(x).item() == 2 + 3 + 0.5 + 1 + 1
    assert society.unregularised().cost(x).item() == 2 + 3 + 1
    assert society.alpha.ravel().tolist() == [0.5, 0.25]


def test_port_sums_go_to_the_agent_that_has_the_port():
    society = random_society(n=4)
    assert society.port_sum(np.arange(12.0).reshape(6, 2)).tolist() == [[0, 0], [0, 1], [6, 8], [24, 27]]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"cost_quadratic": 0}, "cost_quadratic = 0; wanted a number, more than 0"),
        ({"power_max": -1}, "power_max = -1; wanted a number, at least 0"),
        ({"power_max": np.inf}, "power_max = inf; wanted a number, at least 0, finite"),
        ({"pv": -0.1}, "pv = -0.1; wanted a number, or one a period, at least 0"),
        ({"alpha": 0}, r"alpha = 0 \(row 0, period 0\); wanted a number, more than 0"),
        ({"export_max": [[1], [-1]]}, r"export_max = -1 \(row 1, period 0\); wanted"),
        ({"import_max": [[1], [np.nan]]}, r"import_max = nan \(row 1, period 0\); wanted"),
        ({"transfer_cost": -1}, "transfer_cost = -1 .* at least 0"),
        ({"export_max": [[1], [1], [1]]}, r"export_max = \(3, 1\) values; wanted .* in shape \(2, 1\)"),
    ],
)
def test_facts_without_sense_are_refused(facts, why):
    with pytest.raises(AgentError, match=why):
        one(2, **facts)

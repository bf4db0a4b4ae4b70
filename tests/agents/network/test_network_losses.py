"""The network operator with losses: exact limits, tangents, the split of prices, and the relaxation beside it."""

import cvxpy as cp
import numpy as np
import pytest

from gridparley.agents import AgentError, NetworkOperator
from gridparley.agents.network import Feeder, FeederLine
from gridparley.conformance import check_agent
from gridparley.runs.feeder.read import load_feeder

from ..conftest import ask, by_cvxpy, objective

TOY = load_feeder("toy")
ASKED = (
    np.array([[0.0], [10.0], [10.0], [9.0], [9.0]]),
    np.array([[0.0], [40.0], [60.0], [40.0], [40.0]]),
    np.full((5, 1), 0.1),
)
"""A question at which both the limit of line 2-3 and the highest voltage of bus 4 bind."""


def toy(losses="exact", **facts):
    given = {"ports": [4], "bus": [1, 2, 3, 3], "tan_phi": [0.0, 0.1, 0.2, -0.1], "export_max": 60.0}
    given |= {"import_max": [[60.0], [80.0], [60.0], [60.0]], "wholesale": 12.0}
    return NetworkOperator(feeder=TOY, losses=losses, **(given | facts))


def crowd(name, losses, ports=12, seed=0):
    rng = np.random.default_rng(seed)
    feeder = load_feeder(name).scaled(0.6)
    where = {"bus": rng.integers(1, len(feeder.buses), ports), "tan_phi": rng.uniform(-0.1, 0.3, ports)}
    return NetworkOperator(
        feeder=feeder, ports=[ports], export_max=300.0, import_max=600.0, wholesale=12.0, losses=losses, **where
    )


def drawn(operator, size, seed):
    rng = np.random.default_rng(seed)
    shape = (operator.rows, 1)
    return rng.normal(size=shape) * 3, rng.normal(size=shape) * size, np.full(shape, 0.1)


@pytest.mark.parametrize("losses", ["lindistflow", "exact"])
@pytest.mark.parametrize(("name", "size"), [("toy", 40.0), ("ieee33", 300.0), ("ieee69", 300.0)])
def test_answers_keep_every_limit_of_the_exact_flow(losses, name, size):
    operator = toy(losses) if name == "toy" else crowd(name, losses)
    for seed in range(5):
        price, target, rho = drawn(operator, size, seed)
        for pull in (rho, 0.01 * rho, 0.0 * rho):
            x = ask(operator, price, target, pull)
            assert np.isfinite(operator.cost(x)).all()


def test_where_power_is_taken_an_answer_without_losses_breaks_the_limits():
    taken = np.array([[0.0], [-30.0], [-30.0], [-30.0], [-30.0]])
    x = ask(toy("none"), 12.0, taken, 0.1)
    voltage = toy().networks[0].flow(x[1:, 0]).voltage.min()
    assert voltage < 0.9495
    assert toy("exact").cost(x)[0, 0] == np.inf
    x = ask(toy("exact"), 12.0, taken, 0.1)
    assert toy().networks[0].flow(x[1:, 0]).voltage.min() == pytest.approx(0.95, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("losses", ["lindistflow", "exact"])
def test_fuses_that_could_bring_every_line_down_do_no_harm(losses):
    """What is asked for first may be so far off that no power flow exists there, or on the way."""
    rng = np.random.default_rng(1)
    for trial in range(12):
        ports = int(rng.integers(1, 20))
        where = {"bus": rng.integers(0, 33, ports), "tan_phi": rng.uniform(-0.5, 0.8, ports)}
        feeder = load_feeder("ieee33").scaled(0.3 * (trial % 2))
        wide = {"export_max": 15e3 * rng.random((ports, 1)), "import_max": 15e3 * rng.random((ports, 1))}
        operator = NetworkOperator(feeder=feeder, ports=[ports], losses=losses, loss_price=0.1, **where, **wide)
        for rho in (0.0, 1e-5, 1e-2, 1.0):
            price = rng.normal(size=(ports + 1, 1)) * 10.0 ** rng.uniform(-2, 2)
            x = ask(operator, price, 5e3 * rng.normal(size=(ports + 1, 1)), rho)
            assert np.isfinite(operator.cost(x)).all()


@pytest.mark.parametrize("prices", [{"wholesale": 0.0}, {"wholesale": -5.0, "loss_price": 1.0}])
def test_limits_are_kept_where_losses_cost_nothing_or_less(prices):
    operator = toy("exact", **prices)
    for seed in range(5):
        question = drawn(operator, 60.0, seed)
        assert np.isfinite(operator.cost(ask(operator, *question))).all()


@pytest.mark.parametrize(("name", "size"), [("toy", 30.0), ("ieee33", 300.0)])
def test_exact_answers_are_those_of_the_branch_flow_relaxation(name, size):
    operator = toy() if name == "toy" else crowd(name, "exact")
    for seed in range(3):
        question = drawn(operator, size, seed)
        x, best = ask(operator, *question), by_cvxpy(operator, *question)
        assert x == pytest.approx(best, abs=1e-3)


def test_approximate_derivatives_end_near_the_exact_answer_and_not_at_it():
    x, near = ask(toy("exact"), *ASKED), ask(toy("lindistflow"), *ASKED)
    assert np.abs(x - near).max() < 1.0
    worse = objective(toy(), near, *ASKED) - objective(toy(), x, *ASKED)
    assert worse[0, 0] > 1e-6


@pytest.mark.parametrize("losses", ["none", "lindistflow", "exact"])
def test_the_price_of_a_port_is_the_sum_of_its_parts_and_what_the_answer_costs(losses):
    operator = toy(losses)
    x, parts = ask(operator, *ASKED), operator.signals(*ASKED)
    price, target, rho = ASKED
    assert parts.dlmp == pytest.approx((price + rho * (x - target))[1:], abs=1e-8)
    assert (parts.energy == 12.0).all()
    assert (parts.loss == 0.0).all() == (losses == "none")
    assert parts.line_price[1, 0] < -0.1  # power flows to the source, and no more of it may
    assert parts.line_price[[0, 2], 0].tolist() == [0.0, 0.0]
    assert parts.voltage_price[3, 0] > 1.0
    assert parts.voltage_price[:3, 0].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("losses", ["none", "exact"])
def test_multipliers_are_what_a_little_more_room_is_worth(losses):
    parts = toy(losses).signals(*ASKED)
    step = 1e-4

    def worth(line=0.0, square=0.0):
        lines = [
            FeederLine("1", "2", 0.05, 0.03),
            FeederLine("2", "3", 0.06, 0.03, 40.0 + line),
            FeederLine("2", "4", 0.10, 0.04),
        ]
        loads = {"2": (20.0, 8.0), "3": (5.0, 2.0), "4": (15.0, 5.0)}
        wide = Feeder.from_lines("toy", 0.4, lines, loads)
        facts = {"bus": [1, 2, 3, 3], "tan_phi": [0.0, 0.1, 0.2, -0.1], "export_max": 60.0, "wholesale": 12.0}
        facts |= {"import_max": [[60.0], [80.0], [60.0], [60.0]], "v_max": np.sqrt(1.05**2 + square)}
        operator = NetworkOperator(feeder=wide, losses=losses, ports=[4], **facts)
        return objective(operator, ask(operator, *ASKED), *ASKED)[0, 0]

    line = (worth(line=-step) - worth(line=step)) / (2 * step)
    voltage = (worth(square=-1e-6) - worth(square=1e-6)) / 2e-6
    assert parts.line_price[1, 0] == pytest.approx(-line, rel=1e-4)
    assert parts.voltage_price[3, 0] == pytest.approx(voltage, rel=1e-4)


@pytest.mark.parametrize("losses", ["none", "exact"])
def test_the_price_of_a_bus_is_the_marginal_cost_of_load_there(losses):
    """At the answer, a kW more of fixed load at a bus costs what a kW that is fed in there is worth."""
    parts = toy(losses).signals(*ASKED)

    def worth(bus, more):
        loads = {"2": (20.0, 8.0), "3": (5.0, 2.0), "4": (15.0, 5.0)}
        loads[bus] = (loads[bus][0] + more, loads[bus][1])
        lines = [
            FeederLine("1", "2", 0.05, 0.03),
            FeederLine("2", "3", 0.06, 0.03, 40.0),
            FeederLine("2", "4", 0.10, 0.04),
        ]
        facts = {"bus": [1, 2, 3, 3], "tan_phi": 0.0, "export_max": 60.0, "wholesale": 12.0}
        facts |= {"import_max": [[60.0], [80.0], [60.0], [60.0]]}
        feeder = Feeder.from_lines("toy", 0.4, lines, loads)
        operator = NetworkOperator(feeder=feeder, losses=losses, ports=[4], **facts)
        return operator, objective(operator, ask(operator, *ASKED), *ASKED)[0, 0]

    parts = worth("2", 0.0)[0].signals(*ASKED)
    for bus, port in (("2", 0), ("3", 1), ("4", 2)):
        marginal = (worth(bus, 1e-4)[1] - worth(bus, -1e-4)[1]) / 2e-4
        assert parts.dlmp[port, 0] == pytest.approx(marginal, abs=1e-5)


@pytest.mark.parametrize("losses", ["lindistflow", "exact"])
def test_a_tangent_touches_the_network_at_its_point(losses):
    operator = toy(losses)
    x = ask(operator, *ASKED)
    frozen = operator.linearised(x)
    assert frozen.cost(x) == pytest.approx(operator.cost(x), rel=1e-12)
    assert ask(frozen, *ASKED) == pytest.approx(x, abs=1e-7)
    assert operator.linearised(x)[0].networks[0].linear
    assert not operator.networks[0].linear


@pytest.mark.slow
def test_a_tangent_is_an_agent_that_keeps_the_contract():
    assert "reference_agrees" in check_agent(toy(loss_price=3.0).linearised(ask(toy(), *ASKED)), trials=8)


def test_without_losses_the_operator_is_its_own_tangent():
    operator = toy("none")
    assert operator.linearised(np.zeros((5, 1)))[0]._sites[0].frozen is None


def test_a_point_without_a_power_flow_has_no_tangent():
    with pytest.raises(AgentError, match="there is no power flow in period 0"):
        toy().linearised(np.full((5, 1), -1e4))


def test_a_relaxation_has_losses_and_limits_of_its_own():
    x = cp.Variable((5, 1))
    cost, limits = toy().reference(cp, x)
    assert cost.is_convex()
    assert all(limit.is_dcp() for limit in limits)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"losses": "some"}, "losses = 'some'; wanted one of none, lindistflow, exact"),
        ({"load_factor": 9.0, "import_max": 0.0}, "lowest voltage of bus"),
    ],
)
def test_what_cannot_be_with_losses_is_refused_with_the_place(facts, words):
    with pytest.raises(AgentError, match=words):
        toy(**facts)


def test_several_operators_have_a_network_each():
    two = NetworkOperator.stack([toy(), toy("none")])
    assert [two[k].losses for k in range(2)] == ["exact", "none"]
    with pytest.raises(AgentError, match="2 network operators; each has its own network"):
        two.signals(*ASKED)


def test_loads_that_no_line_can_carry_are_refused_where_no_limit_says_so():
    heavy = {"feeder": load_feeder("ieee33"), "load_factor": 5.0, "v_min": 0.0}
    with pytest.raises(AgentError, match="no power flow is known in period 0"):
        NetworkOperator(losses="exact", ports=[1], bus=0, export_max=1.0, import_max=1.0, **heavy)

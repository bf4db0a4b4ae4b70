"""The network operator without losses: its answers, its limits, and what it refuses."""

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridparley.agents import AgentError, NetworkOperator, Period
from gridparley.conformance import check_agent
from gridparley.runs.feeder.read import load_feeder

from ..conftest import ask, assert_best, assert_same_bits, columns, frozen, numbers, one_by_one, solve

TOY = load_feeder("toy")


def toy(**facts):
    """The toy's four prosumers: at bus 2, at bus 3, and two at bus 4."""
    given = {
        "feeder": TOY,
        "ports": [4],
        "bus": [1, 2, 3, 3],
        "tan_phi": [0.0, 0.1, 0.2, -0.1],
        "export_max": 60.0,
        "import_max": [[60.0], [80.0], [60.0], [60.0]],
    }
    return NetworkOperator(**(given | facts))


@st.composite
def operators(draw):
    periods, ports = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    return frozen(
        NetworkOperator(
            feeder=TOY,
            periods=periods,
            ports=[ports],
            bus=draw(columns(ports, 1, st.sampled_from([0.0, 1.0, 2.0, 3.0]))),
            tan_phi=draw(columns(ports, 1, numbers(-0.3, 0.5, special=(0.0,)))),
            export_max=draw(columns(ports, periods, numbers(0, 90))),
            import_max=draw(columns(ports, periods, numbers(0, 90))),
            wholesale=draw(columns(1, periods, numbers(-4, 20, special=(0.0,)))),
            load_factor=draw(columns(1, periods, numbers(0, 1.1))),
        )
    )


@st.composite
def asked(draw):
    operator = draw(operators())
    shape = operator.rows, operator.periods
    price, target = draw(columns(*shape, numbers(-20, 20, special=(0.0,)))), draw(columns(*shape, numbers(-90, 90)))
    return operator, (price, target, draw(columns(shape[0], 1, st.just(0.0) | numbers(0.01, 2, special=(0.1,)))))


@pytest.mark.slow
def test_it_keeps_the_contract_of_an_agent():
    two = NetworkOperator.stack([toy(wholesale=12.0), toy(bus=[3, 0, 2, 2], v_max=1.03)])
    assert "reference_agrees" in check_agent(two, trials=12)


@pytest.mark.slow
@given(asked())
@settings(deadline=None, max_examples=60)
def test_answers_are_those_of_a_general_solver(case):
    operator, question = case
    x = ask(operator, *question)
    assert np.isfinite(operator.cost(x)).all()
    price, target, rho = question
    if rho[1:].min() > 0:
        assert_best(operator, *question)
    else:
        found = by_lines(operator, *question)
        mine = (operator.cost(x) + (price * x + rho / 2 * (x - target) ** 2).sum(axis=0))[0]
        assert mine == pytest.approx(found, abs=1e-5, rel=1e-6)


def by_lines(operator, price, target, rho):
    """The least objective of each period, (periods,), from a programme written line by line."""
    feeder, values = operator.grid.feeder, []
    base = feeder.base_kv**2 * 1e3
    for t in range(operator.periods):
        x, p, q = cp.Variable(operator.rows - 1), cp.Variable(3), cp.Variable(3)
        v = [1.0, *cp.Variable(3)]
        limits = [x >= -operator.export_max[:, t], x <= operator.import_max[:, t]]
        factor = operator.load_factor[0, t]
        for k, parent in enumerate(feeder.parent.tolist()):
            mine = np.flatnonzero(operator.bus[:, 0] == k + 1)
            below = np.flatnonzero(feeder.parent == k + 1)
            tan = operator.tan_phi[mine, 0]
            limits += [p[k] == factor * feeder.load_kw[k + 1] - cp.sum(x[mine]) + cp.sum(p[below])]
            limits += [q[k] == factor * feeder.load_kvar[k + 1] - cp.sum(cp.multiply(tan, x[mine])) + cp.sum(q[below])]
            limits += [v[k + 1] == v[parent] - 2 * (feeder.r_ohm[k] * p[k] + feeder.x_ohm[k] * q[k]) / base]
            limits += [v[k + 1] >= 0.95**2, v[k + 1] <= 1.05**2]
            if np.isfinite(feeder.limit_kw[k]):
                limits += [cp.abs(p[k]) <= feeder.limit_kw[k]]
        pull = cp.sum(cp.multiply(rho[1:, 0] / 2, cp.square(x - target[1:, t])))
        cost = operator.wholesale[0, t] * (factor * feeder.load_kw.sum() - cp.sum(x)) + price[1:, t] @ x + pull
        own = (rho[0, 0] / 2 * target[0, t] ** 2).item()
        problem = cp.Problem(cp.Minimize(cost + own), limits)
        solve(problem)
        values.append(problem.value)
    return np.array(values)


@given(asked())
@settings(deadline=None, max_examples=20)
def test_operators_together_answer_as_each_does_alone(case):
    operator, (price, target, rho) = case
    both = NetworkOperator.stack([operator, operator[0]])
    question = [np.concatenate([column, 0.5 * column]) for column in (price, target, rho)]
    assert_same_bits(ask(both, *question), one_by_one(both, "respond", *question))


def test_within_the_limits_the_answer_is_what_was_asked_for():
    target = np.array([[0.0], [10.0], [20.0], [-5.0], [5.0]])
    assert ask(toy(), 0.0, target, 1.0).tolist() == target.tolist()


def test_a_line_carries_no_more_than_its_limit_either_way():
    for factor, fed in ((1.0, 45.0), (-1.0, -35.0)):  # 40 kW and the load of 5 kW at bus 3
        x = ask(toy(export_max=80.0, v_min=0.8, v_max=1.2), [[0.0], [0.0], [-9.0 * factor], [0.0], [0.0]], 0.0, 0.1)
        assert x[2, 0] == pytest.approx(fed, abs=1e-9)


def test_the_own_bus_is_empty_whatever_is_asked_there():
    x = ask(toy(), 3.0, [[50.0], [0.0], [0.0], [0.0], [0.0]], 1.0)
    assert x[0, 0] == 0.0
    x[0, 0] = 1e-3
    assert toy().cost(x)[0, 0] == np.inf


def test_cost_is_what_is_bought_at_the_source():
    x = np.array([[0.0], [10.0], [0.0], [-4.0], [0.0]])
    assert toy(wholesale=12.0).cost(x)[0, 0] == pytest.approx(12.0 * (40.0 - 6.0))
    assert toy(wholesale=12.0, load_factor=0.5).cost(x)[0, 0] == pytest.approx(12.0 * (20.0 - 6.0))


def test_a_window_an_opened_period_and_a_copy_keep_their_feeder():
    two = NetworkOperator.stack([toy(periods=2, load_factor=[[1.0, 0.2]]), toy(periods=2, feeder=TOY.scaled(0.1))])
    assert two[1].grid.load.sum() == pytest.approx(4.0)
    assert two.take(np.array([1, 0]))[0].grid.load.sum() == pytest.approx(4.0)
    assert len(toy(periods=2, load_factor=[[1.0, 0.2]]).open(Period(1)).networks) == 1


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"bus": [1, 2, 4, 3]}, r"bus = 4 \(port 2\); wanted a whole number, 0 to 3"),
        ({"bus": [1, 2, 1.5, 3]}, r"bus = 1.5 \(port 2\)"),
        ({"v_min": 1.05}, "v_min = 1.05; wanted less than v_max"),
        ({"feeder": [TOY, TOY]}, "2 feeders for 1 agents"),
        ({"load_factor": 9.0}, "lowest voltage of bus"),
        ({"export_max": 0.0, "load_factor": -9.0, "v_max": 1.5}, "power of line 2-3 towards the source"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place(facts, words):
    with pytest.raises(AgentError, match=words):
        toy(**facts)


def test_a_limit_that_no_port_moves_is_refused_with_the_place():
    with pytest.raises(AgentError, match=r"lowest voltage of bus 3 \(period 0\) is broken by the fixed loads"):
        toy(ports=[1], bus=[0], tan_phi=0.0, import_max=5.0, load_factor=3.0)


def test_the_voltage_of_the_source_is_what_it_is_and_has_no_limit():
    operator = toy(source=1.06, v_max=1.05, load_factor=0.2)
    x = ask(operator, 0.0, 0.0, 1.0)
    assert np.isfinite(operator.cost(x)).all()
    assert x[1:].sum() < -1.0  # so much must be taken that the buses are below what the source is not
    with pytest.raises(
        AgentError, match=r"highest voltage of bus [234] \(period 0\): nothing that the ports may carry"
    ):
        toy(source=1.2, v_max=1.05)

"""The central programme of a market on a feeder: what it is beside the agents, the relaxation, and its own differences."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from gridparley.agents import SquareRootLoad
from gridparley.agents.network import Feeder
from gridparley.protocols import Population
from gridparley.runs import RunError
from gridparley.runs.judge.reference import central_solve

from ...reference.feeder_flow import power_flow
from ...reference.feeder_problem import FeederProblem
from ...reference.feeder_reference import central_feeder
from ..feeders import drawn, operator_of, toy


def test_a_market_is_read_as_it_was_built():
    problem = FeederProblem.of(toy(wholesale=3.0, load_factor=0.5))
    assert problem.bus.tolist() == [1, 2, 3, 3]
    assert problem.b.tolist() == [14, 2, 30, 24]
    assert problem.pairs.tolist() == [[i, j] for i, j in combinations(range(4), 2)]
    assert problem.load_kw.tolist() == [0, 10, 2.5, 7.5]
    assert (problem.wholesale, problem.loss_price) == (3.0, 12.0)


def test_a_market_with_somebody_else_is_refused():
    stranger = Population(SquareRootLoad(beta=10.0, cap=100.0), np.array([9], dtype=np.int32))
    market = toy()
    object.__setattr__(market, "populations", (*market.populations, stranger))
    with pytest.raises(RunError, match="here are NetworkOperator, PeerProsumer, SquareRootLoad"):
        FeederProblem.of(market)


def test_without_losses_it_agrees_with_what_the_agents_say_of_themselves():
    market = toy()
    mine, theirs = central_feeder(FeederProblem.of(market)), central_solve(market)
    assert mine.cost == pytest.approx(theirs.cost, abs=1e-7)
    assert mine.p == pytest.approx(-theirs.x[1][1::5, 0], abs=1e-5)
    assert mine.dlmp == pytest.approx(theirs.price[:4, 0], abs=1e-5)


@pytest.mark.parametrize("losses", ["none", "lindistflow", "exact"])
def test_both_a_line_and_a_voltage_bind_on_the_toy(losses):
    found = central_feeder(FeederProblem.of(toy()), losses)
    assert found.line_kw[1] == pytest.approx(-40.0, abs=1e-6)
    assert found.voltage.min() == pytest.approx(0.95, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("losses", ["none", "lindistflow", "exact"])
@pytest.mark.parametrize("problem", [FeederProblem.of(toy()), drawn("ieee33", 40)], ids=["toy", "ieee33"])
def test_the_operator_stays_at_the_central_optimum_and_names_its_prices(problem, losses):
    found, operator = central_feeder(problem, losses), operator_of(problem, losses)
    price, x = (np.concatenate([[0.0], column])[:, None] for column in (found.dlmp, found.p))
    question = price, x, np.full_like(x, 0.1)
    assert operator.respond(*question) == pytest.approx(x, abs=1e-6)
    assert operator.signals(*question).dlmp[:, 0] == pytest.approx(found.dlmp, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("problem", [FeederProblem.of(toy()), drawn("ieee33", 40)], ids=["toy", "ieee33"])
def test_exact_tangents_end_at_the_branch_flow_relaxation_which_is_tight(problem):
    exact, relaxed = central_feeder(problem, "exact"), central_feeder(problem, "relaxed")
    assert abs(relaxed.gap_kw) < 1e-6
    assert exact.p == pytest.approx(relaxed.p, abs=1e-5)
    assert exact.dlmp == pytest.approx(relaxed.dlmp, abs=1e-5)
    assert exact.cost == pytest.approx(relaxed.cost, rel=1e-9)


@pytest.mark.slow
def test_approximate_derivatives_price_otherwise():
    problem = drawn("ieee33", 40)
    exact, near = central_feeder(problem, "exact"), central_feeder(problem, "lindistflow")
    assert 0.01 < np.abs(exact.dlmp - near.dlmp).max() < 0.5
    assert near.cost > exact.cost + 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("losses", ["none", "exact"])
def test_the_price_of_a_bus_is_the_marginal_cost_of_load_there(losses):
    problem = replace(FeederProblem.of(toy()), wholesale=6.0, tan_phi=np.zeros(4))
    found, step = central_feeder(problem, losses), 1e-2
    for prosumer, bus in ((0, 1), (1, 2), (2, 3)):
        costs = []
        for sign in (1.0, -1.0):
            load = problem.feeder.load_kw.copy()
            load[bus] += sign * step
            values = {name: getattr(problem.feeder, name) for name in problem.feeder.__dataclass_fields__}
            costs.append(central_feeder(replace(problem, feeder=Feeder(**values | {"load_kw": load})), losses).cost)
        assert found.dlmp[prosumer] == pytest.approx((costs[0] - costs[1]) / (2 * step), abs=2e-5)


def test_its_power_flow_is_that_of_the_literature():
    problem = replace(drawn("ieee33", 5), load_factor=1.0)
    found = power_flow(problem, np.zeros((5, 1)))
    assert found.losses_kw[0] == pytest.approx(202.68, abs=0.005)
    assert np.sqrt(found.square.min()) == pytest.approx(0.91309, abs=5e-6)


def test_weights_count():
    problem = FeederProblem.of(toy())
    heavy = central_feeder(replace(problem, weight=np.array([5.0, 1.0, 1.0, 1.0])))
    assert np.abs(heavy.p - central_feeder(problem).p).max() > 0.5


def test_limits_that_nothing_keeps_are_said():
    problem = replace(FeederProblem.of(toy()), low=np.full(4, -60.0), high=np.full(4, -50.0))
    for network in ("none", "relaxed"):
        with pytest.raises(RunError, match="feeder toy: the central programme is infeasible"):
            central_feeder(problem, network)

"""The exact power flow of a radial grid, and its derivatives."""

import numpy as np
import pytest

from gridparley.agents.network.radial import RadialGrid
from gridparley.runs.feeder.read import load_feeder

ONE = np.ones(1)


def flow(grid, factor=1.0, fed=None):
    fed = np.zeros(2 * len(grid.load)) if fed is None else fed
    active, reactive = np.split(fed[:, None], 2)
    return grid.flow(factor * grid.load - active, factor * grid.load_reactive - reactive, ONE)


def lost(grid, flows):
    return float((grid.r * flows.current).sum())


@pytest.mark.parametrize(
    ("name", "losses", "lowest", "where"), [("ieee33", 202.68, 0.91309, "18"), ("ieee69", 224.99, 0.90919, "65")]
)
def test_base_cases_are_those_of_the_literature(name, losses, lowest, where):
    grid = RadialGrid(load_feeder(name))
    flows = flow(grid)
    assert flows.solved.all()
    assert lost(grid, flows) == pytest.approx(losses, abs=0.005)
    assert flows.voltage.min() == pytest.approx(lowest, abs=5e-6)
    assert grid.feeder.buses[int(flows.voltage[:, 0].argmin())] == where


@pytest.mark.parametrize("name", ["toy", "ieee33", "ieee69"])
def test_a_flow_obeys_the_branch_flow_equations_line_by_line(name):
    grid = RadialGrid(load_feeder(name))
    flows = flow(grid)
    p, q, v, i = (column[:, 0] for column in (flows.active, flows.reactive, flows.square, flows.current))
    for k, parent in enumerate(grid.parent.tolist()):
        below = np.flatnonzero(grid.parent == k + 1)
        r, x = grid.r[k, 0], grid.x[k, 0]
        assert p[k] == pytest.approx(grid.load[k + 1, 0] + p[below].sum() + r * i[k], abs=1e-9)
        assert q[k] == pytest.approx(grid.load_reactive[k + 1, 0] + q[below].sum() + x * i[k], abs=1e-9)
        assert v[k + 1] == pytest.approx(v[parent] - 2 * (r * p[k] + x * q[k]) + (r**2 + x**2) * i[k], abs=1e-13)
        assert i[k] * v[parent] == pytest.approx(p[k] ** 2 + q[k] ** 2, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("name", ["toy", "ieee33", "ieee69"])
def test_derivatives_are_differences(name):
    grid = RadialGrid(load_feeder(name))
    rng = np.random.default_rng(3)
    at = rng.uniform(0, 0.3, 2 * len(grid.load)) * grid.load.mean()
    found, step = grid.exact(flow(grid, fed=at), 0), 1e-3
    for k in range(len(at)):
        ahead, behind = (flow(grid, fed=at + sign * step * np.eye(len(at))[k]) for sign in (1, -1))
        assert found.active[:, k] == pytest.approx((ahead.active - behind.active)[:, 0] / 2 / step, abs=1e-8)
        assert found.square[:, k] == pytest.approx((ahead.square - behind.square)[:, 0] / 2 / step, abs=1e-12)
        assert found.losses[k] == pytest.approx((lost(grid, ahead) - lost(grid, behind)) / 2 / step, abs=1e-8)


def test_approximate_loss_factors_are_near_the_exact_ones_and_not_equal():
    grid = RadialGrid(load_feeder("ieee33"))
    flows = flow(grid, 0.6)
    exact, near = grid.exact(flows, 0).losses, grid.approximate(flows, 0).losses
    assert near == pytest.approx(exact, rel=0.2)
    assert np.abs(near - exact).max() > 1e-3


def test_periods_are_solved_together_as_they_are_alone():
    grid = RadialGrid(load_feeder("ieee69"))
    factors = np.array([[0.2, 1.0, 1.4, 0.0]])
    together = grid.flow(grid.load * factors, grid.load_reactive * factors, np.ones(4))
    for period, factor in enumerate(factors[0]):
        alone = flow(grid, factor)
        assert together.square[:, period] == pytest.approx(alone.square[:, 0], abs=1e-14)
        assert together.active[:, period] == pytest.approx(alone.active[:, 0], abs=1e-10)


def test_a_load_that_no_line_can_carry_has_no_flow_and_spoils_no_other_period():
    grid = RadialGrid(load_feeder("ieee33"))
    factors = np.array([[1.0, 50.0]])
    found = grid.flow(grid.load * factors, grid.load_reactive * factors, np.ones(2))
    assert found.solved.tolist() == [True, False]
    assert found.voltage[:, 0].min() == pytest.approx(0.91309, abs=5e-6)

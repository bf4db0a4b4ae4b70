"""Note 000 from end to end: its printed result, and its path to the last bit."""

from __future__ import annotations

import pytest

from gridparley import load_scenario, run_scenario

from ..literal_note_000 import iterate, total_cost

PRINTED = {
    "D": [2.6049, 0.1486, 0.1486],
    "G": [0.1049, 0.1486, 0.1486],
    "lam": [3.0980, 1.2972, 1.2972],
    "T": [-1.0, -1.0, 0.0],
    "mu": [-2.5, -2.5, -2.0],
}


def test_the_literal_iteration_prints_what_the_note_prints():
    point = iterate(60, 0.05)[-1]
    for name, printed in PRINTED.items():
        assert [round(v, 4) for v in point[name]] == printed, name
    assert round(total_cost(point), 4) == -16.3544


@pytest.mark.parametrize(("alpha", "step"), [(0.05, 1.0), (0.42, 1.0), (0.5, 1.0), (2.0, 1.0), (0.5, 0.2)])
def test_prices_move_as_in_the_literal_iteration_to_the_last_bit(alpha, step):
    literal = iterate(120, alpha, step)
    simulation = load_scenario(
        "three-microgrids", [f"alpha={alpha}", f"step_size={step}", "eps_abs=0", "eps_rel=0"]
    ).simulation()
    for point in literal:
        simulation.step()  # ask
        assert simulation.state.price[:3, 0].tolist() == point["lam"]
        assert (-simulation.state.price[3:, 0]).tolist() == [m + 0.0 for m in point["mu"]]
        simulation.step()  # answer
        operators, loads = simulation.market.populations
        answers = dict(zip((type(p.society).__name__ for p in (operators, loads)), simulation.state.x, strict=True))
        assert answers["SquareRootLoad"][:, 0].tolist() == point["D"]
        supply = operators.society.generation(answers["MicrogridOperator"])[:, 0]
        assert supply == pytest.approx(point["G"], abs=1e-12)


@pytest.fixture(scope="module")
def result():
    return run_scenario(load_scenario("three-microgrids"))


def test_the_run_converges_with_a_certificate_at_the_central_optimum(result):
    assert result.outcome == "CONVERGED"
    assert result.certificate.gap <= 1e-7
    assert abs(result.gap) < 1e-7
    assert abs(result.regularisation_gap) < 1e-7


def test_the_run_prints_what_the_note_prints(result):
    told = result.to_dict()
    microgrids, lines = told["microgrids"].values(), told["tie_lines"].values()
    ours = {
        "D": [m["demand"] for m in microgrids],
        "G": [m["generation"] for m in microgrids],
        "lam": [m["price"] for m in microgrids],
        "T": [line["transfer"] for line in lines],
        "mu": [line["transfer_price"] for line in lines],
    }
    for name, printed in PRINTED.items():
        assert [round(v, 4) for v in ours[name]] == printed, name
    assert round(told["total_cost"], 4) == -16.3544


def test_the_central_solve_agrees_about_everything_that_is_unique(result):
    reference = result.reference
    for ours, central in zip(result.x, reference.x, strict=True):
        assert ours == pytest.approx(central, abs=1e-6)
    assert result.simulation.state.price[:3] == pytest.approx(reference.price[:3], abs=1e-5)


@pytest.mark.slow
def test_alpha_a_half_never_settles():
    result = run_scenario(load_scenario("three-microgrids", ["alpha=0.5"]))
    assert result.outcome == "OSCILLATING"
    assert result.certificate.gap > 1e-3


@pytest.mark.slow
def test_alpha_two_settles_on_another_market():
    result = run_scenario(load_scenario("three-microgrids", ["alpha=2"]))
    assert result.outcome == "CONVERGED"
    assert abs(result.gap) < 1e-7
    assert result.total_cost == pytest.approx(-15.2962, abs=1e-4)
    assert result.lossless.cost == pytest.approx(-16.3544, abs=1e-4)
    assert result.regularisation_gap > 0.06


def test_the_unused_linear_transfer_cost_does_not_move_the_optimum():
    result = run_scenario(load_scenario("three-microgrids", ["transfer_cost=0.5"]))
    assert result.outcome == "CONVERGED"
    microgrids = result.microgrids()
    assert [round(m["demand"], 4) for m in microgrids.values()] == PRINTED["D"]

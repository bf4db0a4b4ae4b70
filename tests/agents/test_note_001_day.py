"""A whole day of note 001: each period solved literally, answered by the agents at its prices, and settled by them."""

import numpy as np
import pytest

from . import note_001
from .conftest import ask


def literal(agents, period):
    """Solve one period of the literal programme from the agents' facts."""
    operators = agents[0][0]
    loads = [[], [], []]
    for society, places in agents[1:]:
        opened = society.open(period)
        rows = np.concatenate([opened.beta, opened.sigma, opened.demand], axis=1)
        for place, row in zip(places, rows, strict=True):
            loads[place].append(row)
    pv = operators.pv[:, period.number]
    return note_001.literal_period(pv, period.hours, operators.soc[:, 0], loads)


def rows_of(solution):
    """Return the literal optimum as rows of the operators, (9, 1)."""
    *_, grid, used, stored, (ab, ac, bc) = solution
    exports = [(ab, ac), (-ab, bc), (-ac, -bc)]
    x = []
    for i in range(3):
        x += [-(grid[i] + used[i] + stored[i]) + sum(exports[i]), *(-e for e in exports[i])]
    return np.array(x)[:, None]


@pytest.mark.slow
@pytest.mark.parametrize("step", ["1h", "15min"])
def test_a_day_goes_by_within_all_limits_and_every_car_is_charged(step):
    _, periods, agents = note_001.day(step)
    needs = agents[2][0].need.copy()
    assert agents[2][0].unservable(periods).max() == 0
    charged = 0.0
    for period in periods:
        solution = literal(agents, period)
        price, demand = solution[1], solution[2]
        following, seen = [], [[], [], []]
        for society, places in agents[1:]:
            opened = society.open(period)
            # What the optimum gives everybody is what everybody asks for at its prices.
            x = ask(opened, price[places][:, None])
            for place, row in zip(places, x, strict=True):
                seen[place].append(row.item())
            following.append((society.settle(period, x), places))
            if society is agents[2][0]:
                charged = charged + x * 0.92 * period.hours
        for got, wanted in zip(seen, demand, strict=True):
            assert got == pytest.approx(wanted, abs=2e-3)
        operators, places = agents[0]
        x = rows_of(solution)
        found = operators.open(period).dispatch(x)
        assert found.storage[:, 0] == pytest.approx(solution[5], abs=2e-3)
        assert found.generation[:, 0] == pytest.approx(solution[3], abs=2e-3)
        agents = [(operators.settle(period, x), places), *following]
        soc = agents[0][0].soc
        assert ((soc >= 0.1) & (soc <= 0.9)).all()
    cars = agents[2][0]
    assert charged + cars.need == pytest.approx(needs, abs=1e-9)
    assert cars.unserved(periods[-1]).max() < 1e-6


@pytest.mark.parametrize("hour", [0, 7, 13, 20])
@pytest.mark.parametrize("rho", [0.01, 1.0])
def test_from_the_optimum_nobody_moves(hour, rho):
    _, periods, agents = note_001.day("1h")
    period = periods[hour]
    solution = literal(agents, period)
    price = solution[1]
    operators = agents[0][0].open(period)
    x = rows_of(solution)
    # A line's price is what contents both its ends: lambda + 2 alpha e of that one whose PV is not used up.
    wish = np.repeat(price, 3)[:, None] - 2 * note_001.ALPHA * x
    wish[operators.own_rows] = price[:, None]
    for one, two in ((1, 4), (2, 7), (5, 8)):
        wish[[one, two]] = np.maximum(wish[one], wish[two])
    assert ask(operators, wish, x, rho) == pytest.approx(x, abs=2e-3)

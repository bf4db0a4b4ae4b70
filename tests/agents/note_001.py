"""The day of note 001: its agents, and one period or all of it as a literal CVXPY programme that knows nothing of the package."""

from importlib import resources

import cvxpy as cp
import numpy as np

from gridparley.agents import CBD, EV, Hospital, Period, Resident, StorageOperator
from gridparley.runs.scenario.tables.profiles import read_profiles

from .conftest import solve

PLACES = "ABC"
BETAS = [0.30, 0.27, 0.33, 0.28, 0.32, 0.30, 0.26, 0.34, 0.29, 0.31, 0.32, 0.28]
ALPHA = 0.0005
GRID = {"cost_quadratic": [0.0030, 0.0016, 0.0014], "cost_linear": [0.12, 0.13, 0.12], "cost_constant": [0.5, 0.8, 0.6]}
GRID |= {"power_max": [60.0, 120.0, 120.0]}
STORAGE = {"capacity_kwh": [60.0, 100.0, 80.0], "charge_max": [20.0, 30.0, 25.0], "discharge_max": [20.0, 30.0, 25.0]}
STORAGE |= {"kappa": 0.2, "scale": [10.0, 15.0, 12.0], "q": [0.0020, 0.0015, 0.0020]}
CARS = {  # arrival h, departure h, need kWh
    "A": [(18.64, 30, 5.47), (21.91, 30, 11.27), (19.64, 30, 3), (12, 30, 3.53), (15.85, 30, 8.57), (18.61, 30, 10.27)],
    "B": [
        (8.89, 17.82, 6.55),
        (8.68, 17.79, 3),
        (6.76, 15.55, 6.47),
        (7.9, 16.11, 3),
        (9.33, 19.31, 3),
        (8.13, 17.13, 4.7),
    ],
}


def day(step):
    """Return the profiles, the periods, and the agents with the place of each: operators, residents, EVs, CBD, hospital."""
    with resources.as_file(resources.files("gridparley.runs.scenario") / "data" / f"prosumer-day-{step}.csv") as file:
        profiles = read_profiles(file)
    n, h = profiles.periods, profiles.hours
    periods = [Period(k, profiles.start + k * h, h) for k in range(n)]
    pv = np.stack([profiles.series(f"pv_{place}", "kW") for place in PLACES])
    cars = [car for place in "AB" for car in CARS[place]]
    arrival, departure, need = np.array(cars, dtype=float).T
    agents = [
        (
            StorageOperator(
                names=[f"{place}.operator" for place in PLACES],
                ports=[2, 2, 2],
                pv=pv,
                export_max=np.repeat(pv, 2, axis=0),
                alpha=ALPHA,
                **GRID,
                **STORAGE,
            ),
            [0, 1, 2],
        ),
        (
            Resident(
                names=[f"A.resident-{k}" for k in range(1, 13)],
                beta=BETAS,
                demand=np.stack([profiles.series(f"resident_{k:02d}", "kW") for k in range(1, 13)]),
            ),
            [0] * 12,
        ),
        (
            EV(
                names=[f"{place}.ev-{k + 1}" for place in "AB" for k in range(6)],
                arrival=arrival,
                departure=departure,
                need=need,
                periods=n,
            ),
            [0] * 6 + [1] * 6,
        ),
        (CBD(names=["B.cbd"], demand=profiles.series("cbd", "kW")), [1]),
        (Hospital(names=["C.hospital"], demand=profiles.series("hospital", "kW")), [2]),
    ]
    return profiles, periods, agents


def literal_period(pv, hours, soc, loads):
    """Return cost $/h, prices (3,), demands by place, G, w, B and the transfers AB, AC, BC of one period.

    pv, soc : (3,); loads : by place, a list of (beta, sigma, most).
    """
    grid, used, charge, discharge = (cp.Variable(3, nonneg=True) for _ in range(4))
    transfer = cp.Variable(3)
    export = [transfer[0] + transfer[1], transfer[2] - transfer[0], -transfer[1] - transfer[2]]
    ends = [(0, 1), (0, 2), (1, 2)]
    k = STORAGE["kappa"] * (1 - soc) / soc
    scale, q, size = (np.array(STORAGE[name]) for name in ("scale", "q", "capacity_kwh"))
    a, b, c, most = (np.array(GRID[n]) for n in ("cost_quadratic", "cost_linear", "cost_constant", "power_max"))
    cost = cp.sum(cp.multiply(a, grid**2) + cp.multiply(b, grid) + c) + 2 * ALPHA * cp.sum_squares(transfer)
    cost += cp.sum(cp.multiply(q, discharge**2) + cp.multiply(k, discharge))
    cost += cp.sum(cp.multiply(k * scale, cp.exp(-cp.multiply(1 / scale, charge)) - 1))
    limits = [grid <= most, used <= pv]
    limits += [charge <= np.minimum(STORAGE["charge_max"], (0.9 - soc) * size / hours)]
    limits += [discharge <= np.minimum(STORAGE["discharge_max"], (soc - 0.1) * size / hours)]
    limits += [export[i] <= pv[i] for i in range(3)]
    for number, (i, j) in enumerate(ends):
        limits += [transfer[number] <= pv[i], transfer[number] >= -pv[j]]
    balance, demand = [], []
    for i, group in enumerate(loads):
        x = cp.Variable(len(group), nonneg=True)
        beta, sigma, need = np.array(group).T
        cost -= cp.sum(cp.multiply(beta, cp.log1p(cp.multiply(sigma, x))))
        limits += [x <= need]
        balance += [cp.sum(x) == grid[i] + used[i] + discharge[i] - charge[i] - export[i]]
        demand.append(x)
    problem = cp.Problem(cp.Minimize(cost), [*balance, *limits])
    solve(problem)
    price = np.array([float(row.dual_value) for row in balance])
    return (
        problem.value,
        price,
        [x.value for x in demand],
        grid.value,
        used.value,
        (discharge - charge).value,
        transfer.value,
    )


def literal_day(step, charge_max=None):
    """Return the least cost in $ of the whole day, all of it known, with the energy in storages and cars as variables.

    k is left out of the storage's cost and paid on what the day takes out of it in all: the integral of k over the energy
    from the start to the end, with k = kappa (1 - soc) / soc.
    """
    profiles, periods, agents = day(step)
    steps, h = len(periods), profiles.hours
    pv = np.stack([profiles.series(f"pv_{place}", "kW") for place in PLACES])
    a, b, c, most = (
        np.array(GRID[n])[:, None] for n in ("cost_quadratic", "cost_linear", "cost_constant", "power_max")
    )
    size, q = np.array(STORAGE["capacity_kwh"]), np.array(STORAGE["q"])[:, None]
    charge = np.array(STORAGE["charge_max"] if charge_max is None else [charge_max] * 3)[:, None]
    grid, used, storage = cp.Variable((3, steps)), cp.Variable((3, steps)), cp.Variable((3, steps))
    energy, ab, ac, bc = cp.Variable((3, steps + 1)), cp.Variable(steps), cp.Variable(steps), cp.Variable(steps)
    limits = [grid >= 0, grid <= most, used >= 0, used <= pv, storage >= -charge]
    limits += [storage <= np.array(STORAGE["discharge_max"])[:, None], energy[:, 0] == 0.5 * size]
    limits += [energy[:, 1:] == energy[:, :-1] - h * storage]
    limits += [energy[:, 1:] >= 0.1 * size[:, None], energy[:, 1:] <= 0.9 * size[:, None]]
    for line, i, j in ((ab, 0, 1), (ac, 0, 2), (bc, 1, 2)):
        limits += [line <= pv[i], line >= -pv[j]]
    export = [ab + ac, bc - ab, -ac - bc]
    limits += [export[i] <= pv[i] for i in range(3)]
    cost = h * cp.sum(
        cp.multiply(a, cp.square(grid)) + cp.multiply(b, grid) + c + cp.multiply(q, cp.square(cp.pos(storage)))
    )
    cost += h * 2 * ALPHA * (cp.sum_squares(ab) + cp.sum_squares(ac) + cp.sum_squares(bc))
    soc = cp.multiply(1 / size, energy[:, -1])
    cost += STORAGE["kappa"] * cp.sum(cp.multiply(size, np.log(0.5) - 0.5 - cp.log(soc) + soc))
    demand = [0, 0, 0]
    for society, places in agents[1:]:
        for k, place in enumerate(places):
            x = cp.Variable(steps, nonneg=True)
            beta, sigma = society.beta[k].item(), society.sigma[k].item()
            cost -= h * beta * cp.sum(cp.log1p(sigma * x))
            demand[place] += x
            if isinstance(society, EV):
                arrival, departure, need = (CARS["A"] + CARS["B"])[k]
                for t, period in enumerate(periods):
                    here = arrival <= period.start + 1e-9 and departure >= period.start + h - 1e-9
                    limits.append(x[t] <= (7.2 if here else 0.0))
                limits.append(0.92 * h * cp.sum(x) <= need)
            else:
                limits.append(x <= np.broadcast_to(society.demand[k], (steps,)))
    limits += [demand[i] == grid[i] + used[i] + storage[i] - export[i] for i in range(3)]
    problem = cp.Problem(cp.Minimize(cost), limits)
    solve(problem)
    return problem.value

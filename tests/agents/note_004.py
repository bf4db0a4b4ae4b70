"""Note 004 written down once more, literally and without the package: its numbers, and its day as one CVXPY programme."""

import cvxpy as cp
import numpy as np

HOURS = 24
MICROGRIDS = (1, 2, 3)
# Numbers of the note's appendix: $/kW^2h, $/kWh, kW, kWh.
DG = {1: (0.075, 0.85, 20.0), 2: (0.083, 0.69, 20.0), 3: (0.07, 0.92, 25.0)}
BESS = {1: (0.005, 3.0, 8.0), 2: (0.00625, 3.0, 8.0), 3: (0.0065, 4.0, 10.0)}
TRANSFER_QUADRATIC, TRANSFER_LINEAR, TRANSFER_MAX, CONNECTION_MAX = 0.009, 0.07, 5.0, 6.0
LOAD = {
    1: "12 11 13 15 15 17 15 16 15.8 17.2 17 16 15 17 17.5 17.8 18.9 19.5 18.9 18 16 17 16 15",
    2: "13 11 14 16 15 16 14 15 15.2 17 16.5 15 16 15 17.5 18.5 19.2 19.9 19.5 18 16 15 14 13",
    3: "11 10 12 13 14 15 13 15 14.5 16 15.6 17 16 18 18.8 17.9 17.6 18.2 17.5 17 15 14 12 10",
}
LOAD = {k: np.array(row.split(), dtype=float) for k, row in LOAD.items()}
TARIFF = """
    3.58 3.57 3.58 3.59 3.61 3.62 3.63 3.65 3.64 3.62 3.61 3.64 3.66 3.68 3.67 3.68 3.70 3.72 3.68 3.65 3.59 3.55 3.56 3.55
"""
TARIFF = np.array(TARIFF.split(), dtype=float)
ALONE, BUY, BUY_SELL, SHARED = 2267.543, 2263.877, 2229.212, 2232.867
"""$ a day: without trade; with trade; and a main grid that sells, that buys too, and that does so over one connection."""


def literal_day(main_grid="none", transfers=True):
    """Return the least cost of the day, $, and the net transfers, {(i, j): (24,) kW}; every variable is the note's."""

    def power():
        return cp.Variable(HOURS, nonneg=True)

    cost, limits, traded = 0, [], 0
    g, d, c, im, ex = ({k: power() for k in MICROGRIDS} for _ in range(5))
    p = {(i, j): power() for i in MICROGRIDS for j in MICROGRIDS if i != j}
    for k in MICROGRIDS:
        (a, b, most), (wear, rate, size) = DG[k], BESS[k]
        cost += cp.sum(a * g[k] ** 2 + b * g[k]) + wear * cp.sum(d[k] ** 2 + c[k] ** 2)
        cost += TARIFF @ (im[k] - ex[k])
        cost += cp.sum(TRANSFER_QUADRATIC * (im[k] ** 2 + ex[k] ** 2) + TRANSFER_LINEAR * (im[k] + ex[k]))
        inflow = sum(p[i, k] for i in MICROGRIDS if i != k)
        outflow = sum(p[k, j] for j in MICROGRIDS if j != k)
        energy = size / 2 + cp.cumsum(c[k] - d[k])
        limits += [g[k] <= most, d[k] <= rate, c[k] <= rate, energy >= 0, energy <= size, energy[HOURS - 1] == size / 2]
        limits += [g[k] + d[k] - c[k] + im[k] - ex[k] + inflow - outflow == LOAD[k]]
        limits += [im[k] <= (CONNECTION_MAX if main_grid != "none" else 0)]
        limits += [ex[k] <= (CONNECTION_MAX if main_grid in ("buy_sell", "shared_limit") else 0)]
        traded = traded + im[k] - ex[k]
    for flow in p.values():
        cost += cp.sum(TRANSFER_QUADRATIC * flow**2 + TRANSFER_LINEAR * flow)
        limits += [flow <= (TRANSFER_MAX if transfers else 0)]
    if main_grid == "shared_limit":
        limits += [traded <= CONNECTION_MAX, traded >= -CONNECTION_MAX]
    problem = cp.Problem(cp.Minimize(cost), limits)
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    return problem.value, {(i, j): p[i, j].value - p[j, i].value for i, j in p if i < j}


def operators(main_grid="none", transfers=True):
    """Return the same day as agents: the three operators, behind a shared connection the main grid as a fourth."""
    from gridparley.agents import DispatchOperator

    shared = main_grid == "shared_limit"
    neighbours = {k: [j for j in MICROGRIDS if j != k] for k in MICROGRIDS}
    dg, bess = (np.array([table[k] for k in MICROGRIDS]).T for table in (DG, BESS))
    least = 0.0 if not transfers else TRANSFER_MAX
    limits = [least] * 2 + ([CONNECTION_MAX] if shared else [])
    line = {"transfer_quadratic": TRANSFER_QUADRATIC, "transfer_cost": TRANSFER_LINEAR, "bus_max": 0.0}
    local = DispatchOperator(
        names=[f"M{k}" for k in MICROGRIDS],
        ports=[len(limits)] * 3,
        load=np.stack([LOAD[k] for k in MICROGRIDS]),
        cost_quadratic=dg[0],
        cost_linear=dg[1],
        power_max=dg[2],
        storage_quadratic=bess[0],
        storage_max=bess[1],
        capacity_kwh=bess[2],
        tariff=TARIFF,
        grid_quadratic=TRANSFER_QUADRATIC,
        grid_linear=TRANSFER_LINEAR,
        buy_max=CONNECTION_MAX if main_grid in ("buy", "buy_sell") else 0.0,
        sell_max=CONNECTION_MAX if main_grid == "buy_sell" else 0.0,
        export_max=np.tile(limits, 3)[:, None],
        import_max=np.tile(limits, 3)[:, None],
        **line,
    )
    row = {k: int(local.row_start[n]) for n, k in enumerate(MICROGRIDS)}
    pairs = [
        (row[i] + 1 + neighbours[i].index(j), row[j] + 1 + neighbours[j].index(i)) for i, j in ((1, 2), (1, 3), (2, 3))
    ]
    if not shared:
        return [local], pairs
    station = DispatchOperator(
        names=["main grid"],
        ports=[3],
        periods=HOURS,
        tariff=TARIFF,
        buy_max=CONNECTION_MAX,
        sell_max=CONNECTION_MAX,
        export_max=CONNECTION_MAX,
        import_max=CONNECTION_MAX,
        **line,
    )
    return [local, station], pairs + [(row[k] + 3, local.rows + 1 + n) for n, k in enumerate(MICROGRIDS)]


def coupled(societies, pairs):
    """Return the least cost of the agents' own references together, the rows x, and the price of every row."""
    x = [cp.Variable((society.rows, HOURS)) for society in societies]
    parts = [society.reference(cp, rows) for society, rows in zip(societies, x, strict=True)]
    rows = cp.vstack(x)
    one, two = (np.array([pair[end] for pair in pairs]) for end in (0, 1))
    agree = rows[one] + rows[two] == 0
    problem = cp.Problem(
        cp.Minimize(sum(cost for cost, _ in parts)), [agree, *(c for _, limits in parts for c in limits)]
    )
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    price = np.zeros(rows.shape)
    price[one] = price[two] = agree.dual_value
    return problem.value, rows.value, price

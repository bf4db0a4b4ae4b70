"""Note 000's iteration, written out in plain floats from the note's page: no agent, no message, no array.

Symbols are the note's. The one thing that the note leaves open is how a microgrid's solver breaks the knapsack
T1 + T2 <= PV: here by trying every active set and taking the best feasible point.
"""

from __future__ import annotations

import math
from itertools import product

NAMES = "ABC"
BETA, CAP = (10.0, 1.0, 1.0), (100.0, 0.5, 0.5)
A_GRID, B_GRID = (10.0, 1.0, 1.0), (1.0, 1.0, 1.0)
PV, G_MAX = (0.5, 1.0, 1.0), 40.0
LINES = ((0, 1), (0, 2), (1, 2))  # A2B, A2C, B2C; power T is positive from the first to the second


def demand(m: int, lam: float) -> float:
    """min -U(D) + lam D, U = min(beta sqrt(D), cap)."""
    saturated = (CAP[m] / BETA[m]) * (CAP[m] / BETA[m])
    if lam <= 0.0:
        return saturated
    root = BETA[m] / (2.0 * lam)
    return min(root * root, saturated)


def supply(m: int, lam: float) -> float:
    """min a G^2 + b G - lam G on [0, 40]."""
    return min(max((lam - B_GRID[m]) / (2.0 * A_GRID[m]), 0.0), G_MAX)


def exports(
    worth: list[float], low: list[float], high: list[float], pv: float, lam: float, alpha: float
) -> list[float]:
    """min sum alpha e^2 - (worth - lam) e, low <= e <= high, sum e <= pv; worth is what the line pays per kW."""
    free = [min(max((w - lam) / (2.0 * alpha), lo), hi) for w, lo, hi in zip(worth, low, high, strict=True)]
    if free[0] + free[1] <= pv:
        return free
    best, best_value = free, math.inf
    for sets in product(("low", "free", "high"), repeat=2):  # sum e = pv, with multiplier pi in place of lam
        fixed = [{"low": lo, "high": hi, "free": 0.0}[s] for s, lo, hi in zip(sets, low, high, strict=True)]
        n_free = sets.count("free")
        if n_free == 0:
            continue
        given = [w / (2.0 * alpha) if s == "free" else f for w, s, f in zip(worth, sets, fixed, strict=True)]
        steep = sum(1.0 / (2.0 * alpha) for s in sets if s == "free")
        pi = (given[0] + given[1] - pv) / steep
        e = [min(max((w - pi) / (2.0 * alpha), lo), hi) for w, lo, hi in zip(worth, low, high, strict=True)]
        if pi < lam or abs(e[0] + e[1] - pv) > 1e-12:
            continue
        value = sum(alpha * x * x - w * x for x, w in zip(e, worth, strict=True))
        if value < best_value - 1e-12:
            best, best_value = e, value
    return best


def iterate(rounds: int, alpha: float, step: float = 1.0) -> list[dict[str, list[float]]]:
    """Return lam, mu and all local solves of every round, lam = 1 and mu = 0 at first."""
    lam, mu = [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]
    path = []
    for _ in range(rounds):
        d = [demand(m, lam[m]) for m in range(3)]
        g = [supply(m, lam[m]) for m in range(3)]
        copies: dict[tuple[int, int], float] = {}  # (microgrid, line) -> its copy of T, in the line's direction
        out = []
        for m in range(3):
            mine = [(k, i == m) for k, (i, j) in enumerate(LINES) if m in (i, j)]
            # [mu1, mu2] . [T1, T2] with the signs of the note's blocks: whoever exports pays mu per kW.
            worth = [-mu[k] for k, _ in mine]
            others = [LINES[k][1] if first else LINES[k][0] for k, first in mine]
            e = exports(worth, [-PV[o] for o in others], [PV[m]] * 2, PV[m], lam[m], alpha)
            for (k, first), x in zip(mine, e, strict=True):
                copies[m, k] = x if first else -x
            out.append(e[0] + e[1])
        path.append({"lam": lam, "mu": mu, "D": d, "G": g, "T": [copies[i, k] for k, (i, _) in enumerate(LINES)]})
        mu = [mu[k] + step * (copies[i, k] - copies[j, k]) for k, (i, j) in enumerate(LINES)]
        lam = [lam[m] + step * (d[m] - (g[m] + PV[m] - out[m])) for m in range(3)]
    return path


def total_cost(point: dict[str, list[float]]) -> float:
    """-sum U + sum C_grid, without any transfer term, as the note reports it."""
    utility = sum(min(BETA[m] * math.sqrt(point["D"][m]), CAP[m]) for m in range(3))
    return -utility + sum(A_GRID[m] * g * g + B_GRID[m] * g for m, g in enumerate(point["G"]))

"""Power flow of a feeder, line by line: what the central programme is linearised at, written apart from the agents'."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .feeder_problem import FeederProblem

__all__ = ["PowerFlow", "loss_factors", "power_flow"]

Floats = npt.NDArray[np.float64]

_SWEEPS = 100


@dataclass(frozen=True)
class PowerFlow:
    """Power flows of m sets of injections, side by side.

    Attributes
    ----------
    line_kw, line_kvar : (lines, m) where each line begins
    square : (buses, m) pu^2
    losses_kw : (m,)
    """

    line_kw: Floats
    line_kvar: Floats
    square: Floats
    losses_kw: Floats


def power_flow(problem: FeederProblem, p: Floats, *, losses: bool = True) -> PowerFlow:
    """Sweep up and down the feeder, bus by bus, until voltages stand.

    Parameters
    ----------
    problem
    p : (n, m) kW, what the prosumers inject
    losses : count what lines lose; without it, one sweep is the answer
    """
    feeder, m = problem.feeder, p.shape[1]
    base, count = float(feeder.base_kv) ** 2 * 1e3, len(feeder.parent)
    r, x = np.asarray(feeder.r_ohm) / base, np.asarray(feeder.x_ohm) / base
    taken, reactive = (np.repeat(load[:, None], m, axis=1) for load in (problem.load_kw, problem.load_kvar))
    for i, bus in enumerate(problem.bus.tolist()):
        taken[bus] -= p[i]
        reactive[bus] -= problem.tan_phi[i] * p[i]
    v = np.full((count + 1, m), problem.source**2)
    sent, sent_reactive, current = np.empty((count, m)), np.empty((count, m)), np.zeros((count, m))
    for _ in range(_SWEEPS if losses else 1):
        before = v.copy()
        active, lagging = taken.copy(), reactive.copy()  # what arrives at each bus, for itself and those that it feeds
        for k in range(count - 1, -1, -1):
            parent = int(feeder.parent[k])
            if losses:
                current[k] = (active[k + 1] ** 2 + lagging[k + 1] ** 2) / v[k + 1]  # the same at both ends of a line
            sent[k] = active[k + 1] + r[k] * current[k]
            sent_reactive[k] = lagging[k + 1] + x[k] * current[k]
            active[parent] += sent[k]
            lagging[parent] += sent_reactive[k]
        for k in range(count):
            drop = 2.0 * (r[k] * sent[k] + x[k] * sent_reactive[k]) - (r[k] ** 2 + x[k] ** 2) * current[k]
            v[k + 1] = v[int(feeder.parent[k])] - drop
        if np.abs(v - before).max() < 1e-15:
            break
    return PowerFlow(sent, sent_reactive, v, (r[:, None] * current).sum(axis=0))


def loss_factors(problem: FeederProblem, p: Floats) -> Floats:
    """Return -2 sum r (P + tan phi Q) / v over the way to each prosumer, (n,) kW per kW, where p, (n,) kW, is injected."""
    feeder, found = problem.feeder, power_flow(problem, p[:, None])
    base = float(feeder.base_kv) ** 2 * 1e3
    active, reactive = np.zeros(len(feeder.buses)), np.zeros(len(feeder.buses))
    for k, parent in enumerate(feeder.parent.tolist()):
        share = 2.0 * float(feeder.r_ohm[k]) / base / found.square[parent, 0]
        active[k + 1] = active[parent] - share * found.line_kw[k, 0]
        reactive[k + 1] = reactive[parent] - share * found.line_kvar[k, 0]
    return np.asarray(active[problem.bus] + problem.tan_phi * reactive[problem.bus])

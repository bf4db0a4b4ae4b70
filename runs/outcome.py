"""The outcome of a run: one word, never CONVERGED without a certificate."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from .certificate import Certificate, infeasible_direction
from .simulation import Simulation

__all__ = ["CERTIFIED_GAP", "Outcome", "judge"]

CERTIFIED_GAP = 1e-6
"""Largest relative gap of a certificate that still counts."""


class Outcome(StrEnum):
    """How a run ended.

    CONVERGED: everybody stopped, at a point that can be kept, with a certificate. STALLED: nothing moves any more, short
    of that. OSCILLATING: prices go back and forth and come no nearer. DIVERGED: prices run away. INCONSISTENT: two copies
    of one price differ. INFEASIBLE: proven that no point balances. TICK_LIMIT: it was still getting better.
    """

    CONVERGED = "CONVERGED"
    STALLED = "STALLED"
    OSCILLATING = "OSCILLATING"
    DIVERGED = "DIVERGED"
    INCONSISTENT = "INCONSISTENT"
    INFEASIBLE = "INFEASIBLE"
    TICK_LIMIT = "TICK_LIMIT"


def judge(simulation: Simulation, certificate: Certificate) -> Outcome:
    """Name the outcome of a run that has ended."""
    state, observer = simulation.state, simulation.observer
    apart = observer.latest["price_disagreement"]
    if apart > 1e-6 * max(1.0, float(np.nanmax(np.abs(state.price)))):
        return Outcome.INCONSISTENT
    if simulation.broken:
        return Outcome.DIVERGED
    if simulation.finished:
        # A lower bound above the upper one proves nothing: somebody's `respond` is not the minimum of his cost.
        return Outcome.CONVERGED if abs(certificate.gap) <= CERTIFIED_GAP else Outcome.STALLED
    return _unfinished(simulation, certificate)


def _unfinished(simulation: Simulation, certificate: Certificate) -> Outcome:
    observer = simulation.observer
    residual = np.array([row[0] for row in observer.rounds])
    if len(residual) < 8 or simulation.tick > observer.round_tick + max(simulation.tick // 4, 50):
        return Outcome.STALLED if simulation.tick >= 50 else Outcome.TICK_LIMIT
    quarter = len(residual) // 4
    before, after = np.nanmax(residual[-2 * quarter : -quarter]), np.nanmax(residual[-quarter:])
    path, net, direction = observer.drift()
    drifting = net > 0.5 * path
    if certificate.x is None and drifting and infeasible_direction(simulation.market, observer, *direction) > 1e-6:
        return Outcome.INFEASIBLE
    if after <= 0.9 * before:
        return Outcome.TICK_LIMIT
    if drifting and path > 0.0:
        return Outcome.DIVERGED if after > 1.1 * before else Outcome.TICK_LIMIT
    return Outcome.OSCILLATING if observer.latest["dual_residual"] > 1e-9 else Outcome.STALLED

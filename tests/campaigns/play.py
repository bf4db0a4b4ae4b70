"""One run of a campaign: played to its end, and its word held against what the market says without any message."""

from __future__ import annotations

import time
import traceback
from typing import Any

import numpy as np

from gridparley import Result, load_scenario, run_scenario
from gridparley.protocols import Market
from gridparley.runs.judge.certificate import Certificate
from gridparley.runs.judge.metrics import Observer
from gridparley.runs.judge.reference import Reference, central_solve
from gridparley.runs.result.day_result import DayResult
from gridparley.runs.simulation.invariants import InvariantError
from gridparley.runs.simulation.simulation import Simulation

from .draw import Case, draw

__all__ = ["LIMIT", "play"]

LIMIT = 20.0
"""Seconds of processor time that a run may take; a longer one is counted as such and not judged."""
_RIGHT = 1e-6
"""Relative above 1: how far a word may be from the central optimum, and a balance from zero in kW."""

Row = dict[str, Any]


class _TooLong(Exception):
    """The run has taken its seconds."""


def play(number: int, seed: int, limit: float = LIMIT) -> Row:
    """Do run `number` of a campaign and return what there is to say: its command, outcome, seconds, and what is wrong."""
    start, case = time.process_time(), draw(number, seed)
    row: Row = {"number": number, "command": case.command, "scenario": case.scenario, "protocol": case.protocol}

    def watch(simulation: Simulation) -> None:
        row["ticks"] = simulation.tick
        if time.process_time() - start > limit:
            raise _TooLong

    try:
        result = _run(case, watch)
        row |= {"outcome": str(result.outcome), "reason": result.reason, "wrong": _wrong(result)}
    except _TooLong:
        row |= {"outcome": "TOO_LONG", "wrong": None}
    except InvariantError as error:
        row |= {"outcome": "BROKEN", "wrong": f"invariant: {error}"}
    except Exception as error:  # whatever a run raises is what the campaign looks for
        row |= {"outcome": "RAISED", "wrong": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    row["seconds"] = round(time.process_time() - start, 3)
    return row


def _run(case: Case, watch: Any) -> Result:
    scenario = load_scenario(case.scenario, case.settings, protocol=case.protocol, faults=case.faults)
    return run_scenario(
        scenario, ticks=case.ticks, seed=case.seed, reference=False, progress=False, watch=watch, invariants=True
    )


def _wrong(result: Result) -> str | None:
    """Say what is wrong with the word of a run, None if nothing is: only some words claim what can be checked."""
    claims = [(result.outcome, (result.observer or result.simulation.observer).market, result.certificate)]
    if isinstance(result, DayResult):
        claims = [(end.verdict.outcome, end.market, end.certificate) for end in result.ends]
    for outcome, market, certificate in claims:
        if outcome in ("CONVERGED", "AGREED", "INFEASIBLE") and (found := _contradicted(outcome, market, certificate)):
            return found
    return None


def _contradicted(outcome: str, market: Market, certificate: Certificate) -> str | None:
    """Hold a word against the central optimum, and against the balances and limits of the point that it is about."""
    x = certificate.x
    if outcome == "INFEASIBLE":
        best = central_solve(market)
        return None if best is None else f"INFEASIBLE, and {best.cost:.9g} $/h is possible"
    if x is None:
        return f"{outcome} without a point"
    observer = Observer(market, 0)
    off = float(np.abs(observer.imbalance(x)).max())
    if off > _RIGHT * max(1.0, *(float(np.abs(rows).max(initial=0.0)) for rows in x)):
        return f"{outcome} at a point that is {off:.2g} kW off balance"
    cost = observer.cost(x, regularised=True)
    if not np.isfinite(cost):
        return f"{outcome} at a point outside an agent's limits"
    if outcome == "AGREED" or certificate.residual is not None:
        return None
    return _beaten(cost, central_solve(market))


def _beaten(cost: float, best: Reference | None) -> str | None:
    if best is None:
        return f"CONVERGED at {cost:.9g} $/h, and the central programme finds no point at all"
    trust = _RIGHT if best.status == "optimal" else 1e-4
    if abs(cost - best.cost) > trust * max(1.0, abs(best.cost)):
        return f"CONVERGED at {cost:.9g} $/h, and {best.cost:.9g} $/h is the optimum"
    return None

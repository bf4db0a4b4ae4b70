"""What a run has cost, in words: its certificate, and what its costs are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .plain import number

__all__ = ["certificate_text", "cost_text", "objective_text"]


def certificate_text(certificate: Mapping[str, Any], unit: str) -> str:
    """Say between which bounds the optimum is, of a result's "certificate"."""
    if not certificate["committed"]:
        return "none: no point was found that all agents can keep"
    if certificate.get("residual") is not None:
        return f"an equilibrium, and no common cost is least: best answers are {certificate['residual']:.1e} kW away"
    low, high, gap, of = certificate["lower"], certificate["upper"], certificate["gap"], certificate.get("of")
    if of and high is None:
        return "none of the day: in some period no point was found that all agents can keep"
    if low is None:
        return f"a point that all agents can keep, for {number(high)} {unit}; no bound of {of or 'the optimum'}"
    bound = f"{f'{of}: together' if of else 'the optimum is'} between {number(low)} and {number(high)} {unit}"
    return bound if gap is None else f"{bound}, relative gap {gap:.1e}"


def objective_text(told: Mapping[str, Any], unit: str) -> str:
    """Say what was posed costs, and what it is compared with: of a day, the optimum of each of its periods."""
    if (optima := told.get("period_optima")) is None:
        return cost_text(told["objective"], told["reference_objective"], told["gap"], "with", unit)
    text = cost_text(told["objective"], None, None, "with", unit)
    if optima["objective"] is None:
        return text
    gap = "" if told["gap"] is None else f", largest gap of a period {told['gap']:.1e}"
    return f"{text}; {optima['of']}: together {number(optima['objective'])}{gap}"


def cost_text(ours: float | None, best: float | None, gap: float | None, terms: str, unit: str) -> str:
    """Say what it costs, with or without regularising terms, beside what a central solve finds."""
    if ours is None:
        return "none: an agent is outside its limits"
    text = f"{number(ours)} {unit}, {terms} regularising terms"
    if best is None:
        return text
    # Where nothing balances there is no gap, but still an optimum.
    return f"{text}; central optimum {terms} them {number(best)}, gap {'-' if gap is None else f'{gap:.1e}'}"

"""What an AC power flow says about the end of a market on a network, and about the same market without its operator."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..common.errors import RunError
from ..feeder.ac_check import AcCheck, ac_check
from ..feeder.ports import network_ports
from ..feeder.state import unasked
from .result import Result

__all__ = ["ac_report", "ac_text"]


def ac_report(result: Result) -> dict[str, dict[str, Any]]:
    """Check the end of a run, and the optimum of its market on a network without losses and limits, by pandapower.

    Returns
    -------
    with, without : the network operator; over_pu, where_pu, over_kw, where_kw, lowest_pu, highest_pu, losses_kw each, and of
    what is not there null. Without is left out where the market has no central optimum: see `central_solve`.

    Raises
    ------
    RunError
        There is no network operator, nothing was proposed, or pandapower is missing or finds no power flow.
    """
    ports = network_ports(result.simulation.market)
    if ports is None:
        raise RunError("an AC check is of a market with one NetworkOperator; this one has none")
    fed = result.x[ports.population]
    if not np.isfinite(fed).all():
        raise RunError("an AC check wants proposals; nobody has proposed anything yet")
    told = {"with": _told(ac_check(ports.operator, fed))}
    free = unasked(ports)
    return told if free is None else told | {"without": _told(ac_check(ports.operator, free))}


def ac_text(told: dict[str, dict[str, Any]]) -> str:
    """Return the report in a sentence for each."""
    lines = []
    for side, found in told.items():
        power = (
            "no line has a limit" if found["over_kw"] is None else f"{found['over_kw']:+.1e} kW ({found['where_kw']})"
        )
        lines.append(
            f"AC power flow {side} the network operator: {found['lowest_pu']:.4f} to {found['highest_pu']:.4f} pu, beyond "
            f"limits by {found['over_pu']:+.1e} pu ({found['where_pu']}) and {power}, losses {found['losses_kw']:.2f} kW"
        )
    return "\n".join(lines)


def _told(check: AcCheck) -> dict[str, Any]:
    return {
        "over_pu": check.over_pu,
        "where_pu": check.where_pu,
        "over_kw": check.over_kw if np.isfinite(check.over_kw) else None,
        "where_kw": check.where_kw if np.isfinite(check.over_kw) else None,
        "lowest_pu": float(check.voltage.min()),
        "highest_pu": float(check.voltage.max()),
        "losses_kw": float(check.losses_kw.sum()),
    }

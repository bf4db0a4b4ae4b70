"""The state of a feeder at the end of a run: voltages, lines and prices, as plain data for the result and its figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..agents import AgentError, NetworkOperator
from ..protocols import Market
from .feeder_problem import FeederProblem

__all__ = ["feeder_state", "network_of", "without_limits"]

Floats = npt.NDArray[np.float64]


def network_of(market: Market) -> int | None:
    """Return which population of a market is one network operator; None where there is none, or several."""
    found = [k for k, p in enumerate(market.members) if isinstance(p.society, NetworkOperator)]
    return found[0] if len(found) == 1 and len(market.members[found[0]].society) == 1 else None


def feeder_state(market: Market, x: Sequence[Floats], price: Floats) -> dict[str, Any]:
    """Return the feeder of a market: buses and lines, the exact power flow, and the price of every port in its parts.

    Voltages and lines are those of the power flow with losses, whatever the operator counts; pu, kW, $/kWh.

    Parameters
    ----------
    market
    x : by population, (rows, periods) kW
    price : (L, periods) $/kWh, of every tie-line

    Returns
    -------
    feeder, buses, lines, parent, distance_ohm, limit_kw, v_min, v_max and losses, how the operator counts them; voltage,
    line_kw and losses_kw by period, null where no power flow exists; ports: by name bus, p, dlmp, energy, loss, congestion
    and voltage, by period. Empty where there is no network operator.
    """
    place = network_of(market)
    if place is None:
        return {}
    population = market.members[place]
    operator: Any = population.society
    fed, feeder = x[place], operator.grid.feeder
    flows = [network.flow(fed[1:, t]) for t, network in enumerate(operator.networks)]
    line, end = market.port_ends(population)
    names = [market.topology.microgrids[int(market.topology.lines[k, 1 - e])] for k, e in zip(line, end, strict=True)]
    told = {
        "feeder": str(feeder.name),
        "buses": list(map(str, feeder.buses)),
        "lines": list(map(str, feeder.line_names)),
        "parent": [int(bus) for bus in feeder.parent],
        "distance_ohm": [float(far) for far in feeder.distance_ohm()],
        "limit_kw": [float(limit) for limit in feeder.limit_kw],
        "v_min": float(operator.v_min[0, 0]),
        "v_max": float(operator.v_max[0, 0]),
        "losses": operator.losses,
        "voltage": [[float(v) for v in flow.voltage[:, 0]] for flow in flows],
        "line_kw": [[float(p) for p in flow.active[:, 0]] for flow in flows],
        "losses_kw": [float((operator.grid.r * flow.current).sum()) for flow in flows],
    }
    return told | {"ports": _ports(operator, names, fed, price[line])}


def _ports(operator: Any, names: Sequence[str], x: Floats, price: Floats) -> dict[str, dict[str, Any]]:
    """Name the parts of every port's price at which x stands, as the operator itself would at a firm pull to x."""
    asked = np.concatenate([np.zeros((1, x.shape[1])), price])
    firm = np.full((len(x), 1), max(1e-9, 1e-2 * float(np.abs(price).max(initial=0.0))))
    try:
        parts: Any = operator.signals(asked, x, firm)
    except AgentError:
        parts = None
    columns = ("dlmp", "energy", "loss", "congestion", "voltage")
    bus = operator.grid.feeder.buses
    return {
        name: {"bus": str(bus[int(operator.bus[k, 0])]), "p": [float(v) for v in x[1 + k]]}
        | {part: None if parts is None else [float(v) for v in getattr(parts, part)[k]] for part in columns}
        for k, name in enumerate(names)
    }


def without_limits(problem: FeederProblem) -> FeederProblem:
    """Return the same market on a feeder that carries everything and loses nothing: what the operator is there for."""
    feeder = problem.feeder
    values = {name: getattr(feeder, name) for name in feeder.__dataclass_fields__}
    free = type(feeder)(**(values | {"limit_kw": np.full(len(feeder.parent), np.inf)}))
    values = {name: getattr(problem, name) for name in problem.__dataclass_fields__}
    return FeederProblem(**(values | {"feeder": free, "v_min": 0.0, "v_max": 10.0, "loss_price": 0.0}))

"""The state of a feeder at the end of a run: voltages, lines and prices, as plain data for the result and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import AgentError, NetworkOperator
from ...protocols import Market
from ..common.errors import RunError
from ..judge.reference import central_solve
from .ac_check import ac_check, breaches
from .ports import NetworkPorts, network_ports

__all__ = ["feeder_state", "flow_text", "unasked"]

Floats = npt.NDArray[np.float64]

_TRUST_PU, _TRUST_KW = 1e-7, 1e-4


def feeder_state(market: Market, x: Sequence[Floats], price: Floats, *, solve: bool = False) -> dict[str, Any]:
    """Return the feeder of a market: buses and lines, the exact power flow, and the price of every port in its parts.

    Voltages and lines are those of the power flow with losses, whatever the operator counts; pu, kW, $/kWh.

    Parameters
    ----------
    market
    x : by population, (rows, periods) kW
    price : (B, periods) $/kWh, of every balance
    solve : also solve the market centrally without the network, to say what the network operator is there for

    Returns
    -------
    feeder, buses, lines, parent, distance_ohm, limit_kw, v_min, v_max and losses, how the operator counts them; with: what
    flows at x; without: what would flow without the network operator, where that was solved for; and ports: by name bus, p,
    dlmp, energy, loss, congestion and voltage, by period. Empty where there is no network operator.

    What flows is voltage, line_kw and losses_kw by period, null where no power flow exists, and by how much the worst
    voltage and line are beyond their limits, and where: over_pu, over_kw, where_pu, where_kw. With has another power
    flow's word on that too, if pandapower is installed: see `ac_check`.
    """
    ports = network_ports(market)
    if ports is None:
        return {}
    operator, fed = ports.operator, x[ports.population]
    feeder = operator.grid.feeder
    data = {
        "feeder": str(feeder.name),
        "buses": list(map(str, feeder.buses)),
        "lines": list(map(str, feeder.line_names)),
        "parent": [int(bus) for bus in feeder.parent],
        "distance_ohm": [float(far) for far in feeder.distance_ohm()],
        "limit_kw": [float(limit) for limit in feeder.limit_kw],
        "v_min": float(operator.v_min[0, 0]),
        "v_max": float(operator.v_max[0, 0]),
        "losses": operator.losses,
        "with": _flows(operator, fed) | _checked(operator, fed),
    }
    free = unasked(ports) if solve else None
    if free is not None:
        data["without"] = _flows(operator, free)
    return data | {"ports": _ports(operator, ports.names, fed, price[ports.balance])}


def _flows(operator: Any, x: Floats) -> dict[str, Any]:
    """Describe what flows, and what that breaks."""
    flows = [network.flow(x[1:, t]) for t, network in enumerate(operator.networks)]
    voltage, line_kw = (np.concatenate(c, axis=1) for c in zip(*((f.voltage, f.active) for f in flows), strict=True))
    over_pu, over_kw, where_pu, where_kw = breaches(operator, voltage, line_kw)
    return {
        "voltage": voltage.T.tolist(),
        "line_kw": line_kw.T.tolist(),
        "losses_kw": [float((operator.grid.r * flow.current).sum()) for flow in flows],
        **{"over_pu": over_pu, "where_pu": where_pu, "over_kw": over_kw, "where_kw": where_kw},
    }


def _checked(operator: Any, x: Floats) -> dict[str, Any]:
    """Say what pandapower finds, where it is installed."""
    if find_spec("pandapower") is None:
        return {}
    try:
        found = ac_check(operator, x)
    except RunError:
        return {"pandapower": None}
    return {"pandapower": {"over_pu": found.over_pu, "over_kw": found.over_kw, "losses_kw": found.losses_kw.tolist()}}


def unasked(ports: NetworkPorts) -> Floats | None:
    """Return what the ports would feed in, (rows, periods) kW, if lines carried everything and lost nothing.

    It is the central optimum of the market without losses and limits; None where there is none: see `central_solve`.
    """
    societies = [population.society for population in ports.market.populations]
    societies[ports.population] = _without_limits(ports.operator)
    best = central_solve(ports.market, societies)
    return None if best is None else best.x[ports.population]


def _without_limits(operator: Any) -> NetworkOperator:
    """Return the operator of the same connections on a feeder that carries everything and loses nothing."""
    feeder = operator.grid.feeder
    same = ("bus", "tan_phi", "export_max", "import_max", "wholesale", "load_factor", "source")
    return NetworkOperator(
        feeder=replace(feeder, limit_kw=np.full(len(feeder.parent), np.inf)),
        ports=operator.port_count,
        names=operator.names,
        v_min=0.0,
        v_max=10.0,
        **{name: getattr(operator, name) for name in same},
    )


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


def flow_text(data: Mapping[str, Any]) -> str:
    """Say in a sentence what flows on a feeder, from `feeder_state` as it stands in a result.

    >>> flow_text({"with": {"over_pu": -0.01, "over_kw": 0.0, "pandapower": None}})
    'voltages are within their limits, lines are within theirs; pandapower finds no power flow'
    """
    parts = [_broken(data["with"])]
    if "pandapower" in data["with"]:
        found = data["with"]["pandapower"]
        theirs = "finds no power flow" if found is None else f"says: {_broken(data['with'] | found)}"
        parts.append("pandapower says the same" if theirs == f"says: {parts[0]}" else f"pandapower {theirs}")
    if "without" in data:
        parts.append(f"without the network operator {_broken(data['without'])}")
    return "; ".join(parts)


def _broken(found: Mapping[str, Any]) -> str:
    """Say which limits are broken, and by how much; less than a power flow is trusted for counts for nothing."""
    if found["over_pu"] is None:
        return "no power flow exists"
    volts, line = "voltages are within their limits", "lines are within theirs"
    if found["over_pu"] > _TRUST_PU:
        volts = f"{found['where_pu']} is {found['over_pu']:.3g} pu beyond its limit"
    if found["over_kw"] is not None and found["over_kw"] > _TRUST_KW:  # None where no line has a limit
        line = f"{found['where_kw']} is {found['over_kw']:.3g} kW beyond its limit"
    return f"{volts}, {line}"

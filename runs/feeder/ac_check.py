"""The AC check: what a feeder's market makes of voltages and lines, computed by pandapower, independently of the agents."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import NetworkOperator
from ..common.errors import RunError

__all__ = ["AcCheck", "ac_check", "ac_flow", "breaches"]

Floats = npt.NDArray[np.float64]

_TOLERANCE_MVA = 1e-10
"""A tenth of a millionth of a kW; Newton's last step leaves far less, and below it large feeders have only rounding."""


@dataclass(frozen=True)
class AcCheck:
    """An AC power flow and what it breaks.

    Attributes
    ----------
    voltage : (n, periods) pu
    line_kw : (lines, periods) kW, active power where each line begins, at its end that is nearer to the source
    losses_kw : (periods,)
    over_pu : pu, by how much the worst voltage is outside its limits; zero or below where all are kept
    over_kw : kW, by how much the worst line is above its limit; -inf where no line has one
    where_pu, where_kw : the bus and the line where that is, with the period where there are several
    """

    voltage: Floats
    line_kw: Floats
    losses_kw: Floats
    over_pu: float
    over_kw: float
    where_pu: str
    where_kw: str


def ac_check(operator: NetworkOperator, x: Floats) -> AcCheck:
    """Check what the ports of one network operator feed in by pandapower's AC power flow (Newton's method).

    Parameters
    ----------
    operator : of one feeder
    x : (rows, periods) kW, as it would be answered

    Raises
    ------
    RunError
        pandapower is not installed, or finds no power flow.
    """
    feeder = operator.grid.feeder
    taken = []
    for t, network in enumerate(operator.networks):
        active, reactive = network.ports.injected(x[1:, t, None], len(feeder.buses))
        taken.append((network.load - active[:, 0], network.reactive - reactive[:, 0]))
    active, reactive = (np.stack(column, axis=1) for column in zip(*taken, strict=True))
    source = np.array([network.source for network in operator.networks])
    voltage, line_kw, losses_kw = ac_flow(feeder, active, reactive, source)
    return AcCheck(voltage, line_kw, losses_kw, *breaches(operator, voltage, line_kw))


def breaches(operator: NetworkOperator, voltage: Floats, line_kw: Floats) -> tuple[float, float, str, str]:
    """Return over_pu, over_kw, where_pu and where_kw of voltages (n, periods) pu and lines (lines, periods) kW."""
    feeder, limits = operator.grid.feeder, operator.networks[0].limits
    outside = np.maximum(limits.low - voltage, voltage - limits.high)[1:]
    above = np.abs(line_kw) - limits.line[:, None]
    bus, when = np.unravel_index(int(np.argmax(outside)), outside.shape)
    line, then = np.unravel_index(int(np.argmax(above)), above.shape)
    several = voltage.shape[1] > 1
    return (
        float(outside.max()),
        float(above.max()),
        f"bus {feeder.buses[bus + 1]}" + (f", period {when}" if several else ""),
        f"line {feeder.line_names[line]}" + (f", period {then}" if several else ""),
    )


def ac_flow(feeder: Any, active: Floats, reactive: Floats, source: Floats) -> tuple[Floats, Floats, Floats]:
    """Return voltages (n, periods) pu, lines' active powers (lines, periods) kW and losses (periods,) kW by pandapower.

    Parameters
    ----------
    feeder
    active, reactive : (n, periods) kW and kvar that are taken at each bus
    source : (periods,) pu

    Raises
    ------
    RunError
        pandapower is not installed, or finds no power flow.
    """
    try:
        with _quiet():
            import pandapower as pp
    except ImportError as error:
        raise RunError(f"the AC check needs pandapower ({error}): pip install gridparley[feeders]") from error
    import pandas as pd  # here: few runs are checked

    n, periods = active.shape
    voltage, line_kw, losses = np.empty((n, periods)), np.empty((n - 1, periods)), np.empty(periods)
    with _quiet():
        net = pp.create_empty_network(sn_mva=1.0)
        buses = list(map(int, pp.create_buses(net, n, vn_kv=float(feeder.base_kv))))
        # Written as a table: create_ext_grid, which adds a row to an empty one, fails under pandas 3.
        net["ext_grid"] = pd.DataFrame(
            {"name": [None], "bus": buses[:1], "vm_pu": 1.0, "va_degree": 0.0, "slack_weight": 1.0, "in_service": True}
        )
        ends = [buses[k] for k in feeder.parent], buses[1:]
        impedance = [float(r) for r in feeder.r_ohm], [float(x) for x in feeder.x_ohm]
        pp.create_lines_from_parameters(net, *ends, 1.0, *impedance, 0.0, 1e3)
        pp.create_loads(net, buses, 0.0, 0.0)
        for t in range(periods):
            net.ext_grid["vm_pu"] = float(source[t])
            net.load["p_mw"], net.load["q_mvar"] = active[:, t] / 1e3, reactive[:, t] / 1e3
            try:
                pp.runpp(net, algorithm="nr", tolerance_mva=_TOLERANCE_MVA, max_iteration=50, numba=False, init="flat")
            except pp.LoadflowNotConverged as error:
                raise RunError(f"pandapower finds no AC power flow of feeder {feeder.name} in period {t}") from error
            voltage[:, t] = net.res_bus.vm_pu.to_numpy()
            line_kw[:, t] = net.res_line.p_from_mw.to_numpy() * 1e3
            losses[t] = net.res_line.pl_mw.sum() * 1e3
    return voltage, line_kw, losses


def _quiet() -> warnings.catch_warnings[None]:
    """Silence warnings of pandapower that are for its own authors, such as those about pandas."""
    return warnings.catch_warnings(action="ignore")

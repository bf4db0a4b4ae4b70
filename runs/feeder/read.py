"""Reading feeders: those that come with the package, a table of one's own, or a network of pandapower."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ...agents import FeederError
from ...agents.network import Feeder, FeederLine
from ..common.csv_table import CsvTable, read_table

__all__ = ["FEEDERS", "from_pandapower", "load_feeder", "read_feeder"]

FEEDERS: Mapping[str, float] = {"toy": 0.4, "ieee33": 12.66, "ieee69": 12.66}
"""Feeders that come with the package, and their nominal voltages, kV."""

_WANTED = ("from", "to", "r_ohm", "x_ohm")
_OPTIONAL = {"limit_kw": math.inf, "p_kw": 0.0, "q_kvar": 0.0}
"""Columns that may be missing, or empty in some rows, and what that means."""


def load_feeder(name: str) -> Feeder:
    """Return a feeder that comes with the package: "toy", "ieee33" or "ieee69".

    Sources: data/README.md.

    Raises
    ------
    FeederError
        There is no such feeder.
    """
    if name not in FEEDERS:
        raise FeederError(f"no feeder is called {name!r}; wanted one of {', '.join(FEEDERS)}, or a CSV file")
    table = read_table(files(__package__) / "data" / f"{name}.csv", FeederError)
    return _from_table(table, name, FEEDERS[name])


def read_feeder(path: str | PathLike[str], base_kv: float, *, source: str | None = None) -> Feeder:
    """Read a feeder from a CSV file with one row a line.

    Columns: from, to, r_ohm, x_ohm (of the whole line), and where wanted limit_kw (empty: none), p_kw and q_kvar (the load at
    bus `to`).

    Parameters
    ----------
    path
    base_kv : kV, nominal voltage
    source : the bus at which the grid above feeds in; by default where the first line begins

    Raises
    ------
    FeederError
        The file cannot be read, lacks a column, has an unknown one or a cell that is no number, or is no radial feeder.
    """
    file = Path(path)
    return _from_table(read_table(file, FeederError), file.stem, base_kv, source)


def _from_table(table: CsvTable, name: str, base_kv: float, source: str | None = None) -> Feeder:
    wanted = ", ".join([*_WANTED, *_OPTIONAL])
    if missing := [column for column in _WANTED if column not in table.cells]:
        raise FeederError(f"{table.where}: column {missing[0]} is missing; wanted {wanted}")
    if unknown := [column for column in table.cells if column not in (*_WANTED, *_OPTIONAL)]:
        raise FeederError(f"{table.where}: there is no column {unknown[0]!r}; wanted {wanted}")
    starts, ends = table.cells["from"], table.cells["to"]
    for row, ways in enumerate(zip(starts, ends, strict=True)):
        if not all(ways):
            raise FeederError(f"{table.place(row)}: a line needs the names of both buses")
    number = {column: np.full(len(table), empty) for column, empty in _OPTIONAL.items()} | {
        column: table.numbers(column, empty=_OPTIONAL.get(column), finite=False)
        for column in table.cells
        if column not in ("from", "to")
    }
    r, x, limit, p, q = (number[column].tolist() for column in ("r_ohm", "x_ohm", "limit_kw", "p_kw", "q_kvar"))
    lines = [FeederLine(*line) for line in zip(starts, ends, r, x, limit, strict=True)]
    loads: dict[str, tuple[float, float]] = {}
    for end, kw, kvar in zip(ends, p, q, strict=True):
        if kw or kvar:
            active, reactive = loads.get(end, (0.0, 0.0))
            loads[end] = active + kw, reactive + kvar
    return Feeder.from_lines(name, base_kv, lines, loads, source=source)


def from_pandapower(net: Any, name: str = "") -> Feeder:
    """Read a radial network of pandapower: its lines in service behind closed switches, and its loads less what is fed in.

    What cables charge is left out, and lines may carry active power up to their max_i_ka at nominal voltage.

    Parameters
    ----------
    net : a pandapower network with one external grid and one voltage level
    name : by default the network's own

    Raises
    ------
    FeederError
        It has transformers, switches between buses, shunts, other sources of voltage or several voltage levels, or is not
        radial.
    """
    name = name or str(net.name) or "pandapower"
    used, kv = _checked(net, name)
    label = _labels(used)
    source = label[net.ext_grid[net.ext_grid.in_service].bus.iloc[0]]
    return Feeder.from_lines(name, kv, _lines(net, kv, label), _loads(net, label), source=source)


def _checked(net: Any, name: str) -> tuple[Any, float]:
    """Return the buses in service and their voltage, kV; refuse a network with anything else than lines and loads."""
    for table in ("trafo", "trafo3w", "impedance", "gen", "xward", "ward", "shunt", "dcline"):
        if table in net and len(net[table]) and bool(net[table].in_service.any()):
            raise FeederError(
                f"feeder {name}: net.{table} is not empty; wanted lines, loads and one external grid alone"
            )
    grids = net.ext_grid[net.ext_grid.in_service]
    if len(grids) != 1:
        raise FeederError(f"feeder {name}: net.ext_grid has {len(grids)} rows in service; wanted one")
    if bool((net.switch.et == "b").any()):
        raise FeederError(f"feeder {name}: net.switch joins two buses; wanted switches of lines alone: fuse the buses")
    used = net.bus[net.bus.in_service]
    levels = sorted(set(used.vn_kv.tolist()))
    if len(levels) != 1:
        raise FeederError(f"feeder {name}: net.bus.vn_kv has {levels}; wanted one voltage level")
    return used, levels[0]


def _lines(net: Any, kv: float, label: dict[Any, str]) -> list[FeederLine]:
    opened = set(net.switch.element[(net.switch.et == "l") & ~net.switch.closed].tolist())
    lines = []
    for number, line in net.line[net.line.in_service].iterrows():
        if number not in opened:
            r, x = (
                float(line[k]) * float(line.length_km) / float(line.parallel) for k in ("r_ohm_per_km", "x_ohm_per_km")
            )
            limit = float(line.max_i_ka) * float(line.df) * float(line.parallel) * math.sqrt(3.0) * kv * 1e3
            limit = math.inf if math.isnan(limit) else limit
            lines.append(FeederLine(label[line.from_bus], label[line.to_bus], r, x, limit))
    return lines


def _loads(net: Any, label: dict[Any, str]) -> dict[str, tuple[float, float]]:
    loads: dict[str, tuple[float, float]] = {}
    for table, sign in (("load", 1e3), ("sgen", -1e3)):
        rows = net[table][net[table].in_service]
        for bus, p, q, scaling in zip(rows.bus, rows.p_mw, rows.q_mvar, rows.scaling, strict=True):
            active, reactive = loads.get(label[bus], (0.0, 0.0))
            loads[label[bus]] = active + sign * p * scaling, reactive + sign * q * scaling
    return loads


def _labels(buses: Any) -> dict[Any, str]:
    """Names of buses by number: their own where these are all different, else the numbers."""
    names = [str(name) for name in buses.name]
    distinct = len(set(names)) == len(names) and all(names)
    return dict(zip(buses.index, names if distinct else map(str, buses.index), strict=True))

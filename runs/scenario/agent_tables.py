"""Agents and trades by table: CSV files in place of [[agent]] and [[trade]] tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...agents import Society
from ..common.csv_table import CsvTable, read_table
from ..common.errors import ScenarioError
from .build import agent_types
from .columns import profiles_file
from .profiles import HEADER, UNITS
from .settings import merge

__all__ = ["with_tables"]

Document = dict[str, Any]
_ABOUT = ("name", "type", "at")
"""Columns of a table of agents that are no facts; the balances in `at` stand with blanks between them."""


def with_tables(raw: Document, folder: Path | None) -> Document:
    """Return a scenario's file with the agents and trades of the CSV files that it names; its own tables go on top.

    ``agents = "FILE"`` has a row for each agent: name, type and at, where they are wanted, and facts with their unit,
    ``high [kW]``; an empty cell leaves a fact out. ``trades = { limit = "FILE", preference = "FILE" }`` has a square of
    agents for each fact of a trade, ``limit [kW]`` in its corner: the cell in row i, column j is the fact at i's end of the
    trade of i and j, and two agents trade where there are numbers for both their ends.

    Raises
    ------
    ScenarioError
        A file cannot be read, or a header, name, unit or cell in it is not what it should be; says which, and the line.
    """
    found: Document = {}
    if (name := raw.get("agents")) is not None:
        if not isinstance(name, str):
            raise ScenarioError(f"agents = {name!r}; wanted the name of a CSV file, or [[agent]] tables")
        found["agent"] = _agents(_read(name, folder))
    if (files := raw.get("trades")) is not None:
        if not isinstance(files, Mapping) or not files or not all(isinstance(one, str) for one in files.values()):
            raise ScenarioError(f'trades = {files!r}; wanted CSV files by fact, as in {{ limit = "limits.csv" }}')
        named = [*found.get("agent", []), *raw.get("agent", [])]
        found["trade"] = _trades({fact: _read(one, folder) for fact, one in files.items()}, named)
    return merge(found, {key: value for key, value in raw.items() if key not in ("agents", "trades")})


def _read(name: str, folder: Path | None) -> CsvTable:
    path = profiles_file(name, folder)
    return read_table(path, ScenarioError, where=path.name)


def _agents(table: CsvTable) -> list[Document]:
    """Return the rows of a table of agents as [[agent]] tables."""
    if "name" not in table.cells:
        raise ScenarioError(f"{table.where}: no column 'name'; there is {', '.join(table.cells)}")
    agents: list[Document] = [{"name": name} for name in table.cells["name"]]
    seen: set[str] = set()
    for k, agent in enumerate(agents):
        if not agent["name"]:
            raise ScenarioError(f"{table.place(k)}: name is empty; wanted what the agent is called")
        if agent["name"] in seen:
            raise ScenarioError(f"{table.place(k)}: name = {agent['name']!r} stands there twice")
        seen.add(agent["name"])
        if told := table.cells.get("type", [""] * len(agents))[k]:
            agent["type"] = told
        if at := table.cells.get("at", [""] * len(agents))[k].split():
            agent["at"] = at
    for header in table.cells:
        if header in _ABOUT:
            continue
        fact, unit, factor = _heading(header, table.where)
        numbers = table.numbers(header, empty=0.0, beside="name") * factor
        for k, agent in enumerate(agents):
            if table.cells[header][k]:
                _check_unit(agent, fact, unit, table.place(k))
                agent[fact] = float(numbers[k])
    return agents


def _trades(tables: Mapping[str, CsvTable], agents: list[Document]) -> list[Document]:
    """Return the trades that squares of agents tell, one square a fact."""
    known = {agent.get("name"): agent for agent in agents}
    trades: dict[tuple[str, str], Document] = {}
    for fact, table in tables.items():
        corner, *columns = table.cells
        name, unit, factor = _heading(corner, table.where)
        if name != fact:
            raise ScenarioError(f"{table.where}: {corner!r} stands in its corner; wanted {fact!r} and its unit")
        rows = {row: k for k, row in enumerate(table.cells[corner])}
        for end in (*rows, *columns):
            if end not in known:
                raise ScenarioError(f"{table.where}: no agent is called {end!r}; there is {', '.join(map(str, known))}")
            _check_unit(known[end], fact, unit, table.where)
        values = {column: table.numbers(column, empty=0.0, beside=corner) * factor for column in columns}
        told = {(row, column): None for row, k in rows.items() for column in columns if table.cells[column][k]}
        for row, column in told:
            if (column, row) not in told or row == column:
                wanted = "a number for the other end too" if row != column else "an empty cell"
                raise ScenarioError(f"{table.place(rows[row])}: {fact} of {row} with {column}; wanted {wanted}")
            between = (row, column) if (column, row) not in trades else (column, row)
            trade = trades.setdefault(between, {"between": list(between)})
            trade[fact] = [float(values[other][rows[one]]) for one, other in (between, between[::-1])]
    return list(trades.values())


def _heading(header: str, where: str) -> tuple[str, str, float]:
    """Return the name in a header, its unit among those of facts, and the factor that leads there."""
    found = HEADER.fullmatch(header)
    if found is None:
        raise ScenarioError(f"{where}: column {header!r} has no unit; wanted a fact and its unit: 'high [kW]'")
    unit = found["unit"].strip()
    return found["name"].strip(), *UNITS.get(unit, (unit, 1.0))


def _check_unit(agent: Document, fact: str, unit: str, where: str) -> None:
    """Refuse a unit that is not that of the fact, where the type is one that comes with the package."""
    types = agent_types(Society)
    known = types.get(agent.get("type", "Trader" if agent.get("at") else "PeerTrader"))
    if known is not None and fact in known.facts and known.facts[fact].unit != unit:
        raise ScenarioError(
            f"{where}: {fact} of {agent['name']} is in {unit!r}; {known.__name__} wants {known.facts[fact].unit}"
        )

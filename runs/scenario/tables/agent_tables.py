"""Agents and trades by table: CSV files in place of [[agent]] and [[trade]] tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common.csv_table import CsvTable, read_table
from ...common.errors import ScenarioError
from ...common.units import Heading, heading_of, unit_names
from ..known_types import TypeFinder
from ..settings.settings import merge
from .columns import profiles_file

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
        found["agent"] = _agents(_read(name, folder), TypeFinder(folder))
    if (files := raw.get("trades")) is not None:
        if not isinstance(files, Mapping) or not files or not all(isinstance(one, str) for one in files.values()):
            raise ScenarioError(f'trades = {files!r}; wanted CSV files by fact, as in {{ limit = "limits.csv" }}')
        own = raw.get("agent", [])
        listed = [one for one in own if isinstance(one, dict)] if isinstance(own, list) else []
        named = [*found.get("agent", []), *listed]
        squares = {fact: _read(one, folder) for fact, one in files.items()}
        found["trade"] = _trades(squares, named, TypeFinder(folder))
    return merge(found, {key: value for key, value in raw.items() if key not in ("agents", "trades")})


def _read(name: str, folder: Path | None) -> CsvTable:
    path = profiles_file(name, folder)
    return read_table(path, ScenarioError, where=path.name)


def _agents(table: CsvTable, types: TypeFinder) -> list[Document]:
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
    facts: list[str] = []
    for header in table.cells:
        if header in _ABOUT:
            continue
        heading = _heading(header, table.where)
        fact = heading.name
        if fact in (*_ABOUT, *facts):
            raise ScenarioError(f"{table.where}: two columns are called {fact!r}; give each a name of its own")
        facts.append(fact)
        numbers = table.numbers(header, empty=0.0, beside="name") * heading.factor
        for k, agent in enumerate(agents):
            if table.cells[header][k]:
                _check_unit(agent, heading, types, table.place(k))
                agent[fact] = float(numbers[k])
    return agents


def _trades(tables: Mapping[str, CsvTable], agents: list[Document], types: TypeFinder) -> list[Document]:
    """Return the trades that squares of agents tell, one square a fact."""
    known = {agent["name"]: agent for agent in agents if isinstance(agent.get("name"), str)}
    trades: dict[tuple[str, str], Document] = {}
    for fact, table in tables.items():
        corner, *columns = table.cells
        heading = _heading(corner, table.where)
        if heading.name != fact:
            raise ScenarioError(f"{table.where}: {corner!r} stands in its corner; wanted {fact!r} and its unit")
        rows: dict[str, int] = {}
        for k, row in enumerate(table.cells[corner]):
            if rows.setdefault(row, k) != k:
                raise ScenarioError(f"{table.place(k)}: {row} has a second row; wanted one each")
        for end in (*rows, *columns):
            if end not in known:
                raise ScenarioError(f"{table.where}: no agent is called {end!r}; there is {', '.join(map(str, known))}")
            _check_unit(known[end], heading, types, table.where)
        values = {column: table.numbers(column, empty=0.0, beside=corner) * heading.factor for column in columns}
        told = {(row, column): None for row, k in rows.items() for column in columns if table.cells[column][k]}
        for row, column in told:
            if (column, row) not in told or row == column:
                wanted = "a number for the other end too" if row != column else "an empty cell"
                raise ScenarioError(f"{table.place(rows[row])}: {fact} of {row} with {column}; wanted {wanted}")
            between = (row, column) if (column, row) not in trades else (column, row)
            trade = trades.setdefault(between, {"between": list(between)})
            trade[fact] = [float(values[other][rows[one]]) for one, other in (between, between[::-1])]
    return list(trades.values())


def _heading(header: str, where: str) -> Heading:
    return heading_of(header, where, ScenarioError, "a fact and its unit: 'high [kW]'")


def _check_unit(agent: Document, heading: Heading, types: TypeFinder, where: str) -> None:
    """Refuse a unit that is none of the fact's; a type that says no unit takes any."""
    known = types("agent", agent)
    fact = None if known is None else known.facts.get(heading.name)
    if known is not None and fact is not None and not heading.serves(fact.unit):
        raise ScenarioError(
            f"{where}: {fact.name} of {agent['name']} is in {heading.written!r}; {known.__name__} wants {unit_names(fact.unit)}"
        )

"""Faults as text: ``loss=0.3,from=20,to=60`` on the command line, tables in a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...environment.faults import Fault, fault_types
from ..common.errors import ScenarioError
from ..common.plugins import find_type
from ..common.toml_file import read_toml
from .settings.settings import parse_setting
from .validation import refuse_flags, short, validated

__all__ = ["fault_tables", "read_fault", "read_fault_file", "read_fault_table"]


def read_fault(text: str) -> dict[str, Any]:
    """Turn ``KIND=VALUE[,param=value...]`` into a table.

    >>> read_fault("duplicate=0.2,from=20,to=60")
    {'kind': 'duplicate', 'probability': 0.2, 'from': 20, 'to': 60}
    """
    first, *others = (part.strip() for part in text.split(","))
    kind, value = parse_setting(first) if "=" in first else (first, None)
    found = find_type(kind, fault_types(), Fault, where="fault")
    table: dict[str, Any] = {"kind": kind}
    if value is not None:
        if not found.value:
            raise ScenarioError(f"fault {text!r}: {kind} takes no value; write {kind},param=value")
        table[found.value] = value
    for other in others:
        if "=" not in other:
            raise ScenarioError(f"fault {text!r}: {other!r} is no parameter; wanted PARAM=VALUE, as in from=20")
        key, setting = parse_setting(other)
        if key in table:
            raise ScenarioError(f"fault {text!r}: {key} is given twice")
        table[key] = setting
    return table


def read_fault_table(table: Mapping[str, Any], where: str, folder: Path | None = None) -> Fault:
    """Build a fault from a table with its `kind` and its parameters.

    Raises
    ------
    ScenarioError
        The kind or a parameter is unknown, or a value is not allowed.
    """
    values = dict(table)
    kind = values.pop("kind", None)
    if not isinstance(kind, str):
        raise ScenarioError(f"{where}: kind is {kind!r}; wanted one of {', '.join(fault_types())}")
    found = find_type(kind, fault_types(), Fault, where=f"{where}.kind", folder=folder)
    # Python calls them otherwise, since `from` is a keyword; in a file each has one name, by which figures find it too.
    for other, name in (("start", "from"), ("end", "to")):
        if other in values:
            raise ScenarioError(
                f"fault {kind}: {other} = {values[other]!r}: there is no such field; did you mean {name!r}?"
            )
    refuse_flags(values, found, f"fault {kind}")
    return validated(found, values, f"fault {kind}")


def read_fault_file(path: Path) -> list[dict[str, Any]]:
    """Read the ``[[fault]]`` tables of a TOML file.

    Raises
    ------
    ScenarioError
        The file is not there, not TOML, or holds anything else.
    """
    raw = read_toml(path, f"fault schedule {path}")
    if set(raw) != {"fault"} or not isinstance(raw["fault"], list):
        raise ScenarioError(f"fault schedule {path} holds {', '.join(raw) or 'nothing'}; wanted [[fault]] tables only")
    return fault_tables(raw["fault"], f"fault schedule {path}: ")


def fault_tables(given: Any, where: str) -> list[dict[str, Any]]:
    """Return [[fault]] tables as they were given.

    Raises
    ------
    ScenarioError
        They are no list, or one is no table.
    """
    if not isinstance(given, list):
        raise ScenarioError(f"{where}fault = {short(given)}; wanted [[fault]] tables")
    for k, table in enumerate(given):
        if not isinstance(table, Mapping):
            raise ScenarioError(f"{where}fault[{k}] = {short(table)}; wanted a [[fault]] table, with a kind")
    return [dict(table) for table in given]

"""Faults as text: ``loss=0.3,from=20,to=60`` on the command line, tables in a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...environment.faults import Fault, fault_types
from ..common.errors import ScenarioError
from ..common.plugins import find_type
from .settings import parse_setting
from .validation import explain, refuse_flags

__all__ = ["read_fault", "read_fault_file", "read_fault_table"]


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
    try:
        return found.model_validate(values)
    except ValidationError as error:
        raise ScenarioError(f"fault {kind}: {explain(error, found)}") from None


def read_fault_file(path: Path) -> list[dict[str, Any]]:
    """Read the ``[[fault]]`` tables of a TOML file.

    Raises
    ------
    ScenarioError
        The file is not there, not TOML, or holds anything else.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"fault schedule {path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"fault schedule {path} is not TOML: {error}") from None
    if set(raw) != {"fault"} or not isinstance(raw["fault"], list):
        raise ScenarioError(f"fault schedule {path} holds {', '.join(raw) or 'nothing'}; wanted [[fault]] tables only")
    return [dict(table) for table in raw["fault"]]

"""What must stand in a record's header and commands before anything else is read: a record may come from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, Strict, TypeAdapter, ValidationError

from ...common.errors import RunError

__all__ = ["read_commands", "read_header"]

Count = Annotated[int, Field(ge=0)]
Pair = Annotated[list[str], Field(min_length=2, max_length=2)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Kind(_Open):
    name: str
    labels: list[str]
    fields: list[Annotated[tuple[str, Count, str], Strict(False)]]


class _BalanceKind(_Open):
    ask: str
    place: bool


class _File(_Open):
    path: str
    source: str
    sha256: str
    text: str


class _Header(_Open):
    code_version: str
    name: str
    scenario: str
    scenario_hash: str
    protocol: str
    seed: int
    ticks: Count
    one_by_one: bool
    command: list[str]
    reference: bool | None
    periods: Annotated[int, Field(ge=1)]
    homes: list[str]
    coordinators: Count
    balances: list[str]
    balance_kinds: list[_BalanceKind]
    positions: list[list[float]] | None
    populations: list[str]
    columns: list[str]
    metrics: dict[str, str]
    units: dict[str, str]
    labels: list[Pair]
    kinds: list[_Kind]
    files: list[_File] = []


class _Command(_Open):
    tick: Count
    add: list[dict[str, Any]]
    end: list[str]


_HEADER, _COMMAND = TypeAdapter(_Header), TypeAdapter(_Command)


def read_header(path: Path, rows: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """Return the header of a record.

    Parameters
    ----------
    path : of the record
    rows : key and JSON

    Raises
    ------
    RunError
        A key is missing, or what stands there is not what belongs there; says which.
    """
    header = {str(key): _json(path, f"header {key}", text) for key, text in rows}
    _check(path, "header", _HEADER, header)
    header.setdefault("files", [])  # a record by an older release keeps none
    return header


def read_commands(path: Path, texts: Iterable[Any]) -> list[dict[str, Any]]:
    """Return what was changed while a run was going.

    Raises
    ------
    RunError
        A command is no JSON, or not a tick, faults to add and names of faults to end; says which.
    """
    found = []
    for number, text in enumerate(texts):
        command = _json(path, f"command {number}", text)
        _check(path, f"command {number}", _COMMAND, command)
        found.append(command)
    return found


def _json(path: Path, where: str, text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error) or type(error).__name__
        raise RunError(f"{path}: is damaged, and was left as it is ({where}: {reason[:200]})") from None


def _check(path: Path, where: str, wanted: TypeAdapter[Any], value: Any) -> None:
    try:
        wanted.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = " ".join([where, *map(str, first["loc"])])
        raise RunError(f"{path}: is damaged, and was left as it is ({place}: {first['msg']})") from None

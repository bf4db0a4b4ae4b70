"""Settings: ``K=V`` changes every field of a scenario whose path ends in K."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from ..common.errors import ScenarioError, nearest

__all__ = ["apply_setting", "merge", "parse_setting"]

Document = dict[str, Any]

_NAMED_BY = {
    "microgrid": "name",
    "prosumer": "name",
    "tie_line": "between",
    "balance": "name",
    "agent": "name",
    "trade": "between",
}


def parse_setting(text: str) -> tuple[str, Any]:
    """Split ``K=V``; V is read as a TOML value where it is one, else as text.

    >>> parse_setting("alpha=0.5"), parse_setting("topology=ring")
    (('alpha', 0.5), ('topology', 'ring'))
    """
    if not isinstance(text, str):
        raise ScenarioError(f"setting {text!r}: wanted a text K=V, as in step_size=0.2")
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ScenarioError(f"setting {text!r}: wanted K=V, as in step_size=0.2 or A.operator.pv=0.7")
    try:
        return key.strip(), tomllib.loads(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def apply_setting(document: Document, key: str, value: Any) -> list[tuple[str, ...]]:
    """Change, in place, every field whose path ends in `key`; an agent's table also takes a new field by its full path.

    Paths read ``run.ticks``, ``protocol.dual_decomposition.step_size``, ``microgrid.A.operator.pv``, ``microgrid.A.load.beta``,
    ``tie_line.A-B.alpha``, ``balance.pool.price``, ``agent.plant.high``, ``trade.a-b.limit``.

    Returns
    -------
    the paths of what was changed

    Raises
    ------
    ScenarioError
        No field fits; the message names the nearest ones.
    """
    wanted = tuple(key.split("."))
    fields = list(_fields(document, ()))
    fitting = [field for field in fields if field[0][-len(wanted) :] == wanted]
    if not fitting and len(wanted) > 1:
        # A fact with a default stands nowhere in the file, but its agent's table does.
        tables = list(_tables(document, ()))
        fitting = [
            ((*path, wanted[-1]), table, wanted[-1])
            for path, table in tables
            if path and path[1 - len(wanted) :] == wanted[:-1]
        ]
    if not fitting:
        ends = {".".join(path[k:]) for path, _, _ in fields for k in range(len(path))}
        near = nearest(key, sorted(ends), 3) or sorted({path[-1] for path, _, _ in fields})
        raise ScenarioError(f"setting {key!r}: no field of this scenario is called that; there is {', '.join(near)}")
    for _, holder, name in fitting:
        holder[name] = value
    return [path for path, _, _ in fitting]


def _label(table: Mapping[str, Any], by: str, position: int) -> str:
    label = table.get(by, position)
    return "-".join(map(str, label)) if isinstance(label, list | tuple) else str(label)


def _identity(table: Mapping[str, Any], by: str, position: int) -> Any:
    """What two tables have in common that are about the same thing; labels of tie-lines may coincide, their ends do not."""
    name = table.get(by, position)
    return tuple(name) if isinstance(name, list | tuple) else name


def _tables(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Document]]:
    """Every table with its path; tables in a list go by their name, and a prosumer stands directly in its microgrid."""
    yield path, node
    for key, child in node.items():
        if isinstance(child, dict):
            yield from _tables(child, (*path, key))
        elif isinstance(child, list) and key in _NAMED_BY:
            for position, table in enumerate(child):
                step = (_label(table, _NAMED_BY[key], position),)
                yield from _tables(table, path + step if key == "prosumer" else (*path, key, *step))


def _fields(document: Document, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Document, str]]:
    for place, table in _tables(document, path):
        if place[:1] == ("report",):
            continue
        for key, child in table.items():
            if not isinstance(child, dict) and key not in _NAMED_BY:
                yield (*place, key), table, key


def _tables_only(value: Any) -> TypeGuard[list[Document]]:
    return isinstance(value, list) and all(isinstance(table, dict) for table in value)


def merge(base: Document, change: Document) -> Document:
    """Return `base` with `change` on top: tables merge, lists of named tables merge by name, everything else is replaced."""
    merged = dict(base)
    for key, value in change.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = merge(old, value)
        elif _tables_only(old) and _tables_only(value) and key in _NAMED_BY and key != "prosumer":
            named = {_identity(table, _NAMED_BY[key], k): table for k, table in enumerate(old)}
            for k, table in enumerate(value):
                name = _identity(table, _NAMED_BY[key], len(old) + k)
                named[name] = merge(named[name], table) if name in named else table
            merged[key] = list(named.values())
        else:
            merged[key] = value
    return merged

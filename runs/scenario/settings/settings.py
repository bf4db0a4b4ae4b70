"""Settings: ``K=V`` changes every field of a scenario whose path ends in K; a file changes what its base says."""

from __future__ import annotations

from typing import Any, TypeGuard

from ...common.errors import ScenarioError, nearest
from ...common.toml_file import toml_value
from ..known_types import AGENT_SORTS, TypeFinder
from ..validation import short
from .changes import Change
from .fields import NAMED_BY, Document, Field, Place, fields, places

__all__ = ["apply_setting", "merge", "parse_setting"]


def parse_setting(text: str) -> tuple[str, Any]:
    """Split ``K=V``; V is read as a TOML value where it is one, else as text.

    >>> parse_setting("alpha=0.5"), parse_setting("topology=ring")
    (('alpha', 0.5), ('topology', 'ring'))
    """
    if not isinstance(text, str):
        raise ScenarioError(f"setting {text!r}: wanted a text K=V, as in step_size=0.2")
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ScenarioError(f"setting {short(text)}: wanted K=V, as in step_size=0.2 or A.operator.pv=0.7")
    return key.strip(), toml_value(value.strip(), f"setting {short(text)}")


def apply_setting(document: Document, key: str, value: Any, types: TypeFinder) -> list[Change]:
    """Change, in place, every field that `key` means; an agent's table also takes a new field by its full path.

    Paths read ``run.ticks``, ``protocol.dual_decomposition.step_size``, ``microgrid.A.operator.pv``, ``microgrid.A.load.beta``,
    ``tie_line.A-B.alpha``, ``balance.pool.price``, ``agent.plant.high``, ``trade.a-b.limit``. A key is the end of a path, or a
    sort of tables or a type of agents and a name: ``prosumer.beta``, ``tie_line.alpha``, ``SquareRootLoad.beta``.

    A changed `type` drops the facts that only the old type has.

    Returns
    -------
    what was changed and dropped

    Raises
    ------
    ScenarioError
        No field fits, and the message names the nearest ones; or the fields that fit mean different things.
    """
    if not isinstance(key, str):
        raise ScenarioError(f"setting {key!r}: wanted the name of a field, as in step_size")
    every = list(fields(document))
    fitting = [field for field in every if field.called(key)]
    table, dot, name = key.rpartition(".")
    if not fitting and dot and name not in NAMED_BY:
        # A fact with a default stands nowhere in the file, but its agent's table does.
        found = [place for place in places(document) if f".{'.'.join(place.path)}".endswith(f".{table}")]
        fitting = [Field(place, name) for place in found if place.path[:1] != ("report",)]
    if not fitting:
        raise ScenarioError(_unknown(key, every))
    fitting = _of_one_thing(key, fitting, document, types)
    by = f"setting {key}={value if isinstance(value, str) else short(value)}"
    return [change for field in fitting for change in _set(field, value, by, types)]


def _unknown(key: str, every: list[Field]) -> str:
    ends = {
        ".".join(parts[k:]) for field in every for parts in [(*field.place.path, field.name)] for k in range(len(parts))
    }
    near = nearest(key[:200], sorted(ends), 3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    names = ", ".join(sorted({field.name for field in every}))
    return f"setting {short(key)}: no field of this scenario is called that{hint} There is {names}"


def _of_one_thing(key: str, fitting: list[Field], document: Document, types: TypeFinder) -> list[Field]:
    """Return the fields that fit, or refuse them where a user cannot mean them all."""
    chosen = f"protocol.{document['run']['protocol']}"
    if any(field.place.sort == chosen for field in fitting):
        # Options of protocols that do not run are meant only where the protocol is named.
        others = [field for field in fitting if not field.place.sort.startswith("protocol.")]
        fitting = [field for field in fitting if field.place.sort == chosen] + others
    things: dict[tuple[str, str], Field] = {}
    for field in fitting:
        things.setdefault(field.thing(types), field)
    if len(things) == 1:
        return fitting
    sorts = [sort for sort, _ in things]
    choices = [
        (field.label if sorts.count(sort) == 1 else field.of_type()) if field.label != key else field.path
        for (sort, _), field in things.items()
    ]
    raise ScenarioError(
        f"setting {key!r} means fields of different things: {', '.join(sorted(choices))}; wanted one of these names"
    )


def _set(field: Field, value: Any, by: str, types: TypeFinder) -> list[Change]:
    table, sort = field.place.table, field.place.sort
    old = types(sort, table)
    default = old.facts[field.name].default if old is not None and field.name in old.facts else None
    changes = [Change(by, field.path, table.get(field.name, default), value, field.agents)]
    table[field.name] = value
    return changes + (_dropped(field.place, old, by, types) if field.name == "type" else [])


def _dropped(place: Place, old: Any, by: str, types: TypeFinder, told: Document | None = None) -> list[Change]:
    """Drop from a table, whose type is new, the facts that only its old type has, or has in another unit.

    `told` has the facts that came with the new type, which stay.
    """
    new = types(place.sort, place.table)
    if old is None or new is None or old is new:
        return []
    changes = []
    for name in [name for name in place.table if name in old.facts and name not in (told or {})]:
        fact, was = new.facts.get(name), old.facts[name]
        if fact is not None and (fact.unit == was.unit or not fact.unit or not was.unit):
            continue
        unlike = "has no such fact" if fact is None else f"wants it in {fact.unit} and not in {was.unit}"
        field = Field(place, name)
        why = f"for its type is {new.__name__} now, which {unlike}"
        changes.append(Change(by, field.path, place.table.pop(name), None, field.agents, why))
    return changes


def _identity(table: Document, by: str, position: int) -> Any:
    """What two tables have in common that are about the same thing; labels of tie-lines may coincide, their ends do not."""
    name = table.get(by)
    if isinstance(name, list) and all(isinstance(end, str) for end in name):
        return tuple(name)
    return name if isinstance(name, str) else position  # what is no name at all is refused later


def _tables_only(value: Any) -> TypeGuard[list[Document]]:
    return isinstance(value, list) and all(isinstance(table, dict) for table in value)


def merge(
    base: Document, change: Document, types: TypeFinder | None = None, by: str = "", changes: list[Change] | None = None
) -> Document:
    """Return `base` with `change` on top: tables merge, lists of named tables merge by name, everything else is replaced.

    Parameters
    ----------
    base, change
    types : finds the types of agents; with it a changed type drops the facts that only the old one has
    by : what `changes` calls what changes
    changes : takes what was dropped
    """
    return _Merge(types, by, [] if changes is None else changes).merge(Place((), base, ""), change)


class _Merge:
    def __init__(self, types: TypeFinder | None, by: str, changes: list[Change]) -> None:
        self._types, self._by, self._changes = types, by, changes

    def merge(self, place: Place, change: Document) -> Document:
        merged = dict(place.table)
        for key, value in change.items():
            old = merged.get(key)
            if isinstance(old, dict) and isinstance(value, dict):
                merged[key] = self.merge(Place((*place.path, key), old, key), value)
            elif _tables_only(old) and _tables_only(value) and key in NAMED_BY and key != "prosumer":
                merged[key] = self._lists((*place.path, key), key, old, value)
            else:
                merged[key] = value
        if place.sort in AGENT_SORTS and self._types is not None and "type" in change:
            was = self._types(place.sort, place.table)
            self._changes += _dropped(Place(place.path, merged, place.sort), was, self._by, self._types, change)
        return merged

    def _lists(self, path: tuple[str, ...], key: str, old: list[Document], new: list[Document]) -> list[Document]:
        by = NAMED_BY[key]
        named = {_identity(table, by, k): table for k, table in enumerate(old)}
        for k, table in enumerate(new):
            name = _identity(table, by, len(old) + k)
            label = "-".join(name) if isinstance(name, tuple) else str(name)
            known = Place((*path, label), named[name], key) if name in named else None
            named[name] = table if known is None else self.merge(known, table)
        return list(named.values())

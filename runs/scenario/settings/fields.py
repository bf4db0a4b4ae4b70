"""Fields of a scenario: where each one stands, what it is about, and by which names a setting finds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..known_types import AGENT_SORTS, TypeFinder

__all__ = ["NAMED_BY", "Document", "Field", "Place", "fields", "places"]

Document = dict[str, Any]

NAMED_BY = {
    "microgrid": "name",
    "prosumer": "name",
    "tie_line": "between",
    "balance": "name",
    "agent": "name",
    "trade": "between",
}
"""Lists of tables, and by which of its fields a table in one is called."""

_NO_FACTS = ("type", "name", "count", "at")


@dataclass(frozen=True)
class Place:
    """A table of a scenario.

    Attributes
    ----------
    path : such as ("microgrid", "A", "load")
    table : itself
    sort : what its fields are about: run, generate, protocol.NAME, microgrid, operator, prosumer, tie_line, agent, ...
    """

    path: tuple[str, ...]
    table: Document
    sort: str


@dataclass(frozen=True)
class Field:
    """A field of a table, which may not be there yet."""

    place: Place
    name: str

    @property
    def path(self) -> str:
        """Where it stands, such as "microgrid.A.load.beta"."""
        return ".".join((*self.place.path, self.name))

    @property
    def label(self) -> str:
        """What all fields of its name and sort are called together, such as "prosumer.beta"."""
        return ".".join(filter(None, (self.place.sort, self.name)))

    def of_type(self) -> str:
        """Return what all fields of its name and agent type are called together, such as "SquareRootLoad.beta"."""
        return f"{str(self.place.table.get('type', '')).rpartition(':')[2]}.{self.name}"

    def called(self, key: str) -> bool:
        """Tell whether a key means this field: the end of its path, or all fields of a sort or of an agent type."""
        return f".{self.path}".endswith(f".{key}") or key == self.label or (self.is_fact and key == self.of_type())

    @property
    def is_fact(self) -> bool:
        """Whether an agent is given it."""
        return self.place.sort in AGENT_SORTS and self.name not in _NO_FACTS

    def thing(self, types: TypeFinder) -> tuple[str, str]:
        """Return what fields have in common that mean the same: the sort of table, and of facts the unit."""
        if self.name == "periods":
            return "periods", ""  # a scenario and its generator count the same ones
        cls = types(self.place.sort, self.place.table) if self.is_fact else None
        fact = None if cls is None else cls.facts.get(self.name)
        return self.place.sort, "" if fact is None else fact.unit

    @property
    def agents(self) -> int:
        """How many agents it is about; 0 where it is about something else."""
        count = self.place.table.get("count", 1)
        return (count if isinstance(count, int) else 1) if self.place.sort in AGENT_SORTS else 0


def places(node: Any, path: tuple[str, ...] = (), sort: str = "") -> Iterator[Place]:
    """Yield every table with its path; tables in a list go by their name, and a prosumer stands directly in its microgrid."""
    yield Place(path, node, sort)
    for key, child in node.items():
        if isinstance(child, dict):
            inner = f"protocol.{key}" if sort == "protocol" else key
            yield from places(child, (*path, key), inner)
        elif isinstance(child, list) and key in NAMED_BY:
            for position, table in enumerate(child):
                step = (_label(table, NAMED_BY[key], position),)
                yield from places(table, path + step if key == "prosumer" else (*path, key, *step), key)


def fields(document: Document) -> Iterator[Field]:
    """Yield every field but those of the report."""
    for place in places(document):
        if place.path[:1] == ("report",):
            continue
        for key, child in place.table.items():
            if not isinstance(child, dict) and key not in NAMED_BY:
                yield Field(place, key)


def _label(table: Mapping[str, Any], by: str, position: int) -> str:
    label = table.get(by, position)
    return "-".join(map(str, label)) if isinstance(label, list | tuple) else str(label)

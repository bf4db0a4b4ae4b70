"""What a graph must be to become a topology; each refusal says what stood there and where."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from numbers import Integral
from typing import TYPE_CHECKING, Any

from .errors import TopologyError

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["checked_graph", "checked_members"]


def checked_graph(graph: Any) -> None:
    """Refuse a graph that is not one connected, simple, undirected piece with distinct, plain names."""
    import networkx as nx  # here: it takes long to load, and is not needed to list what there is

    if not isinstance(graph, nx.Graph):
        raise TopologyError(f"a topology is read from a networkx.Graph, not from {type(graph).__name__}")
    if graph.is_directed():
        raise TopologyError(
            "the graph is directed; a tie-line carries power both ways, so give an undirected networkx.Graph"
        )
    if graph.number_of_nodes() == 0:
        raise TopologyError("the graph is empty; a topology needs at least one microgrid")
    _check_names(graph)
    if graph.is_multigraph():
        seen: set[frozenset[Any]] = set()
        for a, b in graph.edges():
            if frozenset((a, b)) in seen:
                raise TopologyError(
                    f"parallel tie-lines between {a} and {b}: one line is allowed between two microgrids; add up their limits"
                )
            seen.add(frozenset((a, b)))
    lines: dict[str, tuple[Any, Any]] = {}
    place = {node: number for number, node in enumerate(graph.nodes)}
    for a, b in graph.edges():
        ends = (a, b) if place[a] <= place[b] else (b, a)
        name = f"{ends[0]}-{ends[1]}"
        if name in lines:
            one, two = (f"{x!s} to {y!s}" for x, y in (lines[name], ends))
            raise TopologyError(f"two tie-lines would be called {name!r}, {one} and {two}: rename a microgrid")
        lines[name] = ends
    if loop := next(iter(nx.selfloop_edges(graph)), None):
        raise TopologyError(f"tie-line from {loop[0]} to itself: a tie-line joins two different microgrids")
    pieces = list(nx.connected_components(graph))
    if len(pieces) > 1:
        shown = "; ".join("{" + ", ".join(islice(map(str, sorted(p, key=str)), 5)) + "}" for p in pieces[:3])
        raise TopologyError(f"the graph is in {len(pieces)} pieces ({shown}): no tie-line joins them")


def _check_names(graph: nx.Graph) -> None:
    names: dict[str, Any] = {}
    for node in graph.nodes:
        name = str(node)
        if name in names:
            raise TopologyError(f"two microgrids are called {name!r}: {names[name]!r} and {node!r}")
        if not name or not _plain(name):
            raise TopologyError(
                f"microgrid name {name!r}: a name is printable and holds none of . * ? [ ] > or a space"
            )
        names[name] = node


def _plain(name: str) -> bool:
    return name.isprintable() and not any(c in name for c in ".*?[]> ")


def checked_members(graph: nx.Graph, *, hub_name: str, terminal: str) -> list[dict[str, int]]:
    """Return each microgrid's members as {group name: count}, refusing counts and names that cannot be."""
    members: list[dict[str, int]] = []
    for node, counts in graph.nodes(data="members"):
        if not isinstance(counts, Mapping) or not counts:
            raise TopologyError(
                f"microgrid {node}: node attribute 'members' is {counts!r}; wanted e.g. {{'{terminal}': 1, 'load': 3}}"
            )
        for name, count in counts.items():
            if not isinstance(name, str) or name in ("", hub_name) or name.isdigit() or not _plain(name):
                raise TopologyError(
                    f"microgrid {node}: member name {name!r}; a name is text without . * ? [ ] > or spaces, "
                    f"no number, and not {hub_name!r}"
                )
            if isinstance(count, bool) or not isinstance(count, Integral) or int(count) < 0:
                raise TopologyError(
                    f"microgrid {node}: {count!r} members called {name!r}; wanted a whole number, 0 or more"
                )
        if graph.degree(node) and counts.get(terminal, 0) != 1:
            raise TopologyError(
                f"microgrid {node}: {counts.get(terminal, 0)} members called {terminal!r}; its tie-lines end at exactly one"
            )
        if not sum(counts.values()):
            raise TopologyError(f"microgrid {node} has no members; wanted at least one")
        members.append({name: int(count) for name, count in counts.items() if count})
    return members

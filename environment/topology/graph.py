"""The front door for microgrids: a networkx graph of them becomes a topology, or is refused with what stood where."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import TopologyError
from .balances import BALANCE_KINDS, BalanceKind
from .groups import Group

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["balance_kind", "plain", "read_graph"]


def read_graph(graph: nx.Graph, *, coordinator: str = "virtual", operator: str = "operator") -> dict[str, Any]:
    """Return what `Topology.build` wants, of a graph of microgrids in one piece or several.

    A node is a microgrid: its members meet at its bus, which its coordinator keeps. An edge is a tie-line between the
    operators of two microgrids, a balance with two rows; the coordinator of the microgrid that comes first keeps it.

    Parameters
    ----------
    graph
        Nodes are microgrids (any hashable; its ``str`` is the name). The node attribute ``members`` maps the name of a
        group of members to how many there are; the group called `operator` has exactly one agent wherever a tie-line ends.
        With the node attribute ``bus = False`` nothing meets there: its one operator has only what the edges give it. The
        attribute ``balance`` of an edge names its kind, by default ``"tie_line"``.
    coordinator, operator : what agents of these two roles are called

    Raises
    ------
    TopologyError
        The graph is empty, directed, has parallel tie-lines or a line from a microgrid to itself, or a microgrid lacks
        members; the message says which and where.
    """
    _check_graph(graph)
    homes = [str(node) for node in graph.nodes]
    members = _checked_members(graph, coordinator, operator)
    place = {node: home for home, node in enumerate(graph.nodes)}
    lines = sorted(
        (*sorted((place[a], place[b])), data.get("balance", "tie_line")) for a, b, data in graph.edges(data=True)
    )
    bus = np.array([bool(has) for _, has in graph.nodes(data="bus", default=True)])
    ends = np.array([line[:2] for line in lines], dtype=np.int64).reshape(-1, 2)
    groups, operators, member_rows = _groups(homes, members, operator, len(homes))
    at_bus = member_rows[:, bus[member_rows[1]]]  # agents and their homes
    balance_of_bus = np.cumsum(bus) - 1
    kinds = ["bus"] * int(bus.sum()) + [line[2] for line in lines]
    known = list(dict.fromkeys(kinds))
    count = int(bus.sum())
    # A line's row is the next of its operator's, whose first is for its bus.
    end, line = ends.ravel(), np.repeat(np.arange(len(ends)), 2)
    order = np.lexsort((line, end))
    each = np.bincount(end, minlength=len(homes))
    port = np.empty(len(end), dtype=np.int64)
    port[order] = np.arange(len(end)) - np.repeat(np.cumsum(each) - each, each)
    return dict(
        homes=homes,
        coordinators=[f"{home}.{coordinator}" for home in homes],
        groups=groups,
        kinds=[balance_kind(name, "a tie-line") for name in known],
        balances=[
            *(homes[home] for home in np.flatnonzero(bus).tolist()),
            *(f"{homes[i]}-{homes[j]}" for i, j in ends.tolist()),
        ],
        kind=[known.index(name) for name in kinds],
        coordinator=np.concatenate([np.flatnonzero(bus), ends[:, 0]]),
        slack=np.concatenate([operators[np.flatnonzero(bus)], np.full(len(ends), -1)]),
        rows=(
            np.concatenate([at_bus[0], operators[end]]),
            np.concatenate([np.zeros(at_bus.shape[1], dtype=np.int64), 1 + port]),
            np.concatenate([balance_of_bus[at_bus[1]], count + line]),
        ),
    )


def balance_kind(kind: Any, where: str) -> BalanceKind:
    """Return the kind of a balance, given itself or by name.

    Raises
    ------
    TopologyError
    """
    if isinstance(kind, BalanceKind):
        return kind
    if kind not in BALANCE_KINDS:
        raise TopologyError(
            f"{where} is a balance of kind {kind!r}; wanted {', '.join(BALANCE_KINDS)}, or a BalanceKind"
        )
    return BALANCE_KINDS[kind]


def _groups(
    homes: list[str], members: list[dict[str, int]], operator: str, start: int
) -> tuple[list[Group], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the groups by name and home, the address of each home's operator, and (2, n) every member and its home."""
    groups: list[Group] = []
    operators = np.full(len(homes), -1, dtype=np.int64)
    for name in dict.fromkeys(name for counts in members for name in counts):
        for home, counts in enumerate(members):
            if count := counts.get(name, 0):
                groups.append(Group(home, f"{homes[home]}.{name}", start, count))
                if name == operator:
                    operators[home] = start
                start += count
    address = np.concatenate([np.arange(g.start, g.start + g.count) for g in groups])
    return groups, operators, np.stack([address, np.repeat([g.home for g in groups], [g.count for g in groups])])


def _check_graph(graph: Any) -> None:
    """Refuse a graph that is not simple and undirected with distinct, plain names."""
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


def _check_names(graph: nx.Graph) -> None:
    names: dict[str, Any] = {}
    for node in graph.nodes:
        name = str(node)
        if name in names:
            raise TopologyError(f"two microgrids are called {name!r}: {names[name]!r} and {node!r}")
        if not name or not plain(name):
            raise TopologyError(
                f"microgrid name {name!r}: a name is printable and holds none of . * ? [ ] > or a space"
            )
        names[name] = node


def plain(name: str) -> bool:
    """Tell whether a name can be written in a pattern."""
    return name.isprintable() and not any(c in name for c in ".*?[]> ")


def _checked_members(graph: nx.Graph, coordinator: str, operator: str) -> list[dict[str, int]]:
    """Return each microgrid's members as {group name: count}, refusing counts and names that cannot be."""
    members: list[dict[str, int]] = []
    for node, counts in graph.nodes(data="members"):
        if not isinstance(counts, Mapping) or not counts:
            raise TopologyError(
                f"microgrid {node}: node attribute 'members' is {counts!r}; wanted e.g. {{'{operator}': 1, 'load': 3}}"
            )
        for name, count in counts.items():
            if not isinstance(name, str) or name in ("", coordinator) or name.isdigit() or not plain(name):
                raise TopologyError(
                    f"microgrid {node}: member name {name!r}; a name is text without . * ? [ ] > or spaces, "
                    f"no number, and not {coordinator!r}"
                )
            if isinstance(count, bool) or not isinstance(count, Integral) or int(count) < 0:
                raise TopologyError(
                    f"microgrid {node}: {count!r} members called {name!r}; wanted a whole number, 0 or more"
                )
        if graph.degree(node) and counts.get(operator, 0) != 1:
            raise TopologyError(
                f"microgrid {node}: {counts.get(operator, 0)} members called {operator!r}; its tie-lines end at exactly one"
            )
        if not graph.nodes[node].get("bus", True) and set(counts) != {operator}:
            raise TopologyError(
                f"microgrid {node} has no bus, so no members but its {operator}; it has {', '.join(counts)}"
            )
        if not sum(counts.values()):
            raise TopologyError(f"microgrid {node} has no members; wanted at least one")
        members.append({name: int(count) for name, count in counts.items() if count})
    return members

"""Topology: a networkx graph of microgrids turned into integer addresses, tie-lines and the channels they open."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .channels import Channels, open_channels
from .errors import TopologyError
from .graph import checked_graph, checked_members
from .keys import mix, text_key

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Group", "Topology"]

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Group:
    """Members of one name in one microgrid: ``count`` agents with consecutive addresses from ``start``."""

    hub: int
    name: str
    start: int
    count: int


@dataclass(frozen=True)
class Topology:
    """Who is there, who may speak to whom.

    A *hub* stands for one microgrid; its *members* speak with it and with nobody else, but for the *terminal* member
    (the one where tie-lines end), which also speaks with the keeper of each of its tie-lines. The keeper of the tie-line
    between hubs i < j is hub i.

    Addresses: hubs first, in the order of the graph, then all members called by one name, hub by hub, then those of the
    next name, so that agents of one name are contiguous and sorted by hub.

    Attributes
    ----------
    microgrids : names of the microgrids, in the order of the graph
    groups : the members, by name and hub, in the order of their addresses
    lines : (L, 2) int32, the hubs at both ends of each tie-line, smaller address first
    channels : every directed channel, numbered by (receiver, sender, tie-line)
    diameter : an upper bound on the number of tie-lines between any two hubs
    """

    microgrids: tuple[str, ...]
    groups: tuple[Group, ...]
    lines: Ints
    channels: Channels
    diameter: int
    hub_name: str = "virtual"
    terminal: str = "operator"

    @classmethod
    def from_graph(cls, graph: nx.Graph, *, hub_name: str = "virtual", terminal: str = "operator") -> Topology:
        """Read a graph of microgrids.

        Parameters
        ----------
        graph
            Nodes are microgrids (any hashable; its ``str`` is the name), edges are tie-lines. The node attribute
            ``members`` maps the name of a group of members to how many there are; the group called `terminal` has
            exactly one agent wherever a tie-line ends.

        Raises
        ------
        TopologyError
            The graph is empty, directed, in several pieces, has parallel tie-lines or a line from a microgrid to
            itself, or a microgrid lacks members; the message says which and where.

        Examples
        --------
        >>> import networkx as nx
        >>> graph = nx.Graph([("A", "B")])
        >>> nx.set_node_attributes(graph, {name: {"operator": 1, "load": 2} for name in graph}, "members")
        >>> town = Topology.from_graph(graph)
        >>> [town.name(address) for address in range(town.size)]
        ['A.virtual', 'B.virtual', 'A.operator', 'B.operator', 'A.load.0', 'A.load.1', 'B.load.0', 'B.load.1']
        """
        checked_graph(graph)
        microgrids = tuple(str(node) for node in graph.nodes)
        members = checked_members(graph, hub_name=hub_name, terminal=terminal)
        names = list(dict.fromkeys(name for counts in members for name in counts))
        groups: list[Group] = []
        start = len(microgrids)
        for name in names:
            for hub, counts in enumerate(members):
                if count := counts.get(name, 0):
                    groups.append(Group(hub, name, start, count))
                    start += count
        place = {node: hub for hub, node in enumerate(graph.nodes)}
        ends = sorted(sorted((place[a], place[b])) for a, b in graph.edges())
        lines = np.array(ends, dtype=np.int32).reshape(-1, 2)
        home = np.empty(start, dtype=np.int32)
        home[: len(microgrids)] = np.arange(len(microgrids))
        key = np.empty(start, dtype=np.uint64)
        key[: len(microgrids)] = [text_key(f"{name}.{hub_name}") for name in microgrids]
        station = np.full(len(microgrids), -1, dtype=np.int32)
        for group in groups:
            rows = slice(group.start, group.start + group.count)
            home[rows] = group.hub
            base = np.uint64(text_key(f"{microgrids[group.hub]}.{group.name}"))
            key[rows] = mix(base ^ np.arange(group.count, dtype=np.uint64))
            if group.name == terminal:
                station[group.hub] = group.start
        line_key = np.array([text_key(f"{microgrids[i]}-{microgrids[j]}") for i, j in ends], dtype=np.uint64)
        return cls(
            microgrids=microgrids,
            groups=tuple(groups),
            lines=lines,
            channels=open_channels(home, len(microgrids), station, lines, key, line_key),
            diameter=_diameter(graph),
            hub_name=hub_name,
            terminal=terminal,
        )

    @property
    def hubs(self) -> int:
        """Number of hubs; their addresses are 0 .. hubs - 1."""
        return len(self.microgrids)

    @cached_property
    def size(self) -> int:
        """Number of agents, hubs included."""
        return self.hubs + sum(group.count for group in self.groups)

    @cached_property
    def home(self) -> Ints:
        """(size,) int32: the hub that each address belongs to; a hub belongs to itself."""
        members = np.repeat([g.hub for g in self.groups], [g.count for g in self.groups])
        return np.concatenate([np.arange(self.hubs), members]).astype(np.int32)

    @cached_property
    def line_names(self) -> tuple[str, ...]:
        """Names of the tie-lines, ``"A-B"``, keeper first."""
        return tuple(f"{self.microgrids[i]}-{self.microgrids[j]}" for i, j in self.lines.tolist())

    def ends_at(self, hubs: Ints) -> tuple[Ints, npt.NDArray[np.int8]]:
        """Return the tie-lines that end at some hubs, hub by hub and ascending, and which of its ends (0 or 1) that is."""
        hub, line = self.lines.ravel(), np.repeat(np.arange(len(self.lines), dtype=np.int32), 2)
        end = np.tile(np.array([0, 1], dtype=np.int8), len(self.lines))
        order = np.lexsort((line, hub))
        count = np.bincount(hub, minlength=self.hubs)
        start = np.cumsum(count) - count
        each = count[hubs]
        picked = order[np.arange(each.sum()) - np.repeat(np.cumsum(each) - each - start[hubs], each)]
        return line[picked], end[picked]

    @cached_property
    def _group_starts(self) -> npt.NDArray[np.int64]:
        return np.array([group.start for group in self.groups], dtype=np.int64)

    def name(self, address: int) -> str:
        """Return the name behind an address, e.g. ``"B.operator"`` or ``"A.load.7"``."""
        if not 0 <= address < self.size:
            raise TopologyError(f"address {address} is out of range: this topology has addresses 0 to {self.size - 1}")
        if address < self.hubs:
            return f"{self.microgrids[address]}.{self.hub_name}"
        group = self.groups[int(np.searchsorted(self._group_starts, address, side="right")) - 1]
        base = f"{self.microgrids[group.hub]}.{group.name}"
        return base if group.count == 1 else f"{base}.{address - group.start}"

    def addresses(self, pattern: str) -> npt.NDArray[np.int64]:
        """Return the addresses whose names fit a pattern: a name, or one with ``*``: ``"*.operator"``, ``"A.load.*"``.

        A group's name without a number means all its members.

        Raises
        ------
        TopologyError
            No agent fits; the message shows some names that exist.
        """
        found: list[npt.NDArray[np.int64]] = [
            np.array([hub])
            for hub, name in enumerate(self.microgrids)
            if fnmatchcase(f"{name}.{self.hub_name}", pattern)
        ]
        base, _, number = pattern.rpartition(".")
        for group in self.groups:
            name = f"{self.microgrids[group.hub]}.{group.name}"
            if fnmatchcase(name, pattern) or (number == "*" and fnmatchcase(name, base)):
                found.append(np.arange(group.start, group.start + group.count))
            elif number.isdecimal() and int(number) < group.count and fnmatchcase(name, base):
                found.append(np.array([group.start + int(number)]))
        if not found:
            some = ", ".join(self.name(a) for a in range(min(self.size, 3 * self.hubs, 9)))
            raise TopologyError(f"no agent is called {pattern!r}; agents here are called {some}, ...")
        return np.concatenate(found)

    def address(self, name: str) -> int:
        """Return the address of exactly one agent (the inverse of `name`)."""
        found = self.addresses(name)
        if len(found) != 1:
            raise TopologyError(
                f"{name!r} means {len(found)} agents, wanted exactly one, such as {self.name(found[0])!r}"
            )
        return int(found[0])


def _diameter(graph: nx.Graph) -> int:
    """Exact for small graphs; beyond, twice the eccentricity of one node, which is never too small and cheap."""
    import networkx as nx

    if graph.number_of_nodes() <= 400:
        return int(nx.diameter(nx.Graph(graph), usebounds=True))
    return 2 * int(nx.eccentricity(graph, next(iter(graph.nodes))))

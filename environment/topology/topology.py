"""Topology: agents and balances, which coordinator runs which balance, and the channels that they open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import TopologyError
from ..keys import Keys, mix, text_key
from .balances import BalanceKind
from .bipartite import read_bipartite
from .channels import Channels, open_channels
from .graph import read_graph
from .groups import Group

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Topology"]

Ints = npt.NDArray[np.int32]

_EXACT_MAX = 400
"""Coordinators up to which the diameter is computed exactly."""


@dataclass(frozen=True)
class Topology:
    """The agents, the balances that their rows meet in, and the channels between them.

    A market is a bipartite graph of agents and *balances*; an edge is a *row*, one agent's net import from one balance. A
    balance is kept by one *coordinator*; agents speak with the coordinators of their rows. Two front doors make one: a graph
    of microgrids (`from_graph`) and the bipartite graph itself (`from_bipartite`).

    Addresses: coordinators first, in the order of their homes, then all agents called by one name, home by home, then those
    of the next name, so that agents of one name are contiguous and sorted by home.

    Attributes
    ----------
    homes : names of the places where agents live: microgrids, pools, or an agent that lives by itself
    coordinators : names of the coordinators, one a home, by address; one may keep nothing
    groups : all other agents, in the order of their addresses
    home : (size,) int32, the home of each address
    kinds : the kinds of balances that there are
    balances : names of the balances, those of places first
    kind : (B,) int8, which of `kinds` each balance is of
    coordinator : (B,) int32, address of the coordinator of each balance
    slack : (B,) int32, address of the agent that takes what is left over at a balance when a point is dispatched; -1: none
    row_agent, row_place, row_balance : (R,) int32, of each row that is in a balance: the address of its agent, which of the
        agent's rows it is, and its balance; numbered by (agent, place)
    row_coordinator : (R,) int32, address of the coordinator that asks about the row: that of its balance, but for lessons
    channels : every directed channel
    """

    homes: tuple[str, ...]
    coordinators: tuple[str, ...]
    groups: tuple[Group, ...]
    home: Ints
    kinds: tuple[BalanceKind, ...]
    balances: tuple[str, ...]
    kind: npt.NDArray[np.int8]
    coordinator: Ints
    slack: Ints
    row_agent: Ints
    row_place: Ints
    row_balance: Ints
    row_coordinator: Ints
    channels: Channels

    @classmethod
    def from_graph(cls, graph: nx.Graph, *, coordinator: str = "virtual", operator: str = "operator") -> Topology:
        """Read a graph of microgrids: see `graph.read_graph`.

        Examples
        --------
        >>> import networkx as nx
        >>> graph = nx.Graph([("A", "B")])
        >>> nx.set_node_attributes(graph, {name: {"operator": 1, "load": 2} for name in graph}, "members")
        >>> town = Topology.from_graph(graph)
        >>> [town.name(address) for address in range(town.size)]
        ['A.virtual', 'B.virtual', 'A.operator', 'B.operator', 'A.load.0', 'A.load.1', 'B.load.0', 'B.load.1']
        >>> town.balances
        ('A', 'B', 'A-B')
        """
        return cls.build(**read_graph(graph, coordinator=coordinator, operator=operator))

    @classmethod
    def from_bipartite(cls, graph: nx.Graph, *, coordinator: str = "virtual") -> Topology:
        """Read a bipartite graph of agents and balances: see `bipartite.read_bipartite`.

        Examples
        --------
        >>> import networkx as nx
        >>> graph = nx.Graph([("plant", "pool"), ("town", "pool")])
        >>> graph.nodes["pool"]["balance"] = "pool"
        >>> market = Topology.from_bipartite(graph)
        >>> [market.name(address) for address in range(market.size)], market.balances
        (['pool.virtual', 'plant', 'town'], ('pool',))
        """
        return cls.build(**read_bipartite(graph, coordinator=coordinator))

    @classmethod
    def build(
        cls,
        *,
        homes: Sequence[str],
        coordinators: Sequence[str],
        groups: Sequence[Group],
        kinds: Sequence[BalanceKind],
        balances: Sequence[str],
        kind: Sequence[int],
        coordinator: npt.NDArray[np.integer],
        slack: npt.NDArray[np.integer],
        rows: Sequence[npt.NDArray[np.integer]],
    ) -> Topology:
        """Put a topology together.

        Parameters
        ----------
        homes, coordinators, groups, kinds, balances, kind, coordinator, slack : as the attributes
        rows : agent, place and balance of each row, in any order
        """
        agent, place, balance = rows
        order = np.lexsort((place, agent))
        agent, place, balance = (column[order].astype(np.int32) for column in rows)
        members = np.repeat([g.home for g in groups], [g.count for g in groups])
        sorts = np.array(kind, dtype=np.int8)
        found = cls(
            homes=tuple(homes),
            coordinators=tuple(coordinators),
            groups=tuple(groups),
            home=np.concatenate([np.arange(len(homes)), members]).astype(np.int32),
            kinds=tuple(kinds),
            balances=tuple(balances),
            kind=sorts,
            coordinator=coordinator.astype(np.int32),
            slack=slack.astype(np.int32),
            row_agent=agent,
            row_place=place,
            row_balance=balance,
            row_coordinator=coordinator[balance].astype(np.int32),
            channels=None,  # type: ignore[arg-type] # opened next, by the names that it gives
        )
        return found.kept_by(found.row_coordinator)

    def kept_by(self, row_coordinator: Ints) -> Topology:
        """Return the same agents and balances, with rows that these coordinators, (R,) addresses, ask about."""
        names = np.array([text_key(name) for name in self.balances], dtype=np.uint64)
        channels = open_channels(
            self.row_agent, row_coordinator, self.row_balance, self.kind, self.place, self._name_keys(), names
        )
        return replace(self, row_coordinator=row_coordinator, channels=channels)

    def _name_keys(self) -> Keys:
        key = np.empty(self.size, dtype=np.uint64)
        key[: len(self.coordinators)] = [text_key(name) for name in self.coordinators]
        for group in self.groups:
            base = np.uint64(text_key(group.name))
            key[group.start : group.start + group.count] = mix(base ^ np.arange(group.count, dtype=np.uint64))
        return key

    @cached_property
    def size(self) -> int:
        """Number of agents, coordinators included."""
        return len(self.coordinators) + sum(group.count for group in self.groups)

    @cached_property
    def row_end(self) -> Ints:
        """(R,) int32: which row of its balance each row is, 0 for the first."""
        order = np.argsort(self.row_balance, kind="stable")
        count = np.bincount(self.row_balance, minlength=len(self.balances))
        end = np.empty(len(order), dtype=np.int32)
        end[order] = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
        return end

    @cached_property
    def ends(self) -> Ints:
        """(B, 2) int32: the homes at both ends of each balance with two rows, the first agent's first; else -1."""
        ends = np.full((len(self.balances), 2), -1, dtype=np.int32)
        two = np.bincount(self.row_balance, minlength=len(self.balances))[self.row_balance] == 2
        ends[self.row_balance[two], self.row_end[two]] = self.home[self.row_agent[two]]
        return ends

    @cached_property
    def place(self) -> npt.NDArray[np.bool_]:
        """(B,): which balances are places where agents live, such as buses and pools."""
        return np.array([one.place for one in self.kinds])[self.kind]

    @cached_property
    def joins(self) -> npt.NDArray[np.int64]:
        """(j,): the balances that join two agents, such as tie-lines and trades."""
        return np.flatnonzero(~self.place & (self.ends[:, 0] >= 0))

    @cached_property
    def place_of(self) -> npt.NDArray[np.int64]:
        """(homes,): the balance at which the agents of each home meet, -1 where there is none."""
        found = np.full(len(self.homes), -1, dtype=np.int64)
        for balance in np.flatnonzero(self.place)[::-1].tolist():
            found[self.home[self.coordinator[balance]]] = balance
        return found

    @cached_property
    def home_balance(self) -> npt.NDArray[np.int64]:
        """(homes,): the balance whose price stands for each home: its place's, or the first that an agent there is in."""
        found = self.place_of.copy()
        home, first = np.unique(self.home[self.row_agent], return_index=True)
        without = found[home] < 0
        found[home[without]] = self.row_balance[first[without]]
        return found

    @cached_property
    def idle(self) -> npt.NDArray[np.bool_]:
        """(coordinators,): those that ask about nothing."""
        return np.bincount(self.row_coordinator, minlength=len(self.coordinators)) == 0

    @cached_property
    def piece(self) -> npt.NDArray[np.int64]:
        """(coordinators,): the connected piece of the graph that each is in; no message passes between pieces."""
        from scipy.sparse import csgraph

        return np.asarray(csgraph.connected_components(self._meetings)[1], dtype=np.int64)

    @cached_property
    def diameter(self) -> npt.NDArray[np.int64]:
        """(coordinators,): a bound on the meetings between any two coordinators of its piece.

        Exact in small graphs; beyond, twice the eccentricity of one of them, which is never too small.
        """
        from scipy.sparse import csgraph

        count = len(self.coordinators)
        found = np.zeros(count, dtype=np.int64)
        if count <= _EXACT_MAX:
            far = csgraph.shortest_path(self._meetings, unweighted=True)
            np.maximum.at(found, self.piece, np.where(np.isinf(far), 0, far).max(axis=1).astype(np.int64))
        else:
            for number, first in enumerate(np.unique(self.piece, return_index=True)[1].tolist()):
                far = csgraph.dijkstra(self._meetings, indices=first, unweighted=True)
                found[number] = 2 * int(far[np.isfinite(far)].max())
        return found[self.piece]

    @property
    def _meetings(self):  # type: ignore[no-untyped-def] # scipy has no types
        from scipy import sparse

        peers = self.channels.peers
        where = self.channels.sender[peers], self.channels.receiver[peers]
        return sparse.csr_array((np.ones(len(peers)), where), shape=(len(self.coordinators),) * 2)

    @cached_property
    def _group_starts(self) -> npt.NDArray[np.int64]:
        return np.array([group.start for group in self.groups], dtype=np.int64)

    def name(self, address: int) -> str:
        """Return the name behind an address, e.g. ``"B.operator"`` or ``"A.load.7"``."""
        if not 0 <= address < self.size:
            raise TopologyError(f"address {address} is out of range: this topology has addresses 0 to {self.size - 1}")
        if address < len(self.coordinators):
            return self.coordinators[address]
        group = self.groups[int(np.searchsorted(self._group_starts, address, side="right")) - 1]
        return group.name if group.count == 1 else f"{group.name}.{address - group.start}"

    def addresses(self, pattern: str) -> npt.NDArray[np.int64]:
        """Return the addresses whose names fit a pattern: a name, or one with ``*``: ``"*.operator"``, ``"A.load.*"``.

        A group's name without a number means all its members.

        Raises
        ------
        TopologyError
            No agent fits; the message shows some names that exist.
        """
        found: list[npt.NDArray[np.int64]] = [
            np.array([address]) for address, name in enumerate(self.coordinators) if fnmatchcase(name, pattern)
        ]
        base, _, number = pattern.rpartition(".")
        for group in self.groups:
            if fnmatchcase(group.name, pattern) or (number == "*" and fnmatchcase(group.name, base)):
                found.append(np.arange(group.start, group.start + group.count))
            elif number.isdecimal() and int(number) < group.count and fnmatchcase(group.name, base):
                found.append(np.array([group.start + int(number)]))
        if not found:
            some = ", ".join(self.name(a) for a in range(min(self.size, 3 * len(self.homes), 9)))
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

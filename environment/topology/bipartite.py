"""The front door for any market: a bipartite networkx graph of agents and balances becomes a topology."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import TopologyError
from .balances import BalanceKind
from .graph import balance_kind, plain
from .groups import Group

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["read_bipartite"]


def read_bipartite(graph: nx.Graph, *, coordinator: str = "virtual") -> dict[str, Any]:
    """Return what `Topology.build` wants, of a bipartite graph of agents and balances in one piece or several.

    An agent's first row is at the place where it lives, a pool or a bus, if it has one; then follow its other balances, in
    the order of the graph's nodes. It lives at its place, or else by itself; one that is in several places, such as the
    manager of a community in a pool, says at which it lives. A place has a coordinator of its own; what joins agents is
    kept by the coordinator of the home of the first of them.

    Parameters
    ----------
    graph
        A node with the attribute ``balance``, the name of a kind or a `BalanceKind`, is a balance; any other is an agent.
        Edges join agents to balances. The attribute ``slack`` of a balance is the agent that takes what is left over there
        when a point is dispatched; without one it is shared. The attribute ``home`` of an agent is the place where it lives,
        needed where it is in several. The node attribute ``name`` is what it is called, by default the node as text.
    coordinator : what coordinators are called

    Raises
    ------
    TopologyError
        The graph is directed or a multigraph, an edge joins two agents or two balances, an agent has no row, or several
        places and no home among them, a balance has no row or a slack that has none there, or a name cannot be or is there
        twice; says which.
    """
    import networkx as nx  # here: it takes long to load, and is not needed to list what there is

    if not isinstance(graph, nx.Graph) or graph.is_directed() or graph.is_multigraph():
        raise TopologyError(
            f"a market is read from a plain, undirected networkx.Graph, not from {type(graph).__name__}"
        )
    return _Reader(graph, coordinator).parts()


class _Reader:
    """The nodes of a bipartite graph in the order of a topology: who lives where, and which rows there are.

    Attributes
    ----------
    names : of all nodes; balances : kind of each node that is one; position : of each node in the graph
    place : of each agent that lives somewhere, where; joins : of each agent, its other balances
    """

    def __init__(self, graph: nx.Graph, coordinator: str) -> None:
        self.graph, self.names = graph, _names(graph)
        self.balances: dict[Any, BalanceKind] = {
            node: balance_kind(kind, self.names[node]) for node, kind in graph.nodes(data="balance") if kind is not None
        }
        self.agents = [node for node in graph.nodes if node not in self.balances]
        _check_edges(graph, self.names, self.balances, self.agents)
        self.position = {node: k for k, node in enumerate(graph.nodes)}
        self.place: dict[Any, Any] = {}
        self.joins: dict[Any, list[Any]] = {}
        for agent in self.agents:
            near = sorted(graph.neighbors(agent), key=self.position.__getitem__)
            places = [node for node in near if self.balances[node].place]
            if places:
                self.place[agent] = _home(graph, self.names, agent, places)
            self.joins[agent] = [node for node in near if node != self.place.get(agent)]
        self.own = [node for node in graph.nodes if self._is_home(node)]
        self.coordinators = self._coordinators(coordinator)

    def _is_home(self, node: Any) -> bool:
        """Whether a node is a place, or an agent that lives by itself."""
        return self.balances[node].place if node in self.balances else node not in self.place

    def _coordinators(self, coordinator: str) -> list[str]:
        found = {f"{self.names[node]}.{coordinator}": self.names[node] for node in self.own}
        for agent in self.agents:
            if (name := self.names[agent]) in found:
                raise TopologyError(f"agent {name} is called like the coordinator of {found[name]}: rename it")
        return list(found)

    def parts(self) -> dict[str, Any]:
        """Return what `Topology.build` wants."""
        names, balances, position = self.names, self.balances, self.position
        home = {node: number for number, node in enumerate(self.own)}
        home |= {agent: home[node] for agent, node in self.place.items()}
        ordered = sorted(balances, key=lambda node: (not balances[node].place, position[node]))
        agents = sorted(self.agents, key=lambda agent: (home[agent], position[agent]))
        address = {agent: len(self.own) + k for k, agent in enumerate(agents)}
        number = {node: k for k, node in enumerate(ordered)}
        rows = [(address[agent], 0, number[node]) for agent, node in self.place.items()]
        rows += [(address[agent], 1 + k, number[node]) for agent in agents for k, node in enumerate(self.joins[agent])]
        # A place is kept by its own coordinator, what joins agents by that of the home of the first of them.
        kept_at = [
            home[node] if balances[node].place else min(home[agent] for agent in self.graph.neighbors(node))
            for node in ordered
        ]
        slack = [_slack(self.graph, names, node) for node in ordered]
        kinds = list(dict.fromkeys(balances[node] for node in ordered))
        return dict(
            homes=[names[node] for node in self.own],
            coordinators=self.coordinators,
            groups=[Group(home[agent], names[agent], address[agent], 1) for agent in agents],
            kinds=kinds,
            balances=[names[node] for node in ordered],
            kind=[kinds.index(balances[node]) for node in ordered],
            coordinator=np.array(kept_at, dtype=np.int32),
            slack=np.array([-1 if one is None else address[one] for one in slack], dtype=np.int32),
            rows=tuple(np.array(rows, dtype=np.int64).T),
        )


def _names(graph: nx.Graph) -> dict[Any, str]:
    names: dict[Any, str] = {}
    taken: dict[str, Any] = {}
    for node, given in graph.nodes(data="name"):
        name = str(node) if given is None else str(given)
        # An agent may be called "A.load": parts with a dot between them.
        if not all(part and plain(part) for part in name.split(".")):
            raise TopologyError(f"name {name!r}: a name is printable and holds none of * ? [ ] > or a space")
        if name in taken:
            raise TopologyError(f"two nodes are called {name!r}: {taken[name]!r} and {node!r}")
        names[node], taken[name] = name, node
    return names


def _home(graph: nx.Graph, names: dict[Any, str], agent: Any, places: list[Any]) -> Any:
    """Return the place where an agent lives, of those that it is in."""
    home = graph.nodes[agent].get("home", places[0] if len(places) == 1 else None)
    if home not in places:
        raise TopologyError(
            f"agent {names[agent]} is at {' and '.join(names[p] for p in places)}; wanted one place at most, or one of "
            f"these as its home; home = {home!r}"
        )
    return home


def _slack(graph: nx.Graph, names: dict[Any, str], balance: Any) -> Any:
    """Return the agent that takes what is left over at a balance, None where there is none."""
    slack = graph.nodes[balance].get("slack")
    if slack is not None and slack not in graph[balance]:
        raise TopologyError(f"balance {names[balance]}: slack = {slack!r}; wanted an agent with a row there")
    return slack


def _check_edges(graph: nx.Graph, names: dict[Any, str], balances: dict[Any, BalanceKind], agents: list[Any]) -> None:
    if not balances or not agents:
        raise TopologyError("a market has agents and balances; a node with the attribute 'balance' is a balance")
    for one, other in graph.edges:
        if (one in balances) == (other in balances):
            what = "balances" if one in balances else "agents"
            raise TopologyError(
                f"an edge joins the {what} {names[one]} and {names[other]}; wanted an agent and a balance"
            )
    for node in graph.nodes:
        if not graph.degree(node):
            raise TopologyError(f"{'balance' if node in balances else 'agent'} {names[node]} is joined to nothing")

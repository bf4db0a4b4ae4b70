"""The front door for any market: a bipartite networkx graph of agents and balances becomes a topology."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .balances import BalanceKind
from .errors import TopologyError
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
    names = _names(graph)
    balances = {node: balance_kind(kind, names[node]) for node, kind in graph.nodes(data="balance") if kind is not None}
    agents = [node for node in graph.nodes if node not in balances]
    _check_edges(graph, names, balances, agents)
    slack = {node: _slack(graph, names, node) for node in balances}
    position = {node: k for k, node in enumerate(graph.nodes)}
    place: dict[Any, Any] = {}  # of each agent that lives somewhere
    joins: dict[Any, list[Any]] = {}
    for agent in agents:
        near = sorted(graph.neighbors(agent), key=position.__getitem__)
        places = [node for node in near if balances[node].place]
        if places:
            place[agent] = _home(graph, names, agent, places)
        joins[agent] = [node for node in near if node != place.get(agent)]
    own = [
        node
        for node in graph.nodes
        if (node in balances and balances[node].place) or (node in joins and node not in place)
    ]
    coordinators = {f"{names[node]}.{coordinator}": names[node] for node in own}
    for agent in agents:
        if names[agent] in coordinators:
            raise TopologyError(
                f"agent {names[agent]} is called like the coordinator of {coordinators[names[agent]]}: rename it"
            )
    home = {node: number for number, node in enumerate(own)}
    home |= {agent: home[node] for agent, node in place.items()}
    ordered = sorted(balances, key=lambda node: (not balances[node].place, position[node]))
    first = {node: min(graph.neighbors(node), key=lambda agent: (home[agent], position[agent])) for node in ordered}
    coordinator_home = [home[node] if balances[node].place else home[first[node]] for node in ordered]
    agents.sort(key=lambda agent: (home[agent], position[agent]))
    address = {agent: len(own) + k for k, agent in enumerate(agents)}
    number = {node: k for k, node in enumerate(ordered)}
    rows = [(address[agent], 0, number[node]) for agent, node in place.items()]
    rows += [(address[agent], 1 + k, number[node]) for agent in agents for k, node in enumerate(joins[agent])]
    kinds: list[BalanceKind] = list(dict.fromkeys(balances[node] for node in ordered))
    return dict(
        homes=[names[node] for node in own],
        coordinators=list(coordinators),
        groups=[Group(home[agent], names[agent], address[agent], 1) for agent in agents],
        kinds=kinds,
        balances=[names[node] for node in ordered],
        kind=[kinds.index(balances[node]) for node in ordered],
        coordinator=np.array(coordinator_home, dtype=np.int32),
        slack=np.array([-1 if slack[node] is None else address[slack[node]] for node in ordered], dtype=np.int32),
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

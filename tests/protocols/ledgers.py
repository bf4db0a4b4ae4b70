"""A ledger without a run: balances of any shape, whose rows answer what a test says."""

from __future__ import annotations

import networkx as nx
import numpy as np

from gridparley.agents import Society, VirtualAgent
from gridparley.environment import Topology
from gridparley.protocols import Balances, Coordinator, Market, Population


class Anything(Society):
    """Has rows, and no opinion."""


def market_of(edges, kind, periods=1):
    """Return a market of balances of one kind; `edges` are pairs of an agent and a balance, named as one likes."""
    graph = nx.Graph()
    graph.add_nodes_from(dict.fromkeys(balance for _, balance in edges), balance=kind)
    graph.add_edges_from(edges)
    topology = Topology.from_bipartite(graph)
    ports = np.zeros(topology.size, dtype=np.int64)
    np.maximum.at(ports, topology.row_agent, topology.row_place)
    address = np.arange(len(topology.coordinators), topology.size, dtype=np.int32)
    agents = Anything(names=[topology.name(a) for a in address.tolist()], ports=ports[address], periods=periods)
    keeps = np.bincount(topology.coordinator, minlength=len(topology.coordinators))
    virtual = VirtualAgent(ports=keeps, names=list(topology.coordinators), price=0.0, periods=periods)
    return Market(topology, virtual, (Population(agents, address),), periods)


def pools(*sizes):
    """Return the edges of pools of so many agents each, whose rows are numbered pool by pool."""
    return [(f"agent{pool}.{k}", f"pool{pool}") for pool, size in enumerate(sizes) for k in range(size)]


def star(partners):
    """Return the edges of trades of one agent with several partners: its rows come first, then one of each partner."""
    return [(who, f"trade{k}") for k in range(partners) for who in ("middle", f"partner{k}")]


class Stepping:
    """A protocol's `update`, one step at a time.

    Attributes
    ----------
    ledger : of all coordinators
    columns : of the ledger
    group : (m,) the balance of each row
    """

    def __init__(self, protocol, edges, kind="pool", periods=1):
        market = market_of(edges, kind, periods)
        coordinators = np.arange(len(market.topology.coordinators))
        role = Coordinator(protocol, protocol.update, market, protocol.kinds_of(market), coordinators)
        self.protocol, self.ledger, self.columns, self.group = (
            protocol,
            role.ledger,
            role.ledger.columns,
            role.ledger.group,
        )

    def step(self, x, which=None):
        """Let all rows answer x, (m, periods) kW, and some balances, (b,) bool, take a step."""
        self.ledger.answers.values[:, :-1] = x
        self.protocol.update(Balances(self.ledger, None if which is None else np.array(which)))

    def sum(self, rows):
        """(b, ...): the sum over the rows of each balance."""
        return self.ledger.add @ rows

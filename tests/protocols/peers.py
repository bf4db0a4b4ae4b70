"""Four peers, two at either end of a cable that carries less than they would like: the smallest market on a network."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import numpy as np

from gridparley.agents import PeerProsumer, Positive, Society, VirtualAgent, batched
from gridparley.environment import Topology
from gridparley.environment.faults import Crash, Delay, Fault, Loss
from gridparley.protocols import Market, Population
from gridparley.runs.judge.reference import central_solve
from gridparley.runs.simulation.simulation import Simulation

LIMIT = 25.0
FUSE = 1e6


class Cable(Society):
    """Network whose first two connections lie behind a cable of `limit` kW, either way; asked with penalties alone."""

    runs_network = True
    limit: Positive

    def cost(self, x):
        """Nothing within the limit."""
        return np.where(np.abs(x[1:3].sum(axis=0)) <= self.limit[0] + 1e-9, 0.0, np.inf)[None]

    @batched
    def respond(self, price, target, rho):
        """Project on the limit, in the metric of the penalties."""
        x = np.zeros_like(price)
        for start, count in zip(self.row_start, self.port_count, strict=False):
            rows, behind = slice(start + 1, start + 1 + count), slice(start + 1, start + 3)
            soft = np.where(rho > 0.0, rho, 1e-9)
            x[rows] = np.clip(target[rows] - price[rows] / soft[rows], -FUSE, FUSE)
            total = x[behind].sum(axis=0)
            excess = total - np.clip(total, -self.limit[0], self.limit[0])
            x[behind] -= excess / soft[behind] / (1.0 / soft[behind]).sum(axis=0)
        return x

    def reference(self, cp, x):
        """The limit."""
        total = cp.sum(x[1:3, :], axis=0)
        return cp.Constant(0.0), [total <= self.limit[0], -total <= self.limit[0], x[0, :] == 0]


def four_peers(weight=1.0) -> Market:
    """Return a network and four peers who all trade with one another, two rather sellers and two rather buyers."""
    names = ["network", *(f"peer{k}" for k in range(1, 5))]
    graph = nx.Graph(list(combinations(names, 2)))
    nx.set_node_attributes(graph, {name: {"operator": 1} for name in names}, "members")
    topology = Topology.from_graph(graph)
    peers = PeerProsumer(
        names=names[1:],
        ports=[4] * 4,
        cost_quadratic=[0.0011, 0.0007, 0.0009, 0.0013],
        cost_linear=[0.021, 0.033, 0.19, 0.11],
        low=[[0.3], [0.0], [-61.0], [-37.0]],
        high=[[83.0], [71.0], [0.0], [17.0]],
        retail=0.251,
        feed_in=0.053,
        trade_cost=0.00012,
    )
    virtual = VirtualAgent(names=names, ports=np.bincount(topology.coordinator), price=0.0)
    address = np.arange(5, 10, dtype=np.int32)
    cable = Cable(names=["network"], ports=[4], limit=LIMIT)
    populations = Population(cable, address[:1]), Population(peers, address[1:])
    of_row = np.broadcast_to(weight, 5)[topology.home[topology.row_agent], None]
    return Market(topology, virtual, populations, weight=of_row)


def settle(market, protocol, ticks=3000, **options):
    """Run until all have stopped; return the simulation, injections, and DLMPs as injections are paid."""
    simulation = Simulation(market, protocol, cost_every=0, **options)
    simulation.run(ticks)
    assert simulation.stopped
    return simulation, injections(simulation.state.x), connections(market, simulation.state.price)


def injections(x):
    """Return what the peers inject, (4,) kW."""
    return -x[1][1::5, 0]


def connections(market, price):
    """Return the prices of the peers' connections to the network, (4,) $/kWh: the first four lines."""
    return price[market.topology.joins[:4], 0]


def best(market):
    """Return the injections and the prices of the connections at the optimum, by a solver."""
    found = central_solve(market)
    return injections(found.x), connections(market, found.price)


def troubles(coordinator: str) -> list[Fault]:
    """Loss, delay, and crashes after which the network operator, a peer and one virtual agent know nothing."""
    return [
        Loss(probability=0.3),
        Delay(ticks="0..5"),
        Crash(agent="network.operator", start=60, end=90, memory="lost"),
        Crash(agent=coordinator, start=140, end=160, memory="lost"),
        Crash(agent="peer2.operator", start=200, end=240, memory="lost"),
    ]

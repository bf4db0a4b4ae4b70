"""Markets of any shape for tests: agents by name, put where a graph says."""

from __future__ import annotations

import networkx as nx
import numpy as np

from gridparley.agents import LogLoad, MicrogridOperator, PeerProsumer, SquareRootLoad, VirtualAgent
from gridparley.environment import Topology
from gridparley.protocols import Market, Population

from .peers import LIMIT, Cable


def market_of(topology, agents, price=0.0, weight=None):
    """Return the market of some agents, by name; a price for all balances, or one for each."""
    kinds = {}
    for name, agent in agents.items():
        kinds.setdefault(type(agent), []).append((topology.address(name), agent))
    populations = []
    for kind, found in kinds.items():
        found.sort(key=lambda pair: pair[0])
        address = np.array([address for address, _ in found], dtype=np.int32)
        populations.append(Population(kind.stack([agent for _, agent in found]), address))
    price = np.broadcast_to(price, len(topology.balances))[np.argsort(topology.coordinator, kind="stable"), None]
    keeps = np.bincount(topology.coordinator, minlength=len(topology.coordinators))
    virtual = VirtualAgent(names=list(topology.coordinators), ports=keeps, price=price)
    return Market(topology, virtual, tuple(populations), weight=weight)


def operator(name, ports, cost=1.0, pv=0.5):
    """Return an operator with limits on its lines far enough for what it has to sell."""
    limits = {"export_max": 2.0, "import_max": 2.0, "alpha": 0.05} if ports else {}
    facts = {"cost_quadratic": cost, "cost_linear": 1.0, "power_max": 40.0, "pv": pv, **limits}
    return MicrogridOperator(names=[name], ports=[ports], **facts)


def load(name, beta=3.0):
    """Return a load."""
    return SquareRootLoad(names=[name], beta=beta, cap=100.0)


def microgrids(lines, **costs):
    """Return microgrids with an operator and a load each; `lines` such as ``"A-B C-D"``, costs in $/kW²h by name."""
    graph = nx.Graph([line.split("-") for line in lines.split()])
    nx.set_node_attributes(graph, {name: {"operator": 1, "load": 1} for name in graph}, "members")
    agents = {f"{name}.operator": operator(f"{name}.operator", graph.degree(name), costs[name]) for name in graph}
    agents |= {f"{name}.load": load(f"{name}.load", 2.0 + costs[name]) for name in graph}
    topology = Topology.from_graph(graph)
    return market_of(topology, agents, np.where(topology.place, 1.0, 0.0))


def pool(size, plants=3):
    """Return one pool, at which some operators sell to loads of two types; all have their row there and no other."""
    agents = {f"plant{k}": operator(f"plant{k}", 0, 0.2 + 0.3 * k) for k in range(plants)}
    agents |= {f"home{k}": load(f"home{k}", 1.0 + 0.1 * k) for k in range(size - plants)}
    agents["mill"] = LogLoad(names=["mill"], beta=5.0, sigma=0.5, demand=8.0)
    graph = nx.Graph()
    graph.add_node("pool", balance="pool", slack="plant0")
    graph.add_edges_from((name, "pool") for name in agents)
    return market_of(Topology.from_bipartite(graph), agents, 1.0)


def pools_with_trades():
    """Return four pools in three pieces: operators trade with those of other pools, and two have two trades."""
    graph, agents = nx.Graph(), {}
    trades = {"north-east": ("north", "east"), "east-south": ("east", "south")}
    for k, name in enumerate(("north", "east", "south", "west", "island")):
        graph.add_node(name, balance="community" if name == "island" else "pool", slack=f"{name}.operator")
        ports = sum(name in ends for ends in trades.values())
        agents[f"{name}.operator"] = operator(f"{name}.operator", ports, 0.3 + 0.4 * k)
        agents |= {f"{name}.home{j}": load(f"{name}.home{j}", 1.0 + j + k) for j in range(3)}
    for name, ends in trades.items():
        graph.add_node(name, balance="trade")
        graph.add_edges_from((f"{end}.operator", name) for end in ends)
    graph.add_edges_from((name, name.partition(".")[0]) for name in agents)
    return market_of(Topology.from_bipartite(graph), agents)


def peer(name, ports, a, b, low, high):
    """Return a peer."""
    tariffs = {"retail": 0.251, "feed_in": 0.053, "trade_cost": 0.00012}
    return PeerProsumer(names=[name], ports=[ports], cost_quadratic=a, cost_linear=b, low=low, high=high, **tariffs)


PEERS = {
    "peer1": (0.0011, 0.021, 0.3, 83.0),
    "peer2": (0.0007, 0.033, 0.0, 71.0),
    "peer3": (0.0009, 0.19, -61.0, 0.0),
    "peer4": (0.0013, 0.11, -37.0, 17.0),
}
PAIRS = [
    ("peer1", "peer2"),
    ("peer1", "peer3"),
    ("peer1", "peer4"),
    ("peer2", "peer3"),
    ("peer2", "peer4"),
    ("peer3", "peer4"),
]


def bilateral():
    """Return the four peers behind a cable, who live by themselves: each has a connection, and a trade with each other."""
    graph, agents = nx.Graph(), {name: peer(name, 4, *facts) for name, facts in PEERS.items()}
    agents["network"] = Cable(names=["network"], ports=[4], limit=LIMIT)
    for name in PEERS:
        graph.add_node(f"{name}@network", balance="connection")
        graph.add_edges_from([(name, f"{name}@network"), ("network", f"{name}@network")])
    for one, two in PAIRS:
        graph.add_node(f"{one}-{two}", balance="trade")
        graph.add_edges_from([(one, f"{one}-{two}"), (two, f"{one}-{two}")])
    return market_of(Topology.from_bipartite(graph), agents)


def without_buses():
    """Return the same market as a graph of homes without buses, whose edges are connections and trades."""
    graph = nx.Graph()
    graph.add_node("network", bus=False, members={"operator": 1})
    graph.add_nodes_from(PEERS, bus=False, members={"operator": 1})
    graph.add_edges_from((("network", name) for name in PEERS), balance="connection")
    graph.add_edges_from(PAIRS, balance="trade")
    agents = {f"{name}.operator": peer(name, 4, *facts) for name, facts in PEERS.items()}
    agents["network.operator"] = Cable(names=["network"], ports=[4], limit=LIMIT)
    return market_of(Topology.from_graph(graph), agents)

"""Markets on feeders for tests: four peers on the toy, written out, and peers at random on the larger ones."""

from itertools import combinations

import networkx as nx
import numpy as np

from gridparley.agents import NetworkOperator, PeerProsumer, VirtualAgent
from gridparley.environment import Topology
from gridparley.protocols import Market, Population
from gridparley.runs.feeder.read import load_feeder

from ..reference.feeder_problem import FeederProblem

PEERS = {
    "cost_quadratic": [0.1, 0.05, 0.08, 0.06],
    "cost_linear": [14.0, 2.0, 30.0, 24.0],
    "low": [[-60.0], [0.0], [-40.0], [-30.0]],
    "high": [[60.0], [80.0], [0.0], [10.0]],
    "retail": 25.0,
    "feed_in": 5.0,
    "trade_cost": 0.01,
}


def toy(feeder=None, losses="none", **facts) -> Market:
    """Four peers who all trade with one another on the toy feeder; prices in ct/kWh."""
    names = ["network", *(f"peer{k}" for k in range(1, 5))]
    graph = nx.Graph()
    graph.add_nodes_from(names, members={"operator": 1}, bus=False)
    graph.add_edges_from(((names[0], name) for name in names[1:]), balance="connection")
    graph.add_edges_from(combinations(names[1:], 2), balance="trade")
    topology = Topology.from_graph(graph)
    network = {"bus": [1, 2, 3, 3], "tan_phi": [0.0, 0.0, 0.2, 0.0], "export_max": 90.0, "import_max": 90.0}
    operator = NetworkOperator(
        feeder=feeder or load_feeder("toy"), losses=losses, ports=[4], **network, **({"loss_price": 12.0} | facts)
    )
    virtual = VirtualAgent(
        names=topology.coordinators, ports=np.bincount(topology.coordinator, minlength=len(topology.coordinators))
    )
    address = np.arange(len(virtual), topology.size, dtype=np.int32)
    peers = PeerProsumer(names=names[1:], ports=[4] * 4, **PEERS)
    return Market(topology, virtual, (Population(operator, address[:1]), Population(peers, address[1:])))


def drawn(name: str, n: int) -> FeederProblem:
    """Peers at random, so many that voltages bind."""
    feeder, rng, each = load_feeder(name), np.random.default_rng(0), 2500.0 / n
    pairs = {tuple(sorted(map(int, rng.choice(n, 2, replace=False)))) for _ in range(2 * n)}
    return FeederProblem(
        feeder=feeder,
        bus=rng.integers(1, len(feeder.buses), n),
        tan_phi=rng.choice([0.0, 0.2, 0.33], n),
        a=rng.uniform(5.0, 20.0, n) / each,
        b=rng.uniform(2.0, 22.0, n),
        low=-rng.uniform(0.0, 1.5, n) * each,
        high=rng.uniform(0.0, 3.0, n) * each,
        retail=np.full(n, 25.0),
        feed_in=np.full(n, 5.0),
        kappa=np.full(n, 0.02),
        weight=np.ones(n),
        fuse=np.full((n, 2), 500.0),
        pairs=np.array(sorted(pairs)),
        port=np.arange(n),
        wholesale=0.0,
        loss_price=12.0,
        load_factor=0.6,
    )


def operator_of(problem: FeederProblem, losses: str) -> NetworkOperator:
    return NetworkOperator(
        feeder=problem.feeder,
        losses=losses,
        ports=[len(problem.bus)],
        bus=problem.bus,
        tan_phi=problem.tan_phi,
        export_max=problem.fuse[:, :1],
        import_max=problem.fuse[:, 1:],
        wholesale=problem.wholesale,
        loss_price=problem.loss_price,
        load_factor=problem.load_factor,
    )

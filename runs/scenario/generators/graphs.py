"""Graphs of tie-lines: the shapes in which generated microgrids are joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Shape", "line_count", "tie_line_graph"]

Shape = Literal["ring", "tree", "random_regular", "small_world", "grid"]


def line_count(topology: Shape, n: int) -> int:
    """Return how many tie-lines n microgrids have at most, without a graph."""
    return {"ring": n, "tree": n - 1}.get(topology, 2 * n)


def tie_line_graph(topology: Shape, n: int, seed: int) -> nx.Graph:
    """Return a connected graph of n nodes; small n give the nearest graph of the family that exists."""
    import networkx as nx

    if n <= 2 or topology == "ring":
        return nx.path_graph(n) if n <= 2 else nx.cycle_graph(n)
    if topology == "tree":
        return nx.random_labeled_tree(n, seed=seed)
    if topology == "random_regular":
        return _regular(n, seed)
    if topology == "small_world":
        return nx.connected_watts_strogatz_graph(n, min(4, n - 1), 0.1, tries=1000, seed=seed)
    columns = int(np.ceil(np.sqrt(n)))
    # The last row may be short; cutting it from its end leaves the rest in one piece.
    return (
        nx.grid_2d_graph(-(-n // columns), columns)
        .subgraph(sorted(nx.grid_2d_graph(-(-n // columns), columns))[:n])
        .copy()
    )


def _regular(n: int, seed: int) -> nx.Graph:
    import networkx as nx

    degree = min(3 if n % 2 == 0 else 4, n - 1)
    for attempt in range(100):
        graph = nx.random_regular_graph(degree, n, seed=seed + attempt)
        if nx.is_connected(graph):
            return nx.relabel_nodes(graph, {node: node for node in sorted(graph.nodes)})
    raise RuntimeError(f"no connected {degree}-regular graph of {n} nodes in 100 draws")

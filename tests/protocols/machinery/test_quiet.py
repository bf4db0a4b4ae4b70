"""The distributed stop, run in lock step on random graphs without any message."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridparley.protocols.machinery.quiet import Quiet


def lock_step(graph, still, rounds):
    """Run the counters of a graph; `still(round, hub)` says who is quiet. Return when each hub stopped."""
    n = graph.number_of_nodes()
    quiet = Quiet(n, nx.diameter(graph) if n > 1 else 0)
    peers = [(i, j) for i in graph for j in graph[i]]
    peer_hub = np.array([i for i, _ in peers], dtype=np.int64)
    their = np.array([j for _, j in peers], dtype=np.int64)
    stopped = np.full(n, -1)
    for r in range(rounds):
        at = np.full(n, r)
        heard = quiet.message(their, at, np.zeros(len(their), dtype=bool)).reshape(-1, 5)
        quiet.close(~quiet.stopped, np.array([still(r, hub) for hub in range(n)]), at, peer_hub, heard)
        stopped[(stopped < 0) & quiet.stopped] = r
    return stopped, quiet


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 12))
    tree = nx.random_labeled_tree(n, seed=draw(st.integers(0, 1000)))
    extra = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=6))
    tree.add_edges_from((a, b) for a, b in extra if a != b)
    return nx.convert_node_labels_to_integers(nx.Graph(tree), ordering="sorted")


@settings(max_examples=60, deadline=None)
@given(graphs(), st.data())
def test_all_stop_in_one_round_and_only_after_all_were_quiet(graph, data):
    n = graph.number_of_nodes()
    diameter = nx.diameter(graph) if n > 1 else 0
    loud_until = [data.draw(st.integers(0, 15)) for _ in range(n)]
    stopped, _ = lock_step(graph, lambda r, hub: r >= loud_until[hub], 15 + 4 * diameter + 10)
    assert (stopped >= 0).all()
    assert len(set(stopped.tolist())) == 1
    assert stopped[0] >= max(loud_until)


@settings(max_examples=40, deadline=None)
@given(graphs(), st.integers(0, 11))
def test_nobody_stops_while_anybody_is_loud(graph, who):
    n = graph.number_of_nodes()
    stopped, quiet = lock_step(graph, lambda r, hub: hub != who % n, 60)
    assert (stopped == -1).all()
    assert np.isinf(quiet.stop_round).all()


@pytest.mark.parametrize(("every", "stops"), [(2, False), (3, False), (4, True), (5, True)])
def test_all_must_be_quiet_three_rounds_in_a_row(every, stops):
    graph = nx.path_graph(5)
    stopped, _ = lock_step(graph, lambda r, hub: hub != 4 or r % every != 0, 100)
    assert (stopped >= 0).all() == stops


def test_a_neighbour_one_round_ahead_counts_with_its_counter_of_before():
    quiet = Quiet(1, 1)
    quiet.count[:] = 3.0
    ahead = np.array([[9.0, 2.0, np.inf, 0.0, 6.0]])
    quiet.close(np.array([True]), np.array([True]), np.array([5]), np.array([0]), ahead)
    assert quiet.count[0] == 3.0  # 1 + min(3, 2)


@pytest.mark.parametrize(
    ("lock_step", "their_round", "stops"), [(False, 7, True), (False, 6, False), (True, 7, False), (True, 6, False)]
)
def test_a_proposal_that_was_heard_holds_without_any_evidence(lock_step, their_round, stops):
    quiet = Quiet(1, 1, lock_step=lock_step)
    heard = np.array([[9.0, 9.0, 7.0, 0.0, their_round]])
    here, nobody = np.array([True]), np.array([False])
    quiet.close(here, nobody, np.array([3]), np.array([0]), heard, counting=nobody)
    assert quiet.stop_round[0] == 7.0
    assert quiet.count[0] == 0.0
    assert quiet.stopped[0] == stops  # at once only where a neighbour has come to it, and rounds are each hub's own
    quiet.close(here, nobody, np.array([7]), np.array([0]), heard, counting=nobody)
    assert quiet.stopped[0]

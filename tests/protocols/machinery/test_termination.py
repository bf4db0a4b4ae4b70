"""The distributed stop, run in lock step on random graphs without any message."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridparley.environment import MessageBatch, Topology
from gridparley.protocols import DualDecomposition, Role
from gridparley.protocols.machinery.coordination.termination import Termination

KIND = DualDecomposition().kinds(1)["termination"]


def counters(graph, which=None, **options):
    """Return the counters of some coordinators of a graph of microgrids, by default of all."""
    graph = nx.Graph(graph)
    nx.set_node_attributes(graph, {node: {"operator": 1} for node in graph}, "members")
    topology = Topology.from_graph(graph)
    which = np.arange(len(topology.coordinators)) if which is None else np.array(which)
    return Termination(Role(which), topology, KIND, which, **options)


def lock_step(graph, settled, rounds):
    """Run the counters of a graph; `settled(round, who)` says who is. Return when each stopped."""
    n = graph.number_of_nodes()
    termination = counters(graph)
    order = np.argsort(termination.out)
    stopped = np.full(n, -1)
    for r in range(rounds):
        at = np.full(n, r)
        said = termination.message(order, at, np.zeros(len(order), dtype=bool))
        termination.heard.write(r + 1, MessageBatch(KIND, r, termination.out[order], said))
        termination.close(~termination.stopped, np.array([settled(r, who) for who in range(n)]), at)
        stopped[(stopped < 0) & termination.stopped] = r
    return stopped, termination


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 12))
    tree = nx.random_labeled_tree(n, seed=draw(st.integers(0, 1000)))
    extra = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=6))
    tree.add_edges_from((a, b) for a, b in extra if a != b)
    return nx.convert_node_labels_to_integers(nx.Graph(tree), ordering="sorted")


@settings(max_examples=60, deadline=None)
@given(graphs(), st.data())
def test_all_stop_in_one_round_and_only_after_all_were_settled(graph, data):
    n = graph.number_of_nodes()
    diameter = nx.diameter(graph) if n > 1 else 0
    moving_until = [data.draw(st.integers(0, 15)) for _ in range(n)]
    stopped, _ = lock_step(graph, lambda r, who: r >= moving_until[who], 15 + 4 * diameter + 10)
    assert (stopped >= 0).all()
    assert len(set(stopped.tolist())) == 1
    assert stopped[0] >= max(moving_until)


@settings(max_examples=40, deadline=None)
@given(graphs(), st.integers(0, 11))
def test_none_stops_while_any_is_not_settled(graph, who):
    n = graph.number_of_nodes()
    stopped, termination = lock_step(graph, lambda r, one: one != who % n, 60)
    assert (stopped == -1).all()
    assert np.isinf(termination.stop_round).all()


@pytest.mark.parametrize("until", [(3, 20), (20, 3)])
def test_each_piece_stops_by_itself(until):
    graph = nx.Graph([(0, 1), (1, 2), (3, 4)])
    stopped, _ = lock_step(graph, lambda r, who: r >= until[who >= 3], 60)
    assert [set(stopped[:3].tolist()), set(stopped[3:].tolist())] == [{stopped[0]}, {stopped[3]}]
    assert (stopped[[0, 3]] >= until).all()
    assert abs(stopped[0] - stopped[3]) > 10


@pytest.mark.parametrize(("every", "stops"), [(2, False), (3, False), (4, True), (5, True)])
def test_all_must_be_settled_three_rounds_in_a_row(every, stops):
    graph = nx.path_graph(5)
    stopped, _ = lock_step(graph, lambda r, who: who != 4 or r % every != 0, 100)
    assert (stopped >= 0).all() == stops


def test_a_neighbour_one_round_ahead_counts_with_its_counter_of_before():
    termination = counters([(0, 1)], [0])
    termination.count[:] = 3.0
    termination.heard.values[:] = [[9.0, 2.0, -1.0, 0.0, 6.0]]
    termination.close(np.array([True]), np.array([True]), np.array([5]))
    assert termination.count[0] == 3.0  # 1 + min(3, 2)


def test_what_was_heard_in_an_earlier_period_counts_for_nothing():
    termination = counters([(0, 1)], [0])
    termination.first, termination.count[:] = 100, 3.0
    termination.heard.values[:] = [[9.0, 9.0, 7.0, 0.0, 99.0]]
    termination.close(np.array([True]), np.array([True]), np.array([100]))
    assert (termination.count[0], np.isinf(termination.stop_round[0])) == (1.0, True)


@pytest.mark.parametrize(
    ("lock_step", "their_round", "stops"), [(False, 7, True), (False, 6, False), (True, 7, False), (True, 6, False)]
)
def test_a_proposal_that_was_heard_holds_without_any_evidence(lock_step, their_round, stops):
    termination = counters([(0, 1)], [0], lock_step=lock_step)
    termination.heard.values[:] = [[9.0, 9.0, 7.0, 0.0, their_round]]
    here, nobody = np.array([True]), np.array([False])
    termination.close(here, nobody, np.array([3]), counting=nobody)
    assert termination.stop_round[0] == 7.0
    assert termination.count[0] == 0.0
    assert (
        termination.stopped[0] == stops
    )  # at once only where a neighbour has come to it, and rounds are each one's own
    termination.close(here, nobody, np.array([7]), counting=nobody)
    assert termination.stopped[0]

"""Where the page draws agents: microgrids by their tie-lines, members on rings around them."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx
import numpy as np
import numpy.typing as npt

__all__ = ["member_places", "microgrid_places"]

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.integer]

KAMADA_KAWAI_MAX = 300
"""Microgrids beyond which springs are used: Kamada and Kawai need all distances and many steps."""
ONE_RING = 24
"""Members that stand on one ring, every other one a little further in when there are more than half of that."""
FIRST_RING = 8
"""Members on the innermost of several rings; each further ring holds as many more."""


def microgrid_places(microgrids: int, lines: Numbers, given: Sequence[Sequence[float]] | None = None) -> Floats:
    """Return a place for each microgrid, (microgrids, 2) within -1 .. 1; `lines` is (L, 2), `given` what a record proposes.

    Kamada and Kawai, Information Processing Letters 31 (1989); springs for more than `KAMADA_KAWAI_MAX`.
    """
    if given is not None:
        return np.array(given, dtype=float).reshape(microgrids, 2)
    graph = nx.Graph()
    graph.add_nodes_from(range(microgrids))
    graph.add_edges_from(lines.tolist())
    few = microgrids <= KAMADA_KAWAI_MAX
    placed = nx.kamada_kawai_layout(graph) if few else nx.spring_layout(graph, seed=0, iterations=60)
    return np.array([placed[k] for k in range(microgrids)], dtype=float).reshape(microgrids, 2)


def member_places(home: Numbers, microgrids: int, operator: npt.NDArray[np.bool_], places: Floats) -> Floats:
    """Return a place for each agent, (agents, 2).

    Parameters
    ----------
    home : (agents,) the microgrid of each; the first `microgrids` agents are their virtual agents
    operator : (agents,) bool, which are operators of a microgrid: these stand on the side away from the other microgrids
    places : (microgrids, 2), from `microgrid_places`

    Notes
    -----
    Members stand on rings around their virtual agent, the outermost within 0.42 of the distance to the nearest other one.
    """
    found = places[home]
    room = 0.42 * _nearest(places)
    for k in range(microgrids):
        members = np.flatnonzero(home == k)
        members = members[members >= microgrids]
        members = members[np.argsort(~operator[members], kind="stable")]
        outward = places[k] - places.mean(axis=0)
        start = float(np.arctan2(outward[1], outward[0])) if np.abs(outward).max() > 1e-9 else 0.0
        found[members] += room[k] * _rings(len(members), start)
    return found


def _nearest(places: Floats) -> Floats:
    if len(places) == 1:
        return np.ones(1)
    apart = np.hypot(*(places[:, None, :] - places[None, :, :]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    return np.asarray(apart.min(axis=1))


def _rings(count: int, start: float) -> Floats:
    """(count, 2) within the unit circle, ring after ring, the first one at angle `start`."""
    if count <= ONE_RING:
        angle = start + 2 * np.pi * np.arange(count) / max(count, 1)
        radius = np.where(np.arange(count) % 2 * (count > ONE_RING / 2), 0.72, 1.0)
        return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    rings: list[int] = []
    while sum(rings) < count:
        rings.append(min(FIRST_RING * (len(rings) + 1), count - sum(rings)))
    found = []
    for k, number in enumerate(rings):
        angle = start + 2 * np.pi * (np.arange(number) + 0.5 * (k % 2)) / max(number, 1)
        found.append((0.5 + 0.5 * (k + 1) / len(rings)) * np.column_stack([np.cos(angle), np.sin(angle)]))
    return np.concatenate(found) if found else np.empty((0, 2))

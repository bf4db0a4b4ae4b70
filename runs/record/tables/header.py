"""What a record says about its run before the first tick."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt

from ...judge.metrics import METRICS
from ...scenario.scenario import Scenario
from ...simulation.simulation import Simulation
from ..files.folder import scenario_text
from ..files.own_files import files_of, sources_of
from .column_codec import Columns
from .tick_tables import column_names, labels_of

__all__ = ["header_of", "machine", "world_of"]

PLACED_MAX = 100
"""Microgrids beyond which a record proposes no places for drawing them."""
SWEEPS, RESTS = 100, 1e-3
"""How often each place is sought anew at most, and by how little all have moved when it is enough."""


def header_of(
    scenario: Scenario, simulation: Simulation, *, one_by_one: bool, command: Sequence[str], reference: bool | None
) -> dict[str, Any]:
    """Return what fits into a few lines of JSON; see `world_of` for what is as large as the market."""
    market, text = simulation.market, scenario_text(scenario)
    topology = market.topology
    return {
        "code_version": version("gridparley"),
        "machine": machine(),
        "name": scenario.name,
        "scenario": text,
        "scenario_hash": scenario.hash,
        "protocol": tomllib.loads(text)["run"]["protocol"],
        "seed": simulation.transport.schedule.seed,
        "settings": [change.to_dict() for change in scenario.changes],
        "ticks": scenario.spec.run.ticks,
        "one_by_one": one_by_one,
        "command": list(command),
        "reference": reference,
        "files": files_of(sources_of(simulation), scenario),
        "periods": market.periods,
        "homes": list(topology.homes),
        "coordinators": len(topology.coordinators),
        "balances": list(topology.balances),
        "balance_kinds": [asdict(kind) for kind in topology.kinds],
        "positions": _positions(simulation),
        "populations": [type(population.society).__name__ for population in market.populations],
        "columns": column_names(simulation),
        "metrics": METRICS,
        "units": {"price": "$/kWh", "x": "kW"},
        "labels": labels_of(simulation),
        "kinds": [
            {
                "name": kind.name,
                "labels": kind.labels,
                "fields": [[field.name, field.width, field.unit] for field in kind.fields],
            }
            for _, kind in sorted(simulation.kinds.items())
        ],
    }


def machine() -> dict[str, Any]:
    """Return what numpy's logarithms, exponentials and powers depend on in their last bits, where its sums do not."""
    found = np.show_config(mode="dicts")["SIMD Extensions"]
    return {"numpy": np.__version__, "features": [*found["baseline"], *found["found"]]}


def world_of(simulation: Simulation) -> dict[str, Columns]:
    """Return agents, channels, tie-lines and, by population, whose each row of answers is."""
    topology = simulation.market.topology
    names = [topology.name(address) for address in range(topology.size)]
    world: dict[str, Columns] = {
        "agent": {"agent.name": np.array(names, dtype=object), "agent.home": topology.home},
        "channel": {
            f"channel.{name}": getattr(topology.channels, name)
            for name in ("sender", "receiver", "balance", "link", "about")
        },
        "balance": {
            "balance.kind": topology.kind,
            "balance.coordinator": topology.coordinator,
            "balance.end": topology.ends.ravel(),
        },
        "home": {"home.balance": topology.home_balance},
        "row": {f"row.{name}": getattr(topology, f"row_{name}") for name in ("agent", "place", "balance")},
    }
    for k, population in enumerate(simulation.market.populations):
        world[f"population.{k}"] = {
            f"population.{k}.address": population.address,
            f"population.{k}.row_start": population.society.row_start,
        }
    return world


def _positions(simulation: Simulation) -> list[list[float]] | None:
    """Return a place for each home, within -1 .. 1."""
    topology = simulation.market.topology
    homes = len(topology.homes)
    if homes > PLACED_MAX:
        return None
    graph = nx.Graph()
    graph.add_nodes_from(range(homes))
    graph.add_edges_from(topology.ends[topology.joins].tolist())
    every = np.zeros((homes, 2))
    # Pieces that nothing joins stand beside each other.
    for number, piece in enumerate(nx.connected_components(graph)):
        members = sorted(piece)
        every[members] = np.add(_placed(graph, members), (2.5 * number, 0.0))
    if nx.number_connected_components(graph) > 1:
        every -= (every.max(axis=0) + every.min(axis=0)) / 2.0
        every /= max(float(np.abs(every).max()), 1e-9)
    return [[round(float(v), 6) for v in at] for at in every]


def _placed(graph: Any, members: list[int]) -> npt.NDArray[np.float64]:
    """Return a place for each home of a piece, within -1 .. 1, by the energy of Kamada and Kawai.

    Information Processing Letters 31, 1989; found home by home as by Gansner, Koren and North (Graph Drawing 2004), whose sums
    are the same on every processor, which those of a library's descent are not.
    """
    n = len(members)
    ways = dict(nx.all_pairs_shortest_path_length(graph.subgraph(members)))
    far = np.array([[ways[one][other] for other in members] for one in members], dtype=np.float64)
    angle = 2.0 * np.pi * np.arange(n) / n
    at = np.stack([np.cos(angle), np.sin(angle)], axis=1) * far.max() / 2.0
    if n > 1:
        weight = 1.0 / np.square(far + np.eye(n)) - np.eye(n)
        for _ in range(SWEEPS):
            moved = 0.0
            for k in range(n):
                way = at[k] - at
                length = np.sqrt(np.square(way).sum(axis=1))
                length[k] = 1.0
                new = (weight[k, :, None] * (at + (far[k] / length)[:, None] * way)).sum(axis=0) / weight[k].sum()
                moved = max(moved, float(np.abs(new - at[k]).max()))
                at[k] = new
            if moved < RESTS:
                break
    at -= at.mean(axis=0)
    return np.asarray(at / max(float(np.abs(at).max()), 1e-9))

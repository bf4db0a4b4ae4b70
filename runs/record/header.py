"""What a record says about its run before the first tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import networkx as nx
import numpy as np

from ..judge.metrics import METRICS
from ..scenario.scenario import Scenario
from ..simulation.simulation import Simulation
from .column_codec import Columns
from .folder import scenario_text
from .own_files import files_of, sources_of
from .tick_tables import column_names, labels_of

__all__ = ["header_of", "machine", "world_of"]

PLACED_MAX = 100
"""Microgrids beyond which a record proposes no places for drawing them."""


def header_of(
    scenario: Scenario, simulation: Simulation, *, one_by_one: bool, command: Sequence[str], reference: bool | None
) -> dict[str, Any]:
    """Return what fits into a few lines of JSON; see `world_of` for what is as large as the market."""
    market = simulation.market
    topology = market.topology
    return {
        "code_version": version("gridparley"),
        "machine": machine(),
        "name": scenario.name,
        "scenario": scenario_text(scenario),
        "scenario_hash": scenario.hash,
        "protocol": scenario.spec.run.protocol,
        "seed": simulation.transport.schedule.seed,
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
    """Return a place for each home, within -1 .. 1, by Kamada and Kawai (Information Processing Letters 31, 1989)."""
    topology = simulation.market.topology
    homes = len(topology.homes)
    if homes > PLACED_MAX:
        return None
    graph = nx.Graph()
    graph.add_nodes_from(range(homes))
    graph.add_edges_from(topology.ends[topology.joins].tolist())
    placed: dict[int, Any] = {}
    # Pieces that nothing joins stand beside each other.
    for number, piece in enumerate(nx.connected_components(graph)):
        for home, at in nx.kamada_kawai_layout(graph.subgraph(sorted(piece))).items():
            placed[home] = np.array(at) + np.array([2.5 * number, 0.0])
    every = np.array([placed[home] for home in range(homes)])
    if nx.number_connected_components(graph) > 1:
        every -= (every.max(axis=0) + every.min(axis=0)) / 2.0
        every /= max(float(np.abs(every).max()), 1e-9)
    return [[round(float(v), 6) for v in at] for at in every]

"""What a record says about its run before the first tick."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import networkx as nx
import numpy as np

from ..judge.metrics import METRICS
from ..scenario.scenario import Scenario
from ..simulation.simulation import Simulation
from .column_codec import Columns
from .folder import scenario_text
from .tick_tables import column_names

__all__ = ["header_of", "world_of"]

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
        "name": scenario.name,
        "scenario": scenario_text(scenario),
        "scenario_hash": scenario.hash,
        "protocol": scenario.spec.run.protocol,
        "seed": simulation.transport.schedule.seed,
        "ticks": scenario.spec.run.ticks,
        "one_by_one": one_by_one,
        "command": list(command),
        "reference": reference,
        "periods": market.periods,
        "microgrids": list(topology.microgrids),
        "tie_lines": list(topology.line_names),
        "positions": _positions(simulation),
        "populations": [type(population.society).__name__ for population in market.populations],
        "columns": column_names(simulation),
        "metrics": METRICS,
        "units": {"price": "$/kWh", "transfer_price": "$/kWh", "x": "kW"},
        "kinds": [
            {"name": kind.name, "fields": [[field.name, field.width, field.unit] for field in kind.fields]}
            for _, kind in sorted(simulation.kinds.items())
        ],
    }


def world_of(simulation: Simulation) -> dict[str, Columns]:
    """Return agents, channels, tie-lines and, by population, whose each row of answers is."""
    topology = simulation.market.topology
    names = [topology.name(address) for address in range(topology.size)]
    world: dict[str, Columns] = {
        "agent": {"agent.name": np.array(names, dtype=object), "agent.home": topology.home},
        "channel": {
            f"channel.{name}": getattr(topology.channels, name) for name in ("sender", "receiver", "line", "link")
        },
        "line": {"line.hub": topology.lines.ravel()},
    }
    for k, population in enumerate(simulation.market.populations):
        world[f"population.{k}"] = {
            f"population.{k}.address": population.address,
            f"population.{k}.row_start": population.society.row_start,
        }
    return world


def _positions(simulation: Simulation) -> list[list[float]] | None:
    """Return a place for each microgrid, within -1 .. 1, by Kamada and Kawai (Information Processing Letters 31, 1989)."""
    topology = simulation.market.topology
    if topology.hubs > PLACED_MAX:
        return None
    graph = nx.Graph()
    graph.add_nodes_from(range(topology.hubs))
    graph.add_edges_from(topology.lines.tolist())
    placed = nx.kamada_kawai_layout(graph)
    return [[round(float(v), 6) for v in placed[hub]] for hub in range(topology.hubs)]

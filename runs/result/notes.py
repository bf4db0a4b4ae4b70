"""What a result says beside how the run ended: which faults acted on nothing, and which types of a user's took part."""

from __future__ import annotations

from typing import Any

from ...environment.faults import Fault
from ..common.failure import is_own, kit_command
from ..simulation.simulation import Simulation

__all__ = ["faults_told", "idle_faults", "own_types"]


def faults_told(simulation: Simulation) -> list[dict[str, Any]]:
    """Return of each fault its name, and the first tick in which it acted; None where it acted on nothing.

    A fault has acted when it changed which messages there are, when one is due or what one says, or put an agent to sleep.
    """
    schedule = simulation.transport.schedule
    return [{"name": fault.name, "acted_first": schedule.acted.get(fault.name)} for fault in schedule.faults]


def idle_faults(simulation: Simulation) -> list[tuple[str, str]]:
    """Return the name of each fault that acted on nothing in the ticks that were done, and why that may be."""
    schedule, tick = simulation.transport.schedule, simulation.tick
    return [(fault.name, _why(fault, tick)) for fault in schedule.faults if fault.name not in schedule.acted]


def _why(fault: Fault, tick: int) -> str:
    if fault.start >= tick:
        return f"it would have begun in tick {fault.start}, and the run ended after {tick}"
    window = (
        ""
        if fault.start == 0 and fault.end is None
        else f" in ticks {fault.start} to {min(fault.end or tick, tick) - 1}"
    )
    return f"it changed none of the messages that it covers{window}"


def own_types(simulation: Simulation) -> str:
    """Return the command that tries the types of a user's that take part, "" where all are built in."""
    kinds: list[type] = [type(population.society) for population in simulation.market.populations]
    kinds += [type(simulation.protocol), *(type(fault) for fault in simulation.transport.schedule.faults)]
    return kit_command(kind for kind in dict.fromkeys(kinds) if is_own(kind))

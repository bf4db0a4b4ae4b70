"""One agent's private state, which the page asks for and no frame holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents.facts import facts_of
from ..page.playback import Playback

__all__ = ["private_state"]


def private_state(playback: Playback, agent: int, tick: int) -> dict[str, Any]:
    """Return what only one agent knows: its facts, as they are now, and what it answered last in a tick.

    Returns
    -------
    x : rows of kW; None where it is not in the record, or the agent answers nothing
    facts : [name, values, one a port]
    now : whether the facts are those of the last tick, and not those before the first
    """
    live = playback.simulation
    simulation = playback.unstarted if live is None else live
    state: dict[str, Any] = {"agent": agent, "tick": tick, "x": None, "facts": [], "now": live is not None}
    for k, population in enumerate(simulation.market.populations):
        society, world = population.society, playback.record.world(f"population.{k}")
        (place,) = np.flatnonzero(world["address"] == agent)[:1] if agent in world["address"] else (None,)
        if place is None:
            continue
        rows = slice(int(world["row_start"][place]), int(world["row_start"][place + 1]))
        own = society[int(place)]
        for name, fact in facts_of(type(society)).items():
            state["facts"].append([name, _plain(np.asarray(getattr(own, name))), fact.shape.by_port])
        x = next(playback.record.states(tick, tick + 1)).x if tick < playback.ticks else None
        if x is None and live is not None and tick == playback.last:
            x = live.state.x
        if x is not None:
            state["x"] = [_plain(row) for row in x[k][rows]]
    return state


def _plain(values: npt.NDArray[Any]) -> list[float | str]:
    """Numbers as JSON knows them, and the others by the names that JavaScript gives them."""
    return [
        value if math.isfinite(value) else str(value).replace("inf", "Infinity") for value in values.ravel().tolist()
    ]

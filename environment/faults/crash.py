"""Crash and slowness: agents that do not act."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..envelopes import Envelopes
from ..topology.topology import Topology
from .base import Chance, Fault, Stage

__all__ = ["Crash", "Slow"]


class Crash(Fault):
    """Agents are down from `start` to `end`: they neither hear, solve nor speak, and what arrives for them is stopped.

    What they sent before is on its way and arrives. A restarted agent catches up from what others tell it; nothing resets
    the order of its messages, which is that of ticks.

    Attributes
    ----------
    agent : who, e.g. ``"B.operator"`` or ``"*.virtual"``
    memory : ``kept`` or ``lost`` at the restart: what it heard, what it answered and, for a virtual agent, its prices
    """

    kind: ClassVar[str] = "crash"
    stage: ClassVar[Stage] = Stage.CRASH
    value: ClassVar[str] = "agent"

    agent: str
    memory: Literal["kept", "lost"] = "kept"

    def covers(self, topology: Topology) -> npt.NDArray[np.bool_] | None:
        """Return which channels lead to the agents that are down."""
        scope = super().covers(topology)
        to = self.marked(self.agent, topology)[topology.channels.receiver]
        return np.asarray(to if scope is None else to & scope)

    def puts_to_sleep(self, tick: int) -> bool:
        """Down in every tick of the window."""
        return True

    def wipes_memory(self, tick: int) -> bool:
        """At the restart, where memory is lost."""
        return self.memory == "lost" and tick == self.end

    def on_deliver(self, envelopes: Envelopes, chance: Chance) -> Envelopes:
        """Stop everything."""
        return envelopes.take(np.zeros(len(envelopes), dtype=bool))


class Slow(Fault):
    """Agents solve and speak in every `every`-th tick only; what arrives meanwhile they hear, so nothing is stopped."""

    kind: ClassVar[str] = "slow"
    stage: ClassVar[Stage] = Stage.CRASH
    value: ClassVar[str] = "agent"

    agent: str
    every: int = Field(default=5, ge=2, le=100_000)

    def puts_to_sleep(self, tick: int) -> bool:
        """In all ticks of the window but the first and every so many after it."""
        return (tick - self.start) % self.every != 0

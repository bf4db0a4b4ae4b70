"""Role: hearing only writes; speaking only reads, solves at most once, and sends."""

from __future__ import annotations

from ..environment import MessageBatch, Outbox
from .memory import Memory
from .state import MarketState

__all__ = ["Role"]


class Role:
    """Agents that speak alike, in columns: one agent or a million, by the same lines.

    A role never reads anything but its own agents' facts, its own state and its `memory`. In which order roles are asked,
    and how the agents are split among roles of one class, makes no difference to any result.

    Attributes
    ----------
    memory : what it hears, by kind
    """

    def __init__(self) -> None:
        self.memory: dict[str, Memory] = {}

    def hear(self, tick: int, batch: MessageBatch) -> tuple[int, int]:
        """Write what was heard to memory, nothing else; return how many messages were news and how many stale."""
        memory = self.memory.get(batch.kind.name)
        return (0, 0) if memory is None else memory.write(tick, batch)

    def speak(self, tick: int, outbox: Outbox) -> None:
        """Read memory, solve at most once, and send."""
        raise NotImplementedError

    def report(self, state: MarketState) -> None:
        """Write this role's true state to an observer's picture of the market."""
        raise NotImplementedError

    def oldest(self, state: MarketState) -> None:
        """Write the tick of the oldest message that is still relied on; nothing for roles that no price hangs on."""

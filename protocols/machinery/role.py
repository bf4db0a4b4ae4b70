"""Role: hearing only writes; speaking only reads, solves at most once, and sends."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...environment import MessageBatch, Outbox
from .market import Market
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
    address : (n,) of its agents
    awake : (n,) bool, the agents that may act in this tick: neither down nor resting
    seen : (n,) the tick in which each agent last acted; what was heard since is new to it
    woken : whether anybody lost memory, or nobody acted yet, since all of them acted on all they had heard
    """

    def __init__(self, address: npt.NDArray[np.integer]) -> None:
        self.memory: dict[str, Memory] = {}
        self.address = address
        self.awake = np.ones(len(address), dtype=bool)
        self.seen = np.full(len(address), -1, dtype=np.int64)
        self.woken = True

    def rest(self, asleep: npt.NDArray[np.bool_] | None) -> None:
        """Let some agents, (all agents,) bool, not act in this tick; None: all are awake."""
        if asleep is not None:
            self.awake = ~asleep[self.address]
        elif not self.awake.all():
            self.awake = np.ones(len(self.address), dtype=bool)

    def forget(self, agents: npt.NDArray[np.bool_]) -> None:
        """Make some of its agents, (n,) bool, wake up without any memory."""
        raise NotImplementedError

    def open(self, market: Market, first_round: int, tick: int) -> None:
        """Begin a period, by the clock that everybody has: other facts, prices as they stand, and rounds from `first_round`.

        What was said in an earlier period has lower rounds, by which it is known as old.
        """
        raise NotImplementedError

    def hear(self, tick: int, *batches: MessageBatch) -> tuple[int, int]:
        """Write what was heard, batches of one kind, the oldest first, to memory, nothing else.

        Returns
        -------
        how many messages were news and how many stale
        """
        memory = self.memory.get(batches[0].kind.name) if batches else None
        return (0, 0) if memory is None else memory.write(tick, *batches)

    @property
    def stirred(self) -> bool:
        """Whether there may be anything to do: something was heard, or somebody woke, since all of them acted."""
        return self.woken or any(memory.news for memory in self.memory.values())

    def acted(self, tick: int) -> None:
        """Note that everybody who is awake has acted on everything heard so far."""
        if self.awake.all():
            self.seen.fill(tick)
            self.woken = False
            for memory in self.memory.values():
                memory.news = False
        else:
            self.seen[self.awake] = tick

    def speak(self, tick: int, outbox: Outbox) -> None:
        """Read memory, solve at most once, and send."""
        raise NotImplementedError

    def report(self, state: MarketState) -> None:
        """Write this role's true state to an observer's picture of the market."""
        raise NotImplementedError

    def oldest(self, state: MarketState) -> None:
        """Write the tick of the oldest message that is still relied on; nothing for roles that no price hangs on."""

"""Role: hearing only writes; speaking only reads, solves at most once, and sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...environment import MessageBatch, Outbox
from .market import Market
from .memory import Memory
from .state import MarketState

__all__ = ["Declared", "Role"]

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Declared:
    """One column of a role's state.

    Attributes
    ----------
    holder : the object that holds it as an attribute of its name
    owner : (n,) which of the role's agents each entry belongs to; None: entry k belongs to agent k
    first : (n, ...) what stands there before the first tick, and after a lost memory
    per_period : whether it starts again when a period opens
    """

    holder: Any
    owner: npt.NDArray[np.integer] | None
    first: npt.NDArray[Any]
    per_period: bool


class Role:
    """Agents that speak alike, in columns: one agent or a million, by the same lines.

    A role never reads anything but its own agents' facts, its own state and its `memory`. In which order roles are asked,
    and how the agents are split among roles of one class, makes no difference to any result.

    State is declared once, column by column (`declare`); what a lost memory, a new period and a checkpoint do to it follows
    from that. Whatever else a role holds must follow from facts, topology and declared state.

    Attributes
    ----------
    memory : what it hears, by kind
    address : (n,) of its agents
    awake : (n,) bool, the agents that may act in this tick: neither down nor resting
    seen : (n,) the tick in which each agent last acted; what was heard since is new to it
    woken : whether an agent lost its memory, or none acted yet, since all of them acted on all they had heard
    """

    def __init__(self, address: npt.NDArray[np.integer]) -> None:
        self.memory: dict[str, Memory] = {}
        self.memory_owner: dict[str, npt.NDArray[np.integer]] = {}
        self.declared: dict[str, Declared] = {}
        self.address = address
        self.awake = np.ones(len(address), dtype=bool)
        self.seen = np.full(len(address), -1, dtype=np.int64)
        self.woken = True

    def declare(
        self,
        name: str,
        first: npt.NDArray[Any],
        *,
        owner: npt.NDArray[np.integer] | None = None,
        per_period: bool = False,
        holder: Any = None,
    ) -> None:
        """Declare a column of state and set it: see `Declared`; `holder` is the role itself unless it is given."""
        holder = self if holder is None else holder
        self.declared[f"{type(holder).__name__}.{name}"] = Declared(holder, owner, first.copy(), per_period)
        setattr(holder, name, first.copy())

    def listen(self, name: str, memory: Memory, owner: npt.NDArray[np.integer]) -> Memory:
        """Hear messages of a kind; `owner`, (slots,), tells which agent hears on each channel."""
        self.memory[name], self.memory_owner[name] = memory, owner
        return memory

    def rest(self, asleep: Mask | None) -> None:
        """Let some agents, (all agents,) bool, not act in this tick; None: all are awake."""
        if asleep is not None:
            self.awake = ~asleep[self.address]
        elif not self.awake.all():
            self.awake = np.ones(len(self.address), dtype=bool)

    def forget(self, agents: Mask) -> None:
        """Make some of its agents, (n,) bool, wake up without any memory."""
        for name, memory in self.memory.items():
            memory.forget(agents.take(self.memory_owner[name]))
        for name, declared in self.declared.items():
            which = agents if declared.owner is None else agents.take(declared.owner)
            column = getattr(declared.holder, name.rpartition(".")[2])
            column[which] = declared.first[which]
        self.woken = True

    def open(self, market: Market, first_round: int, tick: int) -> None:
        """Begin a period, by the clock that all agents have: other facts, prices as they stand, rounds from `first_round`.

        What was said in an earlier period has lower rounds, by which it is known as old.
        """
        for name, declared in self.declared.items():
            if declared.per_period:
                getattr(declared.holder, name.rpartition(".")[2])[:] = declared.first
        self.woken = True

    def snapshot(self) -> dict[str, Any]:
        """Return all of its state: arrays and numbers, by name."""
        columns = {name: getattr(one.holder, name.rpartition(".")[2]) for name, one in self.declared.items()}
        memories = {f"memory.{name}": memory.snapshot() for name, memory in self.memory.items()}
        return {**columns, **memories, "awake": self.awake, "seen": self.seen, "woken": self.woken}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up a state that `snapshot` returned for the same agents."""
        for name, declared in self.declared.items():
            setattr(declared.holder, name.rpartition(".")[2], kept[name])
        for name, memory in self.memory.items():
            memory.restore(kept[f"memory.{name}"])
        self.awake, self.seen, self.woken = kept["awake"], kept["seen"], kept["woken"]

    def hear(self, tick: int, *batches: MessageBatch) -> tuple[Any, Any]:
        """Write what was heard, batches of one kind, the oldest first, to memory, nothing else.

        Returns
        -------
        how many messages were news and how many stale, (labels,) each, by what their channels are about; or 0
        """
        memory = self.memory.get(batches[0].kind.name) if batches else None
        return (0, 0) if memory is None else memory.write(tick, *batches)

    @property
    def stirred(self) -> bool:
        """Whether there may be anything to do: something was heard, or an agent woke, since all of them acted."""
        return self.woken or any(memory.news for memory in self.memory.values())

    def acted(self, tick: int) -> None:
        """Note that all agents that are awake have acted on everything heard so far."""
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

"""A run kept whole: what every agent heard and said, tick by tick, and what its role did to itself on the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...environment import Fate, MessageBatch, Outbox, Transport
from ...environment.faults import Delay, Duplicate, Fault, Loss
from ...protocols import Market, MarketState, Protocol, Role
from ..fingerprint import attributes, changed

__all__ = ["Recording", "Said", "rough_weather"]

Floats = npt.NDArray[np.float64]


WATCHED_TICKS = 40
"""Ticks in which everything a role holds is compared before and after hearing, which takes longer than all the rest."""


def rough_weather(harm: float = 1.0) -> list[Fault]:
    """Return loss, delay and duplicates together."""
    return [
        Loss(probability=0.2 * harm, name="conformance loss"),
        Delay(ticks="0..3", name="conformance delay"),
        Duplicate(probability=0.3 * harm, delay="0..3", name="conformance duplicates"),
    ]


class Said(NamedTuple):
    """Messages of one kind that one role said in one tick, and a copy of what was in them when they were said."""

    tick: int
    batch: MessageBatch
    values: Floats


@dataclass
class Recording:
    """A run of a protocol, every agent in a role of its own.

    Attributes
    ----------
    roles : one an agent
    said : by role, in order
    heard : by role, in order: (tick, batch) with the messages to that role's agent alone
    senders : by role, the addresses in whose name it spoke
    meddling : by role, what hearing changed beside memory, if it did: (tick, names of attributes)
    told : by tick, the true state of all agents: x by population, price, and where there are several copies row_price
    """

    market: Market
    roles: list[Role]
    said: list[list[Said]] = field(init=False)
    heard: list[list[tuple[int, MessageBatch]]] = field(init=False)
    senders: list[set[int]] = field(init=False)
    meddling: list[tuple[int, list[str]] | None] = field(init=False)
    told: list[list[Floats]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.said, self.heard = [[] for _ in self.roles], [[] for _ in self.roles]
        self.senders, self.meddling = [set() for _ in self.roles], [None for _ in self.roles]

    @classmethod
    def of(cls, protocol: Protocol, market: Market, *, seed: int, ticks: int) -> Recording:
        """Run a protocol through rough weather for some ticks."""
        market = protocol.wired(market)
        kinds = protocol.kinds_of(market)
        transport = Transport(market.topology, kinds.values(), rough_weather(), seed=seed)
        roles = protocol.roles(market, one_by_one=True)
        kept = cls(market, roles)
        state = MarketState.blank(market)
        arrived: list[list[MessageBatch]] = []
        for tick in range(ticks):
            arrived.append(transport.deliver(tick))
            for batch in arrived[-1]:
                transport.journal.count(tick, batch.kind.name, Fate.DELIVERED, len(batch))
            for k, role in enumerate(roles):
                kept._hear(k, role, tick, arrived[-1])
            together = Outbox(tick)
            for k, role in enumerate(roles):
                kept._speak(k, role, tick, together)
            transport.accept(together)
            for role in roles:
                role.report(state)
            state.complete(market)
            kept.told.append([v.copy() for v in (*state.x, state.price, state.row_price) if v is not None])
            if state.stopped.all():
                break
        kept._sort(arrived)
        return kept

    def _hear(self, k: int, role: Role, tick: int, batches: list[MessageBatch]) -> None:
        watched = batches and tick < WATCHED_TICKS and not self.meddling[k]
        before = attributes(role) if watched else {}
        for batch in batches:
            role.hear(tick, batch)
        if before and (names := changed(role, before)):
            self.meddling[k] = tick, names

    def _speak(self, k: int, role: Role, tick: int, together: Outbox) -> None:
        alone = Outbox(tick)
        role.speak(tick, alone)
        sender = self.market.topology.channels.sender
        for batch in alone.batches():
            self.said[k].append(Said(tick, batch, batch.values.copy()))
            within = (batch.channel >= 0) & (batch.channel < len(sender))  # the others the transport refuses
            self.senders[k] |= set(sender[batch.channel[within]].tolist())
            together.send(batch.kind, batch.channel, batch.payload, batch.row)

    def _sort(self, arrived: list[list[MessageBatch]]) -> None:
        """Give every role what was sent to its agent."""
        receiver = self.market.topology.channels.receiver
        for k, senders in enumerate(self.senders):
            mine = np.isin(receiver, sorted(senders))
            for tick, batches in enumerate(arrived):
                for batch in batches:
                    if (here := mine[batch.channel]).any():
                        part = batch.take(here)
                        # Its own block of payloads: other people's rows are not there to be read.
                        self.heard[k].append((tick, replace(part, payload=part.values.copy(), row=None)))

"""The locality replay: an agent that hears the same says the same, whatever the others' private facts are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...environment import MessageBatch, Outbox
from ...protocols import Market, Protocol, Role
from ..error import shown
from ..fingerprint import same_bits
from ..market import agents_of, with_facts
from .recording import Recording

__all__ = ["replay", "strange_market", "told_facts"]

Floats = npt.NDArray[np.float64]


def strange_market(market: Market, own: set[int]) -> Market:
    """Return a market in which all agents but some have other facts; they need make no sense, for none of those acts.

    The first price of a balance is known to all coordinators that ask about a row of it: with two ledgers there are two.
    """

    def other(address: int, name: str, values: Floats) -> Floats:
        return values if address in own else np.where(np.isfinite(values), 1.37 * values + 0.11, 1.0)

    strange, topology = with_facts(market, other), market.topology
    asked = topology.row_balance[np.isin(topology.row_coordinator, sorted(own))]
    known = np.isin(np.argsort(topology.coordinator, kind="stable"), asked)[:, None]
    price = np.where(known, market.virtual.price, strange.virtual.price)
    return replace(strange, virtual=strange.virtual.replace(price=price))


def replay(recording: Recording, protocol: Protocol, k: int) -> str | None:
    """Let role k alone, among strangers, hear again what it heard; return how it differs, None where it does not."""
    market = recording.market
    role = protocol.roles(strange_market(market, recording.senders[k]), one_by_one=True)[k]
    heard: dict[int, list[MessageBatch]] = {}
    for tick, batch in recording.heard[k]:
        heard.setdefault(tick, []).append(batch)
    said: dict[int, list[tuple[MessageBatch, Floats]]] = {}
    for then in recording.said[k]:
        said.setdefault(then.tick, []).append((then.batch, then.values))
    for tick in range(len(recording.told)):
        spoken = _one_tick(role, tick, heard.get(tick, []))
        if difference := _difference(said.get(tick, []), spoken):
            return f"tick {tick}: {difference}"
    return None


def _one_tick(role: Role, tick: int, heard: list[MessageBatch]) -> list[MessageBatch]:
    for batch in heard:
        role.hear(tick, batch)
    outbox = Outbox(tick)
    role.speak(tick, outbox)
    return outbox.batches()


def _difference(then: list[tuple[MessageBatch, Floats]], now: list[MessageBatch]) -> str | None:
    kinds = [[batch.kind.name for batch in batches] for batches in ([batch for batch, _ in then], now)]
    if kinds[0] != kinds[1]:
        return f"it said {', '.join(kinds[1]) or 'nothing'}; before it said {', '.join(kinds[0]) or 'nothing'}"
    for (batch, values), again in zip(then, now, strict=True):
        if not np.array_equal(batch.channel, again.channel):
            return f"{batch.kind.name!r} on channels {again.channel.tolist()}; before on {batch.channel.tolist()}"
        if not same_bits(values, again.values):
            row = int(np.argmax((values != again.values).any(axis=1)))
            return f"{batch.kind.name!r} says {shown(again.values[row])}; before it said {shown(values[row])}"
    return None


def told_facts(recording: Recording, may_tell: frozenset[str]) -> str | None:
    """Return where a payload holds a private fact of its sender, None where none does.

    An answer at its limit equals a fact without telling more than an answer does, so numbers that stand in the true
    state of that tick (x, price, row_price) are no leak. Facts must be odd numbers, which no count hits by chance.
    """
    agents = agents_of(recording.market)
    public = set(
        range(len(recording.market.topology.coordinators))
    )  # whose only facts are the first prices, to be called out
    for senders, said in zip(recording.senders, recording.said, strict=True):
        facts = {
            name: np.unique(np.abs(getattr(agents[address], name)))
            for address in sorted(senders - public)
            for name in agents[address].facts
            if name not in may_tell
        }
        for tick, batch, values in said:
            state = np.abs(np.concatenate([v.ravel() for v in recording.told[tick]]))
            odd = np.setdiff1d(np.abs(values), state)
            for name, secret in facts.items():
                leaked = np.intersect1d(odd, secret[~np.isin(secret, [0.0, 1.0, np.inf])])
                if leaked.size:
                    return f"tick {tick}: {batch.kind.name!r} says {shown(leaked[0])}, its sender's {name}"
    return None

"""Causality: numbers of messages, and which message just heard caused which message said."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...environment import MessageBatch, Topology
from ...environment.topology.channels import Link

__all__ = ["Causality"]

Numbers = npt.NDArray[np.int64]

_OPPOSITE = {Link.DOWN: Link.UP, Link.UP: Link.DOWN, Link.PEER: Link.PEER}


class Causality:
    """Follows messages through a run.

    Messages are numbered in the order of ticks, kinds (by name) and channels; a copy has the number of its original.

    The *cause* of a message is the newest one that its sender had heard since it last acted and that was news: for an
    answer the ask that came over the same channel the other way; for an ask the last answer about the same balance, in the
    order of channels; for what coordinators tell each other the last of those; else the last of any. There is none for a
    first call, and none for what is repeated because of silence.

    Parameters
    ----------
    topology

    Attributes
    ----------
    number : of the next message
    """

    def __init__(self, topology: Topology) -> None:
        c = self._channels = topology.channels
        self._coordinator = topology.coordinator
        self.number = 0
        self._said: dict[tuple[str, int], tuple[int, npt.NDArray[np.int32], list[MessageBatch]]] = {}
        self._places: dict[tuple[str, int], npt.NDArray[np.int32]] = {}
        self._last_due: dict[int, int] = {}
        self._heard = np.full(len(c), -1, dtype=np.int64)
        self._by_link = np.full((len(Link), topology.size), -1, dtype=np.int64)
        self._by_balance = np.full(len(topology.balances), -1, dtype=np.int64)
        self._last = np.full(topology.size, -1, dtype=np.int64)
        self._news = False

    def hear(self, batch: MessageBatch) -> None:
        """Note messages that were just heard and were news."""
        number, receiver = self.numbers(batch), self._channels.receiver.take(batch.channel)
        self._heard[batch.channel] = number
        self._last[receiver] = number
        if len(batch.kind.links) == 1:
            self._by_link[batch.kind.links[0]][receiver] = number
        else:
            self._by_link[self._channels.link.take(batch.channel), receiver] = number
        if Link.UP in batch.kind.links:
            self._by_balance[self._channels.balance.take(batch.channel)] = number
        self._news = True

    def say(self, parts: list[MessageBatch]) -> Numbers:
        """Number what is said, all of one kind in one tick, and return the numbers of the causes, (n,), -1 for none."""
        kind, channel = parts[0].kind, np.concatenate([part.channel for part in parts])
        self._said[kind.name, parts[0].sent] = self.number, channel, parts
        self.number += len(channel)
        if not self._news:
            return np.full(len(channel), -1, dtype=np.int64)
        sender = self._channels.sender.take(channel)
        if len(kind.links) == 1:
            cause = self._cause(kind.links[0], channel, sender)
        else:
            cause = np.empty(len(channel), dtype=np.int64)
            link = self._channels.link.take(channel)
            for one in kind.links:
                which = (link == one).nonzero()[0]
                cause[which] = self._cause(one, channel.take(which), sender.take(which))
        missing = cause < 0
        return np.where(missing, self._last.take(sender), cause) if missing.any() else cause

    def _cause(self, link: Link, channel: npt.NDArray[np.int32], sender: npt.NDArray[np.int32]) -> Numbers:
        """(n,): the newest message heard over the opposite link, or of an answer the ask that it answers."""
        found = self._by_link[_OPPOSITE[link]].take(sender)
        if link is Link.PEER:
            return found
        about = (
            self._heard_back(channel)
            if link is Link.UP
            else self._by_balance.take(self._channels.balance.take(channel))
        )
        return np.where(about >= 0, about, found)

    def _heard_back(self, channel: npt.NDArray[np.int32]) -> Numbers:
        """(n,): the newest message heard over the channel that leads the other way."""
        return self._heard.take(self._channels.back.take(channel))

    def carry(self, batch: MessageBatch) -> None:
        """Note until when messages that were just said may be on their way."""
        self._last_due[batch.sent] = max(
            self._last_due.get(batch.sent, 0), batch.sent + 1 if batch.due is None else int(batch.due.max())
        )

    def rest(self, tick: int, asleep: npt.NDArray[np.bool_] | None) -> int:
        """End a tick: agents that have acted begin anew. Return the oldest tick with messages in flight, or the next one."""
        if self._news and asleep is None:
            for column in (self._heard, self._by_link, self._by_balance, self._last):
                column.fill(-1)
            self._news = False
        elif self._news and asleep is not None:
            self._heard[~asleep[self._channels.receiver]] = -1
            self._by_link[:, ~asleep], self._last[~asleep] = -1, -1
            self._by_balance[~asleep[self._coordinator]] = -1
        self._last_due = {sent: due for sent, due in self._last_due.items() if due > tick}
        since = min(self._last_due, default=tick + 1)
        self._said = {key: kept for key, kept in self._said.items() if key[1] >= since}
        self._places = {key: kept for key, kept in self._places.items() if key[1] >= since}
        return since

    def is_whole(self, batch: MessageBatch) -> bool:
        """Tell whether these are all messages of their kind and tick."""
        return batch.copy is None and len(batch) == len(self._said[batch.kind.name, batch.sent][1])

    def first(self, batch: MessageBatch) -> int:
        """Return the number of the first message of this kind and tick."""
        return self._said[batch.kind.name, batch.sent][0]

    def places(self, batch: MessageBatch) -> npt.NDArray[np.int32]:
        """Return which messages of their kind and tick these are: their numbers less the first."""
        if self.is_whole(batch):
            return np.arange(len(batch), dtype=np.int32)
        key = batch.kind.name, batch.sent
        if key not in self._places:
            channel = self._said[key][1]
            self._places[key] = np.empty(len(self._channels), dtype=np.int32)
            self._places[key][channel] = np.arange(len(channel), dtype=np.int32)
        return self._places[key].take(batch.channel)

    def numbers(self, batch: MessageBatch) -> Numbers:
        """Return the numbers of messages that were said before."""
        return self.places(batch) + np.int64(self.first(batch))

    def garbled(self, batch: MessageBatch) -> npt.NDArray[np.bool_] | None:
        """Return which messages do not say any more what was said, (n,) bool; None if all do."""
        parts = self._said[batch.kind.name, batch.sent][2]
        if any(batch.payload is part.payload for part in parts):
            return None
        said = np.concatenate([part.values for part in parts])[self.places(batch)]
        found = np.asarray((batch.values.view(np.int64) != said.view(np.int64)).any(axis=1))
        return found if found.any() else None

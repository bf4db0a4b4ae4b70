"""Recovery: how a keeper that lost its memory learns from its members where the negotiation stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...environment import Outbox
from .memory import Memory

if TYPE_CHECKING:
    from .keeper import Keeper

__all__ = ["Recovery"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Recovery:
    """Some hubs of a keeper that woke up knowing nothing but its own facts.

    It sends `recall` to its members and to both ends of its lines until all have sent a `recollection`: what they were
    last asked, in which round, and their last answer. The highest round that anybody was asked in is the round it was in
    itself, or the one before, in which case it will take the same step again. A price that nobody has heard in that
    round follows from the answers of the round before, by the protocol's own `update`.

    Parameters
    ----------
    keeper
    channels : number of channels in the topology

    Attributes
    ----------
    pending : (n,) bool, the hubs that still recover
    """

    def __init__(self, keeper: Keeper, channels: int) -> None:
        w = keeper.wiring
        self.keeper = keeper
        self.pending = np.zeros(len(w.hub), dtype=bool)
        self.asked = np.full(len(w.hub), -1, dtype=np.int64)
        self._down = np.concatenate([w.member_down, w.slot_down.ravel()])
        self._hub = np.concatenate([w.member_hub, np.repeat(w.book_hub, 2)])
        up = np.concatenate([w.member_up, w.slot_up.ravel()])
        self._heard = Memory(keeper.kinds["recollection"], up, channels)
        keeper.memory["recollection"] = self._heard

    def begin(self, hubs: Mask) -> None:
        """Start with nothing at some hubs."""
        self.pending |= hubs
        self.asked[hubs] = -1
        self._heard.forget(hubs[self._hub])

    def speak(self, tick: int, outbox: Outbox, awake: Mask) -> Mask:
        """Ask those who have not answered; return the hubs that have just recovered."""
        missing = (self._heard.sent < 0) & (self._down >= 0)
        left = np.bincount(self._hub[missing], minlength=len(self.pending))
        ready = self.pending & awake & (left == 0) & (self.asked >= 0)
        if ready.any():
            self._resume(ready)
            self.pending &= ~ready
        due = self.pending & awake & ((self.asked < 0) | (tick >= self.asked + self.keeper.protocol.patience))
        which = missing & due[self._hub]
        outbox.send(self.keeper.kinds["recall"], self._down[which], np.zeros((1, 1)), np.zeros(which.sum(), dtype=int))
        self.asked[due] = tick
        return ready

    def _resume(self, hubs: Mask) -> None:
        """Take up the prices and the round again."""
        keeper, w, heard = self.keeper, self.keeper.wiring, self._heard
        asked = np.where(self._down >= 0, heard.part("asked")[:, 0], -1.0)
        newest = np.full(len(hubs), -1.0)
        np.maximum.at(newest, self._hub, asked)
        members, books = len(w.member_hub), len(w.book_hub)
        self._recall_answers(hubs)
        bus = _first(w.member_hub, asked[:members], len(hubs))
        line = _first(np.repeat(np.arange(books), 2), asked[members:], books)
        known = keeper.told(heard.values[:, : heard.kind.part("asked").start])
        started = hubs & (newest >= 0)
        here = started & (newest >= keeper.first_round)  # in this period; else its first round is still to be asked
        keeper.resume(started, known[bus], books=False)
        keeper.resume(started[w.book_hub], known[members + line], books=True)
        each = started[self._hub] & (asked >= 0)
        keeper.recall(each[:members], known[:members], books=False)
        keeper.recall(each[members:], known[members:], books=True)
        keeper.round = np.where(hubs, np.maximum(newest, keeper.first_round).astype(np.int64), keeper.round)
        behind = here & (asked[bus] == newest - 1.0)
        books_behind = here[w.book_hub] & (asked[members + line] == newest[w.book_hub] - 1.0)
        if behind.any() or books_behind.any():
            keeper.move(behind, books_behind)

    def _recall_answers(self, hubs: Mask) -> None:
        """Write the members' last answers where their next ones will be written."""
        heard, members = self._heard, len(self.keeper.wiring.member_hub)
        answers = np.concatenate([heard.part("x"), heard.part("round")], axis=1)
        mine = hubs[self._hub] & (self._down >= 0)
        for kind, part in (("bid", slice(0, members)), ("transfer", slice(members, None))):
            memory, which = self.keeper.memory[kind], mine[part]
            memory.values[which] = answers[part][which]
            memory.sent[which], memory.heard[which] = heard.sent[part][which], heard.heard[part][which]


def _first(group: npt.NDArray[np.integer], value: Floats, groups: int) -> npt.NDArray[np.int64]:
    """(groups,): the position of the first of the largest values of each group."""
    order = np.lexsort((np.arange(len(value)), -value, group))
    start = np.searchsorted(group[order], np.arange(groups))
    return order[np.minimum(start, max(len(order) - 1, 0))] if len(order) else np.zeros(groups, dtype=np.int64)

"""Recovery: how a coordinator that lost its memory learns from its rows where the negotiation stands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ....environment import Kind, Outbox
from ..memory import Memory
from ..role import Role
from .ledger import Ledger

__all__ = ["Recovery"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Recovery:
    """Some coordinators that woke up knowing nothing but their own facts.

    They send `recall` on all rows that they ask about until all have sent a `recollection`: what they were last asked, in
    which round, and their last answer. The highest round that any row was asked in is the round the coordinator was in
    itself, or the one before, in which case it will take the same step again. A price that no row has heard in that round
    follows from the answers of the round before, by the protocol's own `update`.

    Parameters
    ----------
    role : the coordinators; this declares its state, and listens, as a part of them
    kinds, ledger
    down : (m,) channels on which rows are asked
    channels : number of channels in the topology

    Attributes
    ----------
    pending : (n,) bool, the coordinators that still recover
    called : (n,) the tick of the last recall, -1 before the first
    """

    pending: Mask
    called: Places

    def __init__(
        self, role: Role, kinds: dict[str, Kind], ledger: Ledger, down: npt.NDArray[np.int32], channels: int
    ) -> None:
        n = len(role.address)
        self._ledger, self._down, self._kind = ledger, down, kinds["recall"]
        self._heard = role.listen(
            "recollection", Memory(kinds["recollection"], ledger.answers.channel, channels), ledger.of_row
        )
        # A second loss of memory begins again, which `begin` sees to.
        role.declare("pending", np.zeros(n, dtype=bool), holder=self)
        role.declare("called", np.full(n, -1, dtype=np.int64), holder=self)

    def begin(self, which: Mask) -> None:
        """Start with nothing at some coordinators."""
        self.pending |= which
        self.called[which] = -1
        self._heard.forget(which[self._ledger.of_row])

    def speak(self, tick: int, outbox: Outbox, awake: Mask, patience: int, first_round: int) -> tuple[Places, Mask]:
        """Ask rows that have not answered, and take up again what is known where all have.

        Returns
        -------
        rounds : (n,) the round that coordinators which have just recovered are in; -1 for others
        behind : (b,) balances whose price no row has heard in that round: it is still to be moved
        """
        n, of = len(self.pending), self._ledger.of_row
        missing = self._heard.sent < 0
        left = np.bincount(of[missing], minlength=n)
        ready = self.pending & awake & (left == 0) & (self.called >= 0)
        rounds, behind = np.full(n, -1, dtype=np.int64), np.zeros(len(self._ledger.balance), dtype=bool)
        if ready.any():
            rounds, behind = self._resume(ready, first_round)
            self.pending &= ~ready
        due = self.pending & awake & ((self.called < 0) | (tick >= self.called + patience))
        which = missing & due[of]
        outbox.send(self._kind, self._down[which], np.zeros((1, 1)), np.zeros(which.sum(), dtype=int))
        self.called[due] = tick
        return rounds, behind

    def _resume(self, which: Mask, first_round: int) -> tuple[Places, Mask]:
        """Take up prices, answers and rounds again."""
        ledger, heard = self._ledger, self._heard
        of, answers, kind = ledger.of_row, ledger.answers, heard.kind
        asked = heard.part("asked")[:, 0]
        newest = np.full(len(which), -1.0)
        np.maximum.at(newest, of, asked)
        mine = which[of]
        answers.values[mine] = np.concatenate([heard.part("x"), heard.part("round")], axis=1)[mine]
        answers.sent[mine], answers.heard[mine] = heard.sent[mine], heard.heard[mine]
        started = which & (newest >= 0)
        last = _first_of_largest(ledger.group, asked, len(ledger.balance))
        fields = {field.name: heard.part(field.name) for field in kind.fields if field.name in ledger.columns}
        ledger.recall(started[of] & (asked >= 0), fields, last, started[ledger.of_balance])
        here = started & (newest >= first_round)  # in this period; else its first round is still to be asked
        behind = here[ledger.of_balance] & (asked[last] == newest[ledger.of_balance] - 1.0)
        rounds = np.where(which, np.maximum(newest, first_round), -1.0).astype(np.int64)
        return rounds, behind


def _first_of_largest(group: npt.NDArray[np.integer], value: Floats, groups: int) -> Places:
    """(groups,): the position of the first of the largest values of each group."""
    order = np.lexsort((np.arange(len(value)), -value, group))
    start = np.searchsorted(group[order], np.arange(groups))
    return order[np.minimum(start, max(len(order) - 1, 0))] if len(order) else np.zeros(groups, dtype=np.int64)

"""Barriers: when a coordinator has heard enough to close its round."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..memory import Memory
from ..role import Role
from .termination import Termination

__all__ = ["Barrier", "InRounds", "Newest", "WholeRounds"]

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class InRounds(Role):
    """Coordinators in rounds, as their barrier sees them.

    Attributes
    ----------
    answers : the newest answer of each row that they ask about; of_row : (m,) which coordinator asks about it
    termination : what they have heard of each other
    round : (n,) the round that is being asked
    spoke : (n,) the tick of the last ask, -1 before the first
    first_round : of the period that is open
    """

    answers: Memory
    of_row: Places
    termination: Termination
    round: Places
    spoke: Places
    first_round = 0

    def count(self, rows: Mask, peers: Mask) -> Places:
        """(n,): how many marked rows and neighbours each has."""
        n = len(self.address)
        of = self.termination.of
        found = np.bincount(self.of_row.take(rows.nonzero()[0]), minlength=n)
        return np.asarray(found + np.bincount(of.take(peers.nonzero()[0]), minlength=n))


class Barrier:
    """Decides for some coordinators whom they still wait for, and whether a round may be closed.

    Attributes
    ----------
    lock_step : whether neighbours are never more than a round apart
    """

    lock_step = True

    def __init__(self, role: InRounds) -> None:
        self.role = role

    def behind(self) -> tuple[Mask, Mask]:
        """(m,), (q,): which rows and which neighbours have not been heard as they should."""
        raise NotImplementedError

    def complete(self, tick: int, missing: Places) -> Mask:
        """(n,): which may close their round; `missing`, (n,), counts what is behind."""
        raise NotImplementedError

    def counting(self, done: Mask, tick: int) -> Mask:
        """(n,): which of those that close have evidence enough to count as settled."""
        return done

    def open(self, tick: int) -> None:
        """Begin a period."""

    @property
    def unheard(self) -> Mask:
        """(n,): which closed their last round without having heard from all; neighbours are told that they wait."""
        return np.zeros(len(self.role.round), dtype=bool)


class WholeRounds(Barrier):
    """A round is closed once all rows have answered in it and all neighbours have told their counters of it.

    Silence costs ticks and never a wrong step.
    """

    def behind(self) -> tuple[Mask, Mask]:
        """(m,), (q,): which rows and which neighbours have not been heard in the current round."""
        role, termination = self.role, self.role.termination
        rows = role.answers.round != role.round.take(role.of_row)
        return rows, termination.heard.round < role.round[termination.of]

    def complete(self, tick: int, missing: Places) -> Mask:
        """(n,): which miss nothing."""
        return missing == 0


class Newest(Barrier):
    """A round lasts two ticks, whatever is missing: acts on the newest heard. A lesson in what that leads to.

    Attributes
    ----------
    counted : (n,) the tick in which each last counted as settled or not
    uncounted : (n,) whether its last round was closed without evidence
    """

    lock_step = False
    counted: Places
    uncounted: Mask

    def __init__(self, role: InRounds) -> None:
        super().__init__(role)
        n = len(role.address)
        role.declare("counted", np.full(n, -1, dtype=np.int64), holder=self)
        role.declare("uncounted", np.zeros(n, dtype=bool), per_period=True, holder=self)

    def behind(self) -> tuple[Mask, Mask]:
        """(m,), (q,): what was not heard since the coordinator last counted, or is of an earlier period."""
        role, termination = self.role, self.role.termination
        answers = role.answers
        rows = (answers.heard <= self.counted[role.of_row]) | (answers.round < role.first_round)
        return np.asarray(rows), termination.heard.heard <= self.counted[termination.of]

    def complete(self, tick: int, missing: Places) -> Mask:
        """(n,): which have heard from all at least once, two ticks after they spoke."""
        role = self.role
        never = role.count(role.answers.sent < 0, role.termination.heard.sent < 0)
        return (never == 0) & (tick >= role.spoke + 2)

    def counting(self, done: Mask, tick: int) -> Mask:
        """(n,): which heard from all since they last counted: frozen values are not settled."""
        counting = done & (self.role.count(*self.behind()) == 0)
        self.uncounted = np.where(done, ~counting, self.uncounted)
        self.counted = np.where(counting, tick, self.counted)
        return counting

    def open(self, tick: int) -> None:
        """Begin a period: what was heard before it is no evidence."""
        self.counted[:] = tick - 1

    @property
    def unheard(self) -> Mask:
        """(n,): which closed their last round without evidence."""
        return self.uncounted

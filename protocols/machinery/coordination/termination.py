"""The distributed stop: every coordinator counts how long it and its neighbours have been settled, and all stop together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ....environment import Field, Kind, Topology
from ..memory import Memory
from ..role import Role

__all__ = ["Termination"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Termination:
    """Counters of some coordinators, from local information only.

    A coordinator is settled while its balances are balanced and its prices are settled. Then its counter is 1 + min(own,
    neighbours') of the round before, else 0. So a counter of k means that every coordinator d meetings away was settled for
    k - d rounds in a row, ending d rounds ago, and one beyond the diameter + 2 that all were for three rounds in a row.
    A coordinator that sees this proposes to stop `diameter` rounds later. The proposal travels with the counters, the
    earliest wins, and it has reached all of the piece when it falls due: all stop in the same round, whatever was lost on
    the way.

    Coordinators that act on the newest they have are not in lock step: each has rounds of its own, and one may miss what
    others count. There a proposal still holds for each coordinator that hears it, and falls due at the latest when a
    neighbour has come to it.

    Parameters
    ----------
    role : the coordinators; this declares its state, and listens, as a part of them
    topology, kind : the kind of message with the fields in `FIELDS`
    coordinators : (n,) addresses
    lock_step : whether neighbours are never more than a round apart

    Attributes
    ----------
    count, before : (n,) the counter after the last round and after the one before
    stop_round : (n,) the round to stop in, inf while unknown
    stopped : (n,) bool
    out : (q,) channels to the neighbours; of : (q,) which coordinator speaks on each, and hears on the way back
    heard : the newest message of each neighbour
    """

    FIELDS = (
        Field("count", 1, "1", low=0, whole=True),
        Field("count_before", 1, "1", low=0, whole=True),
        Field("stop_round", 1, "1", low=-1, whole=True),  # -1 while it is unknown: payloads are finite
        Field("waiting", 1, "1", low=0, high=1, whole=True),
        Field("round", 1, "1", low=0, whole=True),
    )

    count: Floats
    before: Floats
    stop_round: Floats
    stopped: Mask

    def __init__(
        self,
        role: Role,
        topology: Topology,
        kind: Kind,
        coordinators: npt.NDArray[np.integer],
        *,
        lock_step: bool = True,
    ) -> None:
        n, channels = len(coordinators), topology.channels
        place = np.full(len(topology.coordinators), -1, dtype=np.int64)
        place[coordinators] = np.arange(n)
        arriving = channels.peers[place[channels.receiver[channels.peers]] >= 0]
        self.of = place[channels.receiver[arriving]]
        self.out = channels.back[arriving]
        self.heard = role.listen(kind.name, Memory(kind, arriving, len(channels)), self.of)
        self.kind, self.lock_step = kind, lock_step
        self.diameter = topology.diameter[coordinators]
        self.first = 0
        for name, first in (("count", 0.0), ("before", 0.0), ("stop_round", np.inf), ("stopped", False)):
            role.declare(name, np.full(n, first), per_period=True, holder=self)

    def close(self, done: Mask, settled: Mask, rounds: Places, counting: Mask | None = None) -> None:
        """Close a round of some coordinators.

        Parameters
        ----------
        done : (n,) those that close; a proposal to stop that they have heard holds for all of them
        settled : (n,) those that are settled in themselves
        rounds : (n,) the round that they close
        counting : (n,) those that have evidence enough to count; by default all that close
        """
        n, counting, heard, of = len(self.count), done if counting is None else counting, self.heard.values, self.of
        least = self.count.copy()
        # A neighbour is at most one round ahead; then the counter that belongs to this round is its previous one.
        theirs = np.where(heard[:, 4] > rounds[of], heard[:, 1], heard[:, 0])
        now = heard[:, 4] >= self.first  # and not of an earlier period
        np.minimum.at(least, of, np.where(now, theirs, 0.0))
        proposed = np.full(n, np.inf)
        np.minimum.at(proposed, of, np.where(now & (heard[:, 2] >= 0), heard[:, 2], np.inf))
        count = np.where(settled, 1.0 + least, 0.0)
        self.before = np.where(counting, self.count, self.before)
        self.count = np.where(counting, count, self.count)
        sure = counting & (count > self.diameter + 2)
        stop = np.minimum(np.minimum(self.stop_round, proposed), np.where(sure, rounds + self.diameter, np.inf))
        self.stop_round = np.where(done, stop, self.stop_round)
        self.stopped |= done & (rounds >= self.stop_round)
        if not self.lock_step:
            there = now & (heard[:, 2] >= 0) & (heard[:, 4] >= heard[:, 2])
            self.stopped |= done & (np.bincount(of[there], minlength=n) > 0)

    def message(self, which: Places, rounds: Places, waiting: Mask) -> Floats:
        """(len(which), 5): what is sent on some of the channels in `out`; `waiting` asks for an answer."""
        of = self.of[which]
        stop = np.where(np.isinf(self.stop_round), -1.0, self.stop_round)
        message = np.empty((len(which), len(self.FIELDS)))
        for number, column in enumerate((self.count, self.before, stop)):
            message[:, number] = column[of]
        message[:, 3], message[:, 4] = waiting, rounds[of]
        return message

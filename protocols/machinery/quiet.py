"""The distributed stop: every hub counts how long it and its neighbours have been quiet, and all stop in the same round."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Quiet"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Quiet:
    """Counters of some hubs, from local information only.

    While a hub is quiet its counter is 1 + min(own, neighbours') of the round before, else 0. So a counter of k means
    that every hub d tie-lines away was quiet for k - d rounds in a row, ending d rounds ago, and one beyond the diameter
    + 2 that everybody was for three rounds in a row. Whoever sees that proposes to stop `diameter` rounds later. The
    proposal travels with the counters, the earliest wins, and it has reached everybody when it falls due: all stop in
    the same round, whatever was lost on the way.

    Hubs that act on the newest they have are not in lock step: each has rounds of its own, and one may miss what others
    count. There a proposal still holds for whoever hears it, and falls due at the latest when a neighbour has come to it.

    Parameters
    ----------
    hubs : how many
    diameter : of the whole graph
    lock_step : whether neighbours are never more than a round apart

    Attributes
    ----------
    count, before : (n,) the counter after the last round and after the one before
    stop_round : (n,) the round to stop in, inf while unknown
    stopped : (n,) bool
    """

    FIELDS = ("count", "count_before", "stop_round", "waiting", "round")

    def __init__(self, hubs: int, diameter: int, *, lock_step: bool = True) -> None:
        self.diameter, self.lock_step = diameter, lock_step
        self.first = 0
        self.count = np.zeros(hubs)
        self.before = np.zeros(hubs)
        self.stop_round = np.full(hubs, np.inf)
        self.stopped = np.zeros(hubs, dtype=bool)

    def close(
        self, done: Mask, still: Mask, rounds: Places, peer_hub: Places, heard: Floats, counting: Mask | None = None
    ) -> None:
        """Close a round at some hubs.

        Parameters
        ----------
        done : (n,) hubs that close; a proposal to stop that they have heard holds for all of them
        still : (n,) hubs that are quiet in themselves
        rounds : (n,) the round that they close
        peer_hub : (q,) the hub of each neighbour's message
        heard : (q, 5) the newest message of each neighbour, in the order of `FIELDS`
        counting : (n,) hubs that have evidence enough to count; by default all that close
        """
        n, counting = len(self.count), done if counting is None else counting
        least = self.count.copy()
        # A neighbour is at most one round ahead; then the counter that belongs to this round is its previous one.
        theirs = np.where(heard[:, 4] > rounds[peer_hub], heard[:, 1], heard[:, 0])
        now = heard[:, 4] >= self.first  # and not of an earlier period
        np.minimum.at(least, peer_hub, np.where(now, theirs, 0.0))
        told = np.full(n, np.inf)
        np.minimum.at(told, peer_hub, np.where(now & (heard[:, 2] >= 0), heard[:, 2], np.inf))
        count = np.where(still, 1.0 + least, 0.0)
        self.before = np.where(counting, self.count, self.before)
        self.count = np.where(counting, count, self.count)
        sure = counting & (count > self.diameter + 2)
        stop = np.minimum(np.minimum(self.stop_round, told), np.where(sure, rounds + self.diameter, np.inf))
        self.stop_round = np.where(done, stop, self.stop_round)
        self.stopped |= done & (rounds >= self.stop_round)
        if not self.lock_step:
            there = now & (heard[:, 2] >= 0) & (heard[:, 4] >= heard[:, 2])
            self.stopped |= done & (np.bincount(peer_hub[there], minlength=n) > 0)

    def open(self, first: int) -> None:
        """Start again everywhere, in rounds from `first`."""
        self.first = first
        self.forget(np.ones(len(self.count), dtype=bool))

    def forget(self, hubs: Mask) -> None:
        """Start again at some hubs."""
        self.count[hubs] = self.before[hubs] = 0.0
        self.stop_round[hubs], self.stopped[hubs] = np.inf, False

    def message(self, hubs: Places, rounds: Places, waiting: Mask) -> Floats:
        """(len(hubs), 5): what a hub tells a neighbour; `waiting` asks for an answer."""
        stop = np.where(np.isinf(self.stop_round), -1.0, self.stop_round)  # payloads are finite: -1 for unknown
        message = np.empty((len(hubs), len(self.FIELDS)))
        for number, column in enumerate((self.count, self.before, stop)):
            message[:, number] = column[hubs]
        message[:, 3], message[:, 4] = waiting, rounds[hubs]
        return message

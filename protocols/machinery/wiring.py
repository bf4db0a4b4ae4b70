"""Wiring: which channels a keeper listens to and speaks on, and which of its hubs and books each belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...environment import Topology
from ...environment.remembered import fixed

__all__ = ["Wiring"]

Ints = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Wiring:
    """Channels of some hubs. A *book* is the price of one tie-line in one keeper's hands; it has two slots, one an end.

    With one ledger, a line has one book, at the hub of its end 0, which asks the operators at both ends. With two, each
    end has a book of its own: it asks its own operator, and hears of the other's answer from the neighbour.

    Attributes
    ----------
    hub : (n,) addresses
    member_down, member_up : (m,) channels to and from the members, by address
    member_hub : (m,) place of the hub, 0 .. n - 1
    peer_out, peer_in : (q,) channels to and from the neighbours; peer_hub : (q,) place
    book_line, book_end, book_hub : (b,) tie-line, the end it stands at, place of the hub
    slot_down, slot_up : (b, 2) channels to ask on (-1: not asked) and to hear from
    copy_out : (b,) channel to the neighbour who hears of the answer, -1 with one ledger
    """

    hub: Ints
    member_down: Ints
    member_up: Ints
    member_hub: Places
    peer_out: Ints
    peer_in: Ints
    peer_hub: Places
    book_line: Places
    book_end: Places
    book_hub: Places
    slot_down: Ints
    slot_up: Ints
    copy_out: Ints

    @classmethod
    def of(cls, topology: Topology, hubs: npt.NDArray[np.integer], *, two_ledgers: bool = False) -> Wiring:
        """Wire some hubs of a topology."""
        c = topology.channels
        place = np.full(topology.hubs, -1, dtype=np.int64)
        place[hubs] = np.arange(len(hubs))
        home = place[topology.home[topology.hubs :]]
        member = np.flatnonzero(home >= 0)
        member = topology.hubs + member
        ends = place[topology.lines]
        line, end = np.nonzero(ends >= 0)
        order = np.lexsort((line, ends[line, end]))
        line, end = line[order], end[order]
        booked = np.ones(len(line), dtype=bool) if two_ledgers else end == 0
        b_line, b_end = line[booked], end[booked]
        down, up = cls.line_channels(topology, two_ledgers=two_ledgers)
        if two_ledgers:
            slot_down = np.stack([down[b_line, b_end], np.full(len(b_line), -1)], axis=1)
            slot_up = np.stack([up[b_line, b_end], c.peer[b_line, 1 - b_end]], axis=1)
        else:
            slot_down, slot_up = down[b_line], up[b_line]
        return cls(
            hub=np.asarray(hubs, dtype=np.int32),
            member_down=fixed(c.down[member]),
            member_up=c.up[member],
            member_hub=fixed(place[topology.home[member]]),
            peer_out=c.peer[line, end],
            peer_in=c.peer[line, 1 - end],
            peer_hub=ends[line, end],
            book_line=b_line,
            book_end=b_end,
            book_hub=ends[b_line, b_end],
            slot_down=slot_down.astype(np.int32),
            slot_up=slot_up.astype(np.int32),
            copy_out=c.peer[b_line, b_end] if two_ledgers else np.full(len(b_line), -1, dtype=np.int32),
        )

    @staticmethod
    def line_channels(topology: Topology, *, two_ledgers: bool = False) -> tuple[Ints, Ints]:
        """Return the channels to and from the operator at each end of each line, (L, 2) each, from and to who asks it."""
        c = topology.channels
        if two_ledgers:
            return c.line_down, c.line_up
        return np.stack([c.line_down[:, 0], c.far_down], axis=1), np.stack([c.line_up[:, 0], c.far_up], axis=1)

    def sum_by_hub(self, slots: npt.NDArray[np.integer], which: npt.NDArray[np.bool_]) -> Places:
        """(n,): how many of the marked things each hub has; `slots` gives the hub's place of each."""
        return np.asarray(np.bincount(slots.take(which.nonzero()[0]), minlength=len(self.hub)))

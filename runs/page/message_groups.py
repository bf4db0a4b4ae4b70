"""Messages as a run's record tells what became of them, in groups that share their fate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...environment import Fate
from ..record.frames import Frame, Said
from ..record.reading import Record

__all__ = ["MessageGroup", "groups_ended", "groups_flying"]

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MessageGroup:
    """Messages of one kind and one tick that met the same fate, or are on their way.

    Attributes
    ----------
    kind, sent
    fate, reason : `Fate.SENT` of those on their way
    number, copy : (n,) of each message; copy 0 is the original
    end : (n,) the tick in which it met its fate, or in which it is due
    """

    kind: str
    sent: int
    fate: Fate
    reason: str
    number: Numbers
    copy: npt.NDArray[np.uint64]
    end: Numbers
    find: Callable[[str, int], Said] = field(repr=False)

    @cached_property
    def said(self) -> Said:
        """Everything of this kind that was said in that tick: read when it is asked for."""
        return self.find(self.kind, self.sent)

    @property
    def place(self) -> Numbers:
        """(n,): where in `said` each message stands."""
        return self.number - self.said.number[0]

    @property
    def late(self) -> Numbers:
        """(n,): by how many ticks each is late, or will be."""
        return self.end - self.sent - 1


def groups_ended(frame: Frame) -> Iterator[MessageGroup]:
    """Yield what met its fate in a tick."""
    for ended in frame.ended:
        end = np.full(len(ended), frame.tick)
        yield MessageGroup(ended.kind, ended.sent, ended.fate, ended.reason, ended.number, ended.copy, end, ended.find)


def groups_flying(record: Record, tick: int) -> Iterator[MessageGroup]:
    """Yield what was on its way at the end of a tick."""
    for said, way in record.flying(tick):
        yield MessageGroup(said.kind, said.tick, Fate.SENT, "", way.number, way.copy, way.due, record.said)

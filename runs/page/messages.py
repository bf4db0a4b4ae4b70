"""Messages for the page: a row for every message, and every copy of one, with what became of it."""

from __future__ import annotations

import numpy as np

from ...environment import Fate
from ..record.frames import Frame
from ..record.reading import Record
from .block import Column
from .message_groups import MessageGroup, groups_ended, groups_flying

__all__ = ["MessageColumns"]

FATES = (Fate.DELIVERED, Fate.LOST, Fate.STOPPED, Fate.STALE, Fate.REFUSED, Fate.SENT)
"""By number, as the page knows them; the last are on their way."""
ROW = ("number", "kind", "channel", "sent", "end", "fate", "reason", "copy", "cause", "payload_at")
OLD = ("number", "copy", "end", "fate", "reason")
TYPES = (np.int32, np.uint8, np.int32, np.int32, np.int32, np.uint8, np.uint8, np.uint8, np.int32, np.int32)


class MessageColumns:
    """Collects the messages of consecutive ticks, in the order in which they were said.

    Parameters
    ----------
    record
    reasons : known already, to which new ones are added

    Attributes
    ----------
    reasons : why messages were lost, by number; the first one is none
    """

    def __init__(self, record: Record, reasons: list[str] | None = None) -> None:
        self._record = record
        self._rows: list[list[Column]] = []
        self._payload: list[Column] = []
        self._payload_at: dict[tuple[str, int], int] = {}
        self._size = 0
        self.reasons: list[str] = [""] if reasons is None else reasons
        self._older: list[list[Column]] = []
        self._first: int | None = None

    def read(self, frame: Frame) -> None:
        """Read a tick: what was said in it, and what met its fate in it, of what was said since the first tick read."""
        if self._first is None:
            self._first = frame.tick
        for kind, said in frame.said.items():
            self._payload_at[kind, frame.tick] = self._size
            values = said.values.astype(np.float32)
            self._payload.append(values.ravel())
            self._size += values.size
        for group in groups_ended(frame):
            if group.sent >= self._first:
                self._add(group)
            else:
                facts = (frame.tick, FATES.index(group.fate), self._reason(group.reason))
                row = [np.full(len(group.number), value) for value in facts]
                self._older.append([group.number, group.copy != 0, *row])

    def finish(self, tick: int) -> None:
        """Add what is on its way at the end of the last tick."""
        for group in groups_flying(self._record, tick):
            if self._first is not None and group.sent >= self._first:
                self._add(group)

    def _add(self, group: MessageGroup) -> None:
        said, number, place = group.said, group.number, group.place
        kind = self._record.label_of(group.kind, said.channel[place])
        constant = (group.sent, FATES.index(group.fate), self._reason(group.reason))
        sent, fate, reason = (np.full(len(number), value) for value in constant)
        at = self._payload_at[group.kind, group.sent] + place * said.payload.shape[1]
        columns = [number, kind, said.channel[place], sent, group.end, fate, reason, group.copy != 0]
        self._rows.append([*columns, said.cause[place], at])

    def _reason(self, reason: str) -> int:
        if reason not in self.reasons:
            self.reasons.append(reason)
        return self.reasons.index(reason)

    def older(self) -> dict[str, Column]:
        """Return what became of messages that were said before the first tick read: columns ``old.*``."""
        return {
            f"old.{name}": np.concatenate([np.empty(0, dtype=kind), *(row[k] for row in self._older)]).astype(kind)
            for k, (name, kind) in enumerate(zip(OLD, (np.int32, np.uint8, np.int32, np.uint8, np.uint8), strict=True))
        }

    def columns(self) -> dict[str, Column]:
        """Return the columns ``message.*``, sorted by number, and the flat ``payload``."""
        joined = [
            np.concatenate([np.empty(0, dtype=kind), *(row[k] for row in self._rows)]).astype(kind)
            for k, kind in enumerate(TYPES)
        ]
        order = np.lexsort((joined[7], joined[0]))
        columns = {f"message.{name}": column[order] for name, column in zip(ROW, joined, strict=True)}
        payload = np.concatenate([np.empty(0), *self._payload]).astype(np.float32)
        return columns | {"payload": payload}

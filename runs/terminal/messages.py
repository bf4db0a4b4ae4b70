"""Messages as the terminal view lists them, newest first, of those that are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...environment import Fate
from ..page.message_groups import MessageGroup, groups_ended, groups_flying
from ..page.playback import Playback
from ..record.frames import Said
from ..record.reading import Record

__all__ = ["ShownMessage", "Wanted", "figure", "newest", "read_wanted"]

TICKS_BACK = 60
"""Ticks that are looked through for messages that are wanted."""

FATES = ("lost", "late", "delivered", "stale", "refused", "flying")


@dataclass(frozen=True)
class Wanted:
    """Which messages are shown.

    Attributes
    ----------
    text : the words that say so
    kinds : any of these; of none, all
    fates : any of these, words of `FATES`; of none, all
    agents : of each of these groups of addresses an agent says or hears it
    """

    text: str = ""
    kinds: tuple[str, ...] = ()
    fates: tuple[str, ...] = ()
    agents: tuple[frozenset[int], ...] = ()


def read_wanted(text: str, kinds: Sequence[str], agents: Sequence[str]) -> Wanted:
    """Read words, each a kind of message, a fate or a part of the names of agents; all must hold.

    Raises
    ------
    ValueError
        A word is none of these.
    """
    found: dict[str, list[str]] = {"kinds": [], "fates": []}
    groups = []
    for word in text.split():
        named = frozenset(k for k, name in enumerate(agents) if word.lower() in name.lower())
        if word in kinds:
            found["kinds"].append(word)
        elif word in FATES:
            found["fates"].append(word)
        elif named:
            groups.append(named)
        else:
            raise ValueError(f"{word}: no agent, kind ({', '.join(kinds)}) or fate ({', '.join(FATES)})")
    return Wanted(text, tuple(found["kinds"]), tuple(found["fates"]), tuple(groups))


@dataclass(frozen=True)
class ShownMessage:
    """A message, or a copy of one: what it says and what has become of it."""

    number: int
    sent: int
    kind: str
    sender: str
    receiver: str
    says: str
    fate: str
    style: str


def newest(playback: Playback, tick: int, wanted: Wanted, most: int) -> list[ShownMessage]:
    """Return the newest messages that are wanted, as they stand at the end of a tick."""
    found: list[ShownMessage] = []
    for groups in _by_sent(playback, tick):
        messages = [message for group in groups for message in _chosen(playback.record, group, wanted, most)]
        found += sorted(messages, key=lambda message: -message.number)
        if len(found) >= most:
            break
    return found[:most]


def _by_sent(playback: Playback, tick: int) -> Iterator[list[MessageGroup]]:
    """Yield what was said in a tick, from the newest: what became of it stands in that tick or in a later one."""
    by_sent: dict[int, list[MessageGroup]] = {}
    for group in groups_flying(playback.record, tick):
        by_sent.setdefault(group.sent, []).append(group)
    for before in range(tick, max(tick - TICKS_BACK, -1), -1):
        for group in groups_ended(playback.frame(before)):
            by_sent.setdefault(group.sent, []).append(group)
        yield by_sent.pop(before, [])


def _word(group: MessageGroup, late: int) -> str:
    """Return the word of `FATES` for a message that is so many ticks late."""
    if group.fate in (Fate.LOST, Fate.STOPPED):
        return "lost"
    return "late" if late > 0 else "flying" if group.fate is Fate.SENT else str(group.fate)


def _chosen(record: Record, group: MessageGroup, wanted: Wanted, most: int) -> Iterator[ShownMessage]:
    place, lateness = group.place, group.late
    label = record.label_of(group.kind, group.said.channel[place])
    labels = record.shape.labels
    sender, receiver = (record.channels[end][group.said.channel[place]] for end in ("sender", "receiver"))
    chosen = np.ones(len(place), dtype=bool)
    if wanted.kinds:
        chosen &= np.isin(label, [k for k, name in enumerate(labels) if name in wanted.kinds])
    for agents in wanted.agents:
        chosen &= np.isin(sender, list(agents)) | np.isin(receiver, list(agents))
    if wanted.fates:
        chosen &= np.array([_word(group, late) in wanted.fates for late in lateness.tolist()], dtype=bool)
    for k in np.flatnonzero(chosen)[-most:].tolist():
        late = int(lateness[k])
        word = _word(group, late)
        fate = ["copy" if group.copy[k] else "", "flying" if group.fate is Fate.SENT else str(group.fate)]
        fate += [f"{late} late" if late > 0 and word != "lost" else "", group.reason]
        yield ShownMessage(
            number=int(group.number[k]),
            sent=group.sent,
            kind=labels[label[k]],
            sender=record.agents[sender[k]],
            receiver=record.agents[receiver[k]],
            says=_says(record, group.said, int(place[k])),
            fate=", ".join(filter(None, fate)),
            style=word if word in ("lost", "late") else "",
        )


def _says(record: Record, said: Said, place: int) -> str:
    fields = next(kind["fields"] for kind in record.header["kinds"] if kind["name"] == said.kind)
    values = said.payload[place if said.row is None else int(said.row[place])].tolist()
    parts, start = [], 0
    for name, width, _ in fields:
        mine, start = values[start : start + width], start + width
        shown = [figure(mine[0]), "..", figure(mine[-1])] if width > 3 else map(figure, mine)
        parts.append(f"{name} {' '.join(shown)}")
    return " ".join(parts)


def figure(value: float) -> str:
    """Return a number in at most nine characters."""
    if not np.isfinite(value):
        return str(value)
    small = value != 0 and not 1e-3 <= abs(value) < 1e6
    return f"{value:.1e}" if small else f"{value:.5g}"

"""Messages as the terminal view lists them, newest first, of those that are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...environment import Fate
from ..record.frames import Said
from .playback import Film

__all__ = ["Letter", "Wanted", "figure", "newest", "read_wanted"]

TICKS_BACK = 60
"""Ticks that are looked through for messages that are wanted."""

FATES = ("lost", "late", "delivered", "stale", "refused", "flying")
_LOST = (Fate.LOST, Fate.STOPPED)


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
        mine = frozenset(k for k, name in enumerate(agents) if word.lower() in name.lower())
        if word in kinds:
            found["kinds"].append(word)
        elif word in FATES:
            found["fates"].append(word)
        elif mine:
            groups.append(mine)
        else:
            raise ValueError(f"{word}: no agent, kind ({', '.join(kinds)}) or fate ({', '.join(FATES)})")
    return Wanted(text, tuple(found["kinds"]), tuple(found["fates"]), tuple(groups))


@dataclass(frozen=True)
class Letter:
    """A message, or a copy of one: what it says and what has become of it."""

    number: int
    sent: int
    kind: str
    sender: str
    receiver: str
    says: str
    fate: str
    style: str


@dataclass(frozen=True)
class _Group:
    """Messages of one kind and tick that share their fate; `late` is by how many ticks, each."""

    said: Said
    number: npt.NDArray[np.int64]
    copy: npt.NDArray[np.uint64]
    late: npt.NDArray[np.int64]
    fate: Fate
    reason: str

    def name(self, late: int) -> str:
        if self.fate in _LOST:
            return "lost"
        return "late" if late > 0 else "flying" if self.fate is Fate.SENT else str(self.fate)


@dataclass
class _Groups:
    """Groups by the tick in which they were said, as far as one has looked back from a tick."""

    film: Film
    tick: int
    by_sent: dict[int, list[_Group]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for said, way in self.film.record.flying(self.tick):
            self._add(_Group(said, way.number, way.copy, way.due - said.tick - 1, Fate.SENT, ""))

    def _add(self, group: _Group) -> None:
        self.by_sent.setdefault(group.said.tick, []).append(group)

    def back(self) -> Iterator[list[_Group]]:
        """Yield what was said in a tick, from the newest: what became of it stands in that tick or in a later one."""
        for tick in range(self.tick, max(self.tick - TICKS_BACK, -1), -1):
            for ended in self.film.frame(tick).ended:
                said = self.film.record.said(ended.kind, ended.sent)
                late = np.full(len(ended), tick - ended.sent - 1)
                self._add(_Group(said, ended.number, ended.copy, late, ended.fate, ended.reason))
            yield self.by_sent.pop(tick, [])


def newest(film: Film, tick: int, wanted: Wanted, most: int) -> list[Letter]:
    """Return the newest messages that are wanted, as they stand at the end of a tick."""
    found: list[Letter] = []
    for groups in _Groups(film, tick).back():
        letters = [letter for group in groups for letter in _letters(film, group, wanted, most)]
        found += sorted(letters, key=lambda letter: -letter.number)
        if len(found) >= most:
            break
    return found[:most]


def _letters(film: Film, group: _Group, wanted: Wanted, most: int) -> Iterator[Letter]:
    said, record = group.said, film.record
    if wanted.kinds and said.kind not in wanted.kinds:
        return
    place = group.number - said.number[0]
    sender, receiver = (record.channels[end][said.channel[place]] for end in ("sender", "receiver"))
    chosen = np.ones(len(place), dtype=bool)
    for agents in wanted.agents:
        chosen &= np.isin(sender, list(agents)) | np.isin(receiver, list(agents))
    if wanted.fates:
        chosen &= np.array([group.name(late) in wanted.fates for late in group.late.tolist()], dtype=bool)
    for k in np.flatnonzero(chosen)[-most:].tolist():
        late = int(group.late[k])
        name = group.name(late)
        told = ["copy" if group.copy[k] else "", "flying" if group.fate is Fate.SENT else str(group.fate)]
        told += [f"{late} late" if late > 0 and name != "lost" else "", group.reason]
        yield Letter(
            number=int(group.number[k]),
            sent=said.tick,
            kind=said.kind,
            sender=record.agents[sender[k]],
            receiver=record.agents[receiver[k]],
            says=_says(film, said, int(place[k])),
            fate=", ".join(filter(None, told)),
            style=name if name in ("lost", "late") else "",
        )


def _says(film: Film, said: Said, place: int) -> str:
    fields = next(kind["fields"] for kind in film.record.header["kinds"] if kind["name"] == said.kind)
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

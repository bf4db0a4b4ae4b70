"""Frames: one tick of a record, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ...environment import Fate
from .tables.column_codec import Columns
from .tables.tick_tables import FATES

__all__ = [
    "Ended",
    "Frame",
    "Garbled",
    "Said",
    "Shape",
    "Way",
    "ended_of",
    "frame_of",
    "garbled_of",
    "said_of",
    "way_of",
]

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Said:
    """Messages of one kind that were said in one tick.

    Attributes
    ----------
    kind, tick
    number : (n,) of each message in the whole run, ascending by one
    channel : (n,) hence sender and receiver
    cause : (n,) number of the message that led to it, -1 for none; see `Causality`
    payload : (rows, width); row : (n,) which of them each message has, None: message k has row k
    """

    kind: str
    tick: int
    number: Numbers
    channel: Numbers
    cause: Numbers
    payload: Floats
    row: Numbers | None

    def __len__(self) -> int:
        return len(self.channel)

    @property
    def values(self) -> Floats:
        """(n, width): what each message says."""
        return self.payload if self.row is None else self.payload[self.row]


@dataclass(frozen=True)
class Way:
    """Messages of one kind that went on their way in one tick: number, due tick and copy (0: the original) of each, (n,)."""

    number: Numbers
    due: Numbers
    copy: npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Ended:
    """Messages of one kind and one tick that met the same fate in this tick: number and copy of each, (n,)."""

    kind: str
    sent: int
    fate: Fate
    reason: str
    number: Numbers
    copy: npt.NDArray[np.uint64]
    find: Callable[[str, int], Said] = field(repr=False)

    def __len__(self) -> int:
        return len(self.number)

    @cached_property
    def channel(self) -> Numbers:
        """(n,): read from where they were said when it is asked for."""
        said = self.find(self.kind, self.sent)
        return said.channel[self.number - said.number[0]]


@dataclass(frozen=True)
class Garbled:
    """Messages of one kind that were heard otherwise than said: number and copy, (n,), and what was heard, (n, width)."""

    kind: str
    number: Numbers
    copy: npt.NDArray[np.uint64]
    values: Floats


@dataclass(frozen=True)
class Shape:
    """Sizes of a frame's arrays: balances, rows in one, periods, rows of each population; kinds with widths; labels."""

    balances: int
    balance_rows: int
    periods: int
    rows: tuple[int, ...]
    metrics: tuple[str, ...]
    kinds: dict[str, int]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Frame:
    """One tick.

    Attributes
    ----------
    tick
    metrics : what the observer saw, by name; units are in the header
    round, stopped : (coordinators,)
    price : (B, periods) $/kWh, of each balance
    row_price : (R, periods) $/kWh, of each row in a balance, where a balance may have several copies of its price; else None
    x : by population, (rows, periods) kW; None where it is not written out because there is too much of it
    counts : how many messages of a label met a fate for a reason: (label, fate, reason, count)
    asleep : addresses of agents that were down or resting
    resting : of these, those that only rested and heard what came; none of them in a record by an older release
    cut : channels on which nothing passed
    bad : channels with bad weather, by fault
    commands : what was changed before this tick
    said, way : by kind
    ended, garbled : in the order in which it happened
    """

    tick: int
    metrics: dict[str, float]
    round: Numbers
    stopped: npt.NDArray[np.bool_]
    price: Floats
    row_price: Floats | None
    x: list[Floats] | None
    counts: list[tuple[str, Fate, str, int]]
    asleep: Numbers
    resting: Numbers
    cut: Numbers
    bad: dict[str, Numbers]
    commands: list[dict[str, Any]]
    said: dict[str, Said] = field(default_factory=dict)
    way: dict[str, Way] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
    garbled: list[Garbled] = field(default_factory=list)

    @property
    def down(self) -> Numbers:
        """Addresses of agents that were down: they heard nothing, as those that only rested did."""
        return np.setdiff1d(self.asleep, self.resting)


_NONE = np.empty(0, dtype=np.int64)


def frame_of(tick: int, state: Columns, shape: Shape, commands: list[dict[str, Any]]) -> Frame:
    """Return a frame without messages."""
    counts = [
        (shape.labels[label], FATES[fate], reason, int(number))
        for label, fate, reason, number in zip(
            *(state.get(name, _NONE) for name in ("count.label", "count.fate", "count.reason", "count")), strict=True
        )
    ]
    written = "x.0" in state or not shape.rows
    copies = state.get("row_price")
    return Frame(
        tick=tick,
        metrics=dict(zip(shape.metrics, state["metric"].tolist(), strict=True)),
        round=state["round"],
        stopped=state["stopped"],
        price=state["price"].reshape(shape.balances, shape.periods),
        row_price=copies.reshape(shape.balance_rows, shape.periods) if copies is not None else None,
        x=[state[f"x.{k}"].reshape(n, shape.periods) for k, n in enumerate(shape.rows)] if written else None,
        counts=counts,
        asleep=state.get("asleep", _NONE),
        resting=state.get("resting", _NONE),
        cut=state.get("cut", _NONE),
        bad=_bad(state),
        commands=commands,
    )


def _bad(state: Columns) -> dict[str, Numbers]:
    if "bad.fault" not in state:
        return {}
    ends = np.cumsum(state["bad.count"])[:-1]
    return dict(zip(state["bad.fault"], np.split(state["bad.channel"], ends), strict=True))


def said_of(tick: int, first: int, messages: Columns, shape: Shape) -> dict[str, Said]:
    """Return what was said in a tick, by kind."""
    found = {}
    for kind, width in shape.kinds.items():
        name = f"said.{kind}"
        if f"{name}.channel" not in messages:
            continue
        channel = messages[f"{name}.channel"]
        row = messages.get(f"{name}.row")
        payload = messages[f"{name}.payload"].reshape(width, -1).T
        number, ago = np.arange(first, first + len(channel)), messages[f"{name}.cause"]
        found[kind] = Said(kind, tick, number, channel, np.where(ago > 0, number - ago, -1), payload, row)
        first += len(channel)
    return found


def way_of(said: dict[str, Said], messages: Columns) -> dict[str, Way]:
    """Return what went on its way, by kind."""
    found = {}
    for kind, each in said.items():
        name = f"way.{kind}"
        place = messages.get(f"{name}.place")
        number = each.number if place is None else place + each.number[0]
        late = messages.get(f"{name}.late", np.zeros(len(number), dtype=np.int64))
        copy = messages.get(f"{name}.copy", np.zeros(len(number), dtype=np.uint64))
        found[kind] = Way(number, late + np.int64(each.tick + 1), copy)
    return found


def ended_of(messages: Columns, shape: Shape, said: Callable[[str, int], Said]) -> list[Ended]:
    """Return what left the world in a tick; `said` finds what was said of a kind in an earlier tick."""
    kinds, found, start = list(shape.kinds), [], 0
    place = messages.get("gone.place", _NONE)
    copy = messages.get("gone.copy", np.zeros(len(place), dtype=np.uint64))
    for k, count in enumerate(messages.get("end.count", _NONE).tolist()):
        kind, fate = kinds[messages["end.kind"][k]], FATES[messages["end.fate"][k]]
        reason, first = messages["end.reasons"][messages["end.reason"][k]], int(messages["end.first"][k])
        here = slice(start, start + count)
        if messages["end.whole"][k]:
            number, copies = np.arange(first, first + count), np.zeros(count, dtype=np.uint64)
        else:
            number, copies = place[here] + first, copy[here]
            start += count
        found.append(Ended(kind, int(messages["end.sent"][k]), fate, str(reason), number, copies, said))
    return found


def garbled_of(messages: Columns, shape: Shape) -> list[Garbled]:
    """Return what was heard otherwise than said."""
    found, start, flat, kinds = [], 0, 0, list(shape.kinds)
    for kind, count in zip(messages.get("garbled.kind", _NONE), messages.get("garbled.count", _NONE), strict=True):
        name, here, size = kinds[kind], slice(start, start + int(count)), int(count) * shape.kinds[kinds[kind]]
        values = messages["garbled.payload"][flat : flat + size].reshape(int(count), -1)
        found.append(Garbled(name, messages["garbled.number"][here], messages["garbled.copy"][here], values))
        start, flat = start + int(count), flat + size
    return found

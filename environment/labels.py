"""Labels: the names by which messages are counted and chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from weakref import ref

import numpy as np
import numpy.typing as npt

from .envelopes import Envelopes
from .errors import MessageError
from .messages import Kind
from .remembered import Remembered
from .topology.topology import Topology

__all__ = ["Labels"]

Ints = npt.NDArray[np.int32]
Counts = dict[str, int]
_Parts = tuple[list[int], list[int]]
"""Originals and copies, each by what their channels are about; one number for a kind without labels."""

_FEW = 4_096
"""Messages up to which counting them one by one is faster."""
_RUNS = 4
"""Runs of channels that are looked for by their ends: homes' rows up and down, and two more."""


class Labels:
    """What messages are called in journals and faults: by their kind, or by what their channel is about (`Kind.labels`).

    Parameters
    ----------
    topology
    kinds : all that may be said

    Attributes
    ----------
    names : what a fault may call messages: all labels of all kinds, then the kinds that have labels of their own

    Raises
    ------
    MessageError
        A kind has labels, but none for what one of its channels is about.
    """

    def __init__(self, topology: Topology, kinds: Sequence[Kind]) -> None:
        self._topology = topology
        channels = topology.channels
        self._count_once = _CountByAbout(channels.about)
        self._by_about: Remembered[list[int]] = Remembered(self._count_once)
        self._counted: tuple[Any, Any, list[_Parts]] = (
            _gone,
            _gone,
            [],
        )  # references to arrays, which are not kept for it
        for kind in kinds:
            here = channels.about[np.isin(channels.link, kind.links)] if kind.labels else np.empty(0, dtype=np.int8)
            if len(here) and not 0 <= here.min() <= here.max() < len(kind.labels):
                bad = here.min() if here.min() < 0 else here.max()
                raise MessageError(f"kind {kind.name!r} has no label {bad}: its labels are {', '.join(kind.labels)}")
        said = [label for kind in kinds for label in kind.labels or (kind.name,)]
        self.names = tuple(dict.fromkeys([*said, *(kind.name for kind in kinds)]))

    def count(self, kind: Kind, channel: Ints) -> Counts:
        """Return how many messages of a kind there are under each label, given their channels, (n,)."""
        if not kind.labels:
            return {kind.name: len(channel)}
        return _named(kind, self._by_about(channel))

    def by_about(self, kind: Kind, channel: Ints) -> npt.NDArray[np.int64]:
        """Return how many messages of a kind there are, given their channels, by what they are about, (labels,)."""
        if not kind.labels:
            return np.array([len(channel)])
        found = np.zeros(len(kind.labels), dtype=np.int64)
        counts = self._by_about(channel)[: len(kind.labels)]
        found[: len(counts)] = counts
        return found

    def total(self, envelopes: Envelopes) -> Counts:
        """Return how many messages there are under each label, copies counted."""
        found: Counts = {}
        for batch, parts in zip(envelopes.batches, self._parts(envelopes), strict=True):
            for counts in parts:
                for label, number in _named(batch.kind, counts).items():
                    found[label] = found.get(label, 0) + number
        return found

    def named(self, kind: Kind, numbers: npt.NDArray[np.integer] | int) -> Iterator[tuple[str, int]]:
        """Yield label and number of what is counted by what channels are about, (labels,)."""
        counts = np.atleast_1d(numbers).tolist()
        if not kind.labels:
            yield kind.name, counts[0]
            return
        yield from _named(kind, counts).items()

    def chosen(self, name: str, kind: Kind) -> npt.NDArray[np.bool_] | bool:
        """Return on which channels messages of a kind have a name: (channels,) bool, or the same answer for all."""
        if name == kind.name:
            return True
        if name not in kind.labels:
            return False
        return np.isin(self._topology.channels.about, [k for k, label in enumerate(kind.labels) if label == name])

    def changes(self, before: Envelopes, after: Envelopes) -> Iterator[tuple[str, int, int]]:
        """Yield what a fault did: label, how many messages it added and how many it took away.

        Originals and copies are counted apart, so that a fault may do both in one call. Where a copy bears no mark of its own
        messages can only be told apart by their channels.
        """
        if after.channel is before.channel:
            return
        if after.distinct:
            for batch, was, now in zip(before.batches, self._parts(before), self._parts(after), strict=True):
                if was != now:
                    yield from _compared(batch.kind, was, now)
            return
        for k, batch in enumerate(before.batches):
            two = _by_channel(before.channel[before.slices[k]], after.channel[after.slices[k]])
            more, less = (self.count(batch.kind, channel) for channel in two)
            for label in {**more, **less}:
                yield label, more.get(label, 0), less.get(label, 0)

    def _parts(self, envelopes: Envelopes) -> list[_Parts]:
        """Return how many messages of each batch there are by label, originals and copies apart.

        What one fault leaves the next one meets: the last result is kept.
        """
        channel, copy, parts = self._counted
        if channel() is not envelopes.channel or copy() is not envelopes.copy:
            parts = [self._part(envelopes, k) for k in range(len(envelopes.batches))]
            self._counted = ref(envelopes.channel), _gone if envelopes.copy is None else ref(envelopes.copy), parts
        return parts

    def _part(self, envelopes: Envelopes, number: int) -> _Parts:
        """Return how many messages of a batch there are by label, originals and copies apart."""
        batch, at, copy = envelopes.batches[number], envelopes.slices[number], envelopes.copy
        size = at.stop - at.start
        if not batch.kind.labels:
            copies = envelopes.copied[number]
            return [size - copies], [copies]
        # As many as were said, and none is there twice: the batch itself, whose counts are known.
        if copy is None and size == len(batch):
            every = self._by_about(batch.channel)
            return every, [0] * len(every)
        channel = envelopes.channel[at]
        every = self._count_once(channel)
        if copy is None:
            return every, [0] * len(every)
        copied = self._count_once(channel.take(copy[at].nonzero()[0]))
        return [a - b for a, b in zip(every, copied, strict=True)], copied


def _compared(kind: Kind, was: _Parts, now: _Parts) -> Iterator[tuple[str, int, int]]:
    """Yield by label how many messages were added to a batch and how many are gone."""
    found: dict[str, tuple[int, int]] = {}
    for old, new in zip(was, now, strict=True):
        for label, a, b in zip(kind.labels or (kind.name,), old, new, strict=False):
            if a != b:
                more, less = found.get(label, (0, 0))
                found[label] = more + max(b - a, 0), less + max(a - b, 0)
    for label, (more, less) in found.items():
        yield label, more, less


def _by_channel(was: Ints, now: Ints) -> tuple[Ints, Ints]:
    """Return the channels that carry more messages than they did, each as often as it carries more, and those with less."""
    size = max(was.max(initial=-1), now.max(initial=-1)) + 1
    change = np.bincount(now, minlength=size) - np.bincount(was, minlength=size)
    every = np.arange(size, dtype=np.int32)
    return every.repeat(np.maximum(change, 0)), every.repeat(np.maximum(-change, 0))


def _gone() -> None:
    """Stand for a reference to nothing."""


class _CountByAbout:
    """Counts ascending channels by what they are about, (kinds,).

    Most channels stand in a few long runs about balances of one kind; of a run only its ends are looked for.
    """

    def __init__(self, about: npt.NDArray[np.int8]) -> None:
        self._about = about
        edges = np.flatnonzero(about[1:] != about[:-1]) + 1
        start, stop = np.append(0, edges), np.append(edges, len(about))
        longest = np.sort((stop - start).argsort(kind="stable")[-_RUNS:])
        self._ends = np.stack([start[longest], stop[longest]], axis=1).ravel().astype(np.int32)
        self._run_about = about[start[longest]].tolist()
        self._kinds = int(about.max(initial=0)) + 1

    def __call__(self, channel: Ints) -> list[int]:
        if len(channel) < _FEW:
            return self._one_by_one(channel)
        at = channel.searchsorted(self._ends).tolist()
        found, others, done = [0] * self._kinds, [], 0
        for about, first, last in zip(self._run_about, at[0::2], at[1::2], strict=True):
            found[about] += last - first
            if first > done:
                others.append(channel[done:first])
            done = last
        if done < len(channel):
            others.append(channel[done:])
        if others:
            rest = others[0] if len(others) == 1 else np.concatenate(others)
            found = [a + b for a, b in zip(found, self._one_by_one(rest), strict=True)]
        return found

    def _one_by_one(self, channel: Ints) -> list[int]:
        return np.bincount(self._about.take(channel), minlength=self._kinds).tolist()


def _named(kind: Kind, numbers: Sequence[int]) -> Counts:
    """Add up by label what is counted by what channels are about."""
    found: Counts = {}
    for label, number in zip(kind.labels or (kind.name,), numbers, strict=False):
        found[label] = found.get(label, 0) + number
    return found

"""Labels: the names by which messages are counted and chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from .envelopes import Envelopes
from .errors import MessageError
from .messages import Kind
from .remembered import Remembered
from .topology import Topology

__all__ = ["Labels"]

Ints = npt.NDArray[np.int32]
Counts = dict[str, int]


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
        return _named(kind, _by_about(self._topology.channels.about, channel))

    def by_about(self, kind: Kind, channel: Ints) -> npt.NDArray[np.int64]:
        """Return how many messages of a kind there are, given their channels, by what they are about, (labels,)."""
        if not kind.labels:
            return np.array([len(channel)])
        found = np.zeros(len(kind.labels), dtype=np.int64)
        counts = _by_about(self._topology.channels.about, channel)
        found[: len(counts)] = counts
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
        for k, batch in enumerate(before.batches):
            more: Counts = {}
            less: Counts = {}
            if after.distinct:
                was, now = self._parts(before, k), self._parts(after, k)
                for part in {**was, **now}:
                    change, label = now.get(part, 0) - was.get(part, 0), part[0]
                    sign = more if change > 0 else less
                    sign[label] = sign.get(label, 0) + abs(change)
            else:
                two = _by_channel(before.channel[before.slices[k]], after.channel[after.slices[k]])
                more, less = (self.count(batch.kind, channel) for channel in two)
            for label in {**more, **less}:
                yield label, more.get(label, 0), less.get(label, 0)

    def _parts(self, envelopes: Envelopes, number: int) -> dict[tuple[str, bool], int]:
        """Return how many messages of a batch there are by label, originals and copies apart."""
        kind, at = envelopes.batches[number].kind, envelopes.slices[number]
        if not kind.labels:
            copies = envelopes.copied[number]
            return {(kind.name, False): at.stop - at.start - copies, (kind.name, True): copies}
        channel, copy = envelopes.channel[at], envelopes.copy
        if copy is None:
            return {(label, False): found for label, found in self.count(kind, channel).items()}
        # One count for both: what it is about, and whether it is a copy.
        code = 2 * self._topology.channels.about.take(channel) + (copy[at] != 0)
        counts = np.bincount(code, minlength=2 * len(kind.labels))
        both = ((False, counts[0::2].tolist()), (True, counts[1::2].tolist()))
        return {(label, mark): n for mark, some in both for label, n in _named(kind, some).items()}


def _by_channel(was: Ints, now: Ints) -> tuple[Ints, Ints]:
    """Return the channels that carry more messages than they did, each as often as it carries more, and those with less."""
    size = max(was.max(initial=-1), now.max(initial=-1)) + 1
    change = np.bincount(now, minlength=size) - np.bincount(was, minlength=size)
    every = np.arange(size, dtype=np.int32)
    return every.repeat(np.maximum(change, 0)), every.repeat(np.maximum(-change, 0))


def _count_about(about: npt.NDArray[np.int8], channel: Ints) -> list[int]:
    return np.bincount(about.take(channel)).tolist()


# Roles speak on the same channels tick after tick.
_by_about: Remembered[list[int]] = Remembered(_count_about)


def _named(kind: Kind, numbers: Sequence[int]) -> Counts:
    """Add up by label what is counted by what channels are about."""
    found: Counts = {}
    for label, number in zip(kind.labels, numbers, strict=False):
        found[label] = found.get(label, 0) + number
    return found

"""Tiles: a large society as windows that fit the processor's cache."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

from .society import Society

__all__ = ["tiles"]

TILE = 16_384
"""Numbers of one column that are worked on at once; a solve of a million rows at once would fetch each from memory ten times."""


def tiles(society: Society) -> list[tuple[Society, slice]]:
    """Return windows on a society, in order, and the flat rows of each.

    What is batched gives the same row by row, whichever rows stand beside it, so going tile by tile changes no bit of an answer.

    >>> from gridparley.agents import SquareRootLoad
    >>> [(len(part), rows) for part, rows in tiles(SquareRootLoad(beta=1.0, cap=1.0, names=["a", "b"]))]
    [(2, slice(0, 2, None))]
    """
    columns = [getattr(society, name) for name in society.facts]
    known, found = _known.get(society, ([], []))
    if not found or len(known) != len(columns) or any(a is not b for a, b in zip(known, columns, strict=True)):
        found = _cut(society)
        _known[society] = columns, found
    return found


_known: WeakKeyDictionary[Society, tuple[list[Any], list[tuple[Society, slice]]]] = WeakKeyDictionary()


def _cut(society: Society) -> list[tuple[Society, slice]]:
    size = max(1, TILE // society.periods)
    if society.rows <= size:
        return [(society.take(slice(0, len(society))), slice(0, society.rows))]  # not itself, or it would live for ever
    start = society.row_start
    cuts = [0]
    while cuts[-1] < len(society):
        # As many agents as have that many rows, and at least one.
        last = int(start.searchsorted(start[cuts[-1]] + size, side="right")) - 1
        cuts.append(max(last, cuts[-1] + 1))
    spans = [slice(first, last) for first, last in pairwise(cuts)]
    return [(society.take(span), slice(int(start[span.start]), int(start[span.stop]))) for span in spans]

"""Groups: agents of one name in one home."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Group"]


@dataclass(frozen=True)
class Group:
    """Agents of one name in one home: ``count`` of them with consecutive addresses from ``start``.

    Attributes
    ----------
    home : number of the home
    name : of all of them, such as ``"A.load"``; each is called ``"A.load.7"`` if there are several
    start, count
    """

    home: int
    name: str
    start: int
    count: int

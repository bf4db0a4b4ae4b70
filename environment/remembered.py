"""Work on arrays that stay the same from tick to tick, done once: orders, look-ups, checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import ref

import numpy.typing as npt

__all__ = ["Remembered", "fixed"]

Result = TypeVar("Result")
AnyArray = npt.NDArray[Any]


def fixed(array: AnyArray) -> AnyArray:
    """Make an array read-only, which says that its contents will never change, and return it."""
    array.setflags(write=False)
    return array


class Remembered(Generic[Result]):
    """A pure function of arrays that remembers its results as long as the arrays live.

    Only read-only arrays are recognised again, by identity: a writable one might hold something else by now.

    >>> import numpy as np
    >>> lengths = Remembered(lambda array: print("counting") or len(array))
    >>> channels = fixed(np.arange(3))
    >>> lengths(channels), lengths(channels)
    counting
    (3, 3)
    """

    def __init__(self, make: Callable[..., Result]) -> None:
        self._make = make
        self._known: dict[tuple[int, ...], tuple[tuple[ref[AnyArray], ...], Result]] = {}

    def __call__(self, *arrays: AnyArray) -> Result:
        """Return the function of these arrays."""
        for array in arrays:
            if array.flags.writeable:
                return self._make(*arrays)
        key = tuple(map(id, arrays))
        found = self._known.get(key)
        if found is not None:
            return found[1]
        result = self._make(*arrays)

        def forget(_: Any, key: tuple[int, ...] = key) -> None:
            self._known.pop(key, None)

        # When an array goes, so does the entry: its address may then become another array's.
        self._known[key] = tuple(ref(array, forget) for array in arrays), result
        return result

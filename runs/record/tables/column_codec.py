"""Blocks: named columns of any lengths as compressed bytes, the same bytes whenever the columns are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...common.errors import RunError

__all__ = ["CODEC", "Array", "Block", "Columns", "Packer", "Steps", "digest", "first_difference", "inflated"]

Array = npt.NDArray[Any]
Columns = dict[str, Array]
Block = tuple[int, bytes]
"""Bytes before compression, compressed bytes."""

CODEC = pa.Codec("zstd", compression_level=2)

RATIO_MAX = 1 << 15
"""Bytes that zstd can pack into one at most: 128 KiB of one value take four."""

_TYPES = tuple(np.dtype(name) for name in ("?", "u1", "u2", "i1", "<i2", "<i4", "<i8", "<u8", "<f8"))
_SHORTEST = tuple(np.dtype(name) for name in ("i1", "<i2", "<i4", "<i8"))
_CODES = {dtype: code for code, dtype in enumerate(_TYPES)}
_STEPS, _TEXT = 100, 255
_ALIGNED = 8


class Steps(NamedTuple):
    """Integers to be kept as their differences: where neighbours differ by little, that takes almost no room."""

    values: npt.NDArray[np.integer]


class Packer:
    """Turns columns into blocks and back.

    A block is zstd over: the number of columns; for each its place in `names`, its type, its length and one number more
    (int64 each); then the columns, each from a multiple of 8 bytes on. Texts are UTF-8 with a zero byte after each, and the
    number is their bytes; integers kept as differences are in the shortest type, and the number is the first of them.

    Parameters
    ----------
    names : of all columns that there may be
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self._place = {name: place for place, name in enumerate(names)}

    def pack(self, columns: Mapping[str, Array | Steps]) -> Block:
        """Return columns as a block.

        Raises
        ------
        RunError
            A column is none of the names.
        """
        head, parts = [len(columns)], []
        for name, column in columns.items():
            if name not in self._place:
                raise RunError(f"this record has no column {name}: it was started by another release")
            code, length, more, data = _told(column)
            head += [self._place[name], code, length, more]
            parts += [data, bytes(-len(data) % _ALIGNED)]
        raw = b"".join([np.array(head, dtype="<i8").tobytes(), *parts])
        return len(raw), CODEC.compress(raw, asbytes=True)

    def unpack(self, block: Block) -> Columns:
        """Return the columns of a block.

        Raises
        ------
        ValueError, IndexError, TypeError, OverflowError
            It is damaged.
        """
        raw = inflated(block)
        count = int(np.frombuffer(raw, dtype="<i8", count=1)[0])
        head = np.frombuffer(raw, dtype="<i8", offset=8, count=4 * count).reshape(count, 4).tolist()
        start, found = 8 + 32 * count, {}
        for place, code, length, more in head:
            if length < 0 or place < 0 or (code == _TEXT and more < 0):
                raise ValueError("negative sizes")
            if code == _TEXT:
                column, size = np.array(raw[start : start + more].decode().split("\0")[:-1], dtype=object), more
            elif code >= _STEPS:
                kept = max(length - 1, 0)
                if kept * _TYPES[code - _STEPS].itemsize > len(raw):
                    raise ValueError(f"{length} numbers in {len(raw)} bytes")
                column, size = np.full(length, more, dtype=np.int64), kept * _TYPES[code - _STEPS].itemsize
                np.cumsum(np.frombuffer(raw, dtype=_TYPES[code - _STEPS], count=kept, offset=start), out=column[1:])
                column[1:] += more
            else:
                column, size = (
                    np.frombuffer(raw, dtype=_TYPES[code], count=length, offset=start),
                    length * _TYPES[code].itemsize,
                )
            found[self.names[place]] = column
            start += size + -size % _ALIGNED
        return found


def _told(column: Array | Steps) -> tuple[int, int, int, bytes | memoryview]:
    """Return a column's type, length, the number that belongs to the type, and its bytes."""
    if isinstance(column, Steps):
        values = column.values
        steps = np.diff(values)
        low, high = (int(steps.min()), int(steps.max())) if len(steps) else (0, 0)
        dtype = next(dtype for dtype in _SHORTEST if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max)
        return _STEPS + _CODES[dtype], len(values), int(values[0]) if len(values) else 0, steps.astype(dtype).tobytes()
    if column.dtype.hasobject:
        text = "".join(f"{word}\0" for word in column).encode()
        return _TEXT, len(column), len(text), text
    plain = np.ascontiguousarray(column)
    return _CODES[column.dtype], len(column), 0, plain.reshape(-1).view(np.uint8).data if plain.size else b""


def inflated(block: Block) -> bytes:
    """Return the bytes of a block before compression; nothing is made room for that cannot be in it.

    Raises
    ------
    ValueError
        The size is none that so many compressed bytes can have, or they are damaged.
    """
    size, data = block
    if not (isinstance(size, int) and isinstance(data, bytes) and 0 <= size <= RATIO_MAX * (len(data) + 64)):
        given = len(data) if isinstance(data, bytes) else type(data).__name__
        raise ValueError(f"{size} bytes cannot be in {given} compressed ones")
    try:
        return CODEC.decompress(data, decompressed_size=size, asbytes=True)
    except (OSError, MemoryError) as error:  # pyarrow's errors are OSErrors
        raise ValueError(str(error)) from None


def digest(*blocks: Block) -> bytes:
    """Return the hash of some blocks."""
    found = hashlib.blake2b(digest_size=16)
    for _, data in blocks:
        found.update(data)
    return found.digest()


def first_difference(one: Columns, other: Columns) -> str | None:
    """Return the first column in which two tables differ in any bit; None if the two hold the same."""
    for name in sorted({*one, *other}):
        if name not in one or name not in other or _bits(one[name]) != _bits(other[name]):
            return name
    return None


def _bits(column: npt.NDArray[Any]) -> Any:
    return column.tolist() if column.dtype.hasobject else (column.dtype, np.ascontiguousarray(column).tobytes())

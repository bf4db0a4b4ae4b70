"""Blocks: named columns of any lengths as compressed bytes, the same bytes whenever the columns are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .errors import RunError

__all__ = ["CODEC", "Block", "Columns", "Packer", "digest", "first_difference", "steps", "unsteps"]

Columns = dict[str, npt.NDArray[Any]]
Block = tuple[int, bytes]
"""Bytes before compression, compressed bytes."""

CODEC = pa.Codec("zstd", compression_level=1)

_TYPES = tuple(np.dtype(name) for name in ("?", "u1", "u2", "i1", "<i4", "<i8", "<u8", "<f8"))
_CODES = {dtype: code for code, dtype in enumerate(_TYPES)}
_TEXT = 255
_ALIGNED = 8


class Packer:
    """Turns columns into blocks and back.

    A block is zstd over: the number of columns; for each its place in `names`, its type and its length (int64 each); then the
    columns, each from a multiple of 8 bytes on. Texts are UTF-8 with a line feed after each.

    Parameters
    ----------
    names : of all columns that there may be
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self._place = {name: place for place, name in enumerate(names)}

    def pack(self, columns: Mapping[str, npt.NDArray[Any]]) -> Block:
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
            text = column.dtype.hasobject
            data = "".join(f"{word}\n" for word in column).encode() if text else np.ascontiguousarray(column).data
            head += [self._place[name], _TEXT if text else _CODES[column.dtype], len(column)]
            if len(column):
                size = len(data) if text else column.nbytes
                head += [size] if text else []
                parts += [data, bytes(-size % _ALIGNED)]
            elif text:
                head.append(0)
        raw = b"".join([np.array(head, dtype="<i8").tobytes(), *parts])
        return len(raw), CODEC.compress(raw, asbytes=True)

    def unpack(self, block: Block) -> Columns:
        """Return the columns of a block."""
        size, data = block
        raw = CODEC.decompress(data, decompressed_size=size, asbytes=True)
        count = int(np.frombuffer(raw, dtype="<i8", count=1)[0])
        head = np.frombuffer(raw, dtype="<i8", count=min(1 + 4 * count, size // 8)).tolist()
        layout, at = [], 1
        for _ in range(count):
            place, code, length = head[at : at + 3]
            at += 3
            if code == _TEXT:
                layout.append((self.names[place], None, length, head[at]))
                at += 1
            else:
                layout.append((self.names[place], _TYPES[code], length, length * _TYPES[code].itemsize))
        found: Columns = {}
        start = 8 * at
        for name, dtype, length, size in layout:
            if dtype is None:
                found[name] = np.array(raw[start : start + size].decode().split("\n")[:-1], dtype=object)
            else:
                found[name] = np.frombuffer(raw, dtype=dtype, count=length, offset=start)
            start += size + -size % _ALIGNED
        return found


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


def steps(values: npt.NDArray[Any], dtype: npt.DTypeLike = np.int32) -> npt.NDArray[Any]:
    """Return the differences of integers: neighbours differ by little and often the same, which takes almost no room."""
    found = np.empty(len(values), dtype=dtype)
    found[:1] = values[:1]
    np.subtract(values[1:], values[:-1], out=found[1:], casting="unsafe")
    return found


def unsteps(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the integers whose differences these are."""
    return np.cumsum(values, dtype=np.int64)

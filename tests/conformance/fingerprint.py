"""Fingerprints: one number for everything an object holds, to the last bit, so that any change shows."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator
from functools import cached_property
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..environment import Kind
from ..protocols import Memory, Protocol

__all__ = ["changed", "fingerprint", "same_bits"]

_SKIPPED = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType, Memory, Kind, Protocol)


def same_bits(a: Any, b: Any) -> bool:
    """Tell whether two float columns have the same shape and the same bits; NaN equals NaN, -0.0 does not equal 0.0."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return bool(np.array_equal(a, b, equal_nan=True) and np.array_equal(np.signbit(a), np.signbit(b)))


def fingerprint(thing: Any) -> bytes:
    """Return a digest of an object and all that it refers to, but code, `Memory`, and what is frozen anyway."""
    digest = hashlib.blake2b(digest_size=16)
    for piece in _pieces(thing, {}):
        digest.update(piece)
        digest.update(b"\x1f")
    return digest.digest()


def changed(thing: Any, before: dict[str, bytes]) -> list[str]:
    """Return the names of the attributes whose fingerprint is no longer what it was; see `attributes`."""
    after = attributes(thing)
    return [name for name, old in before.items() if after.get(name) != old] + [n for n in after if n not in before]


def attributes(thing: Any) -> dict[str, bytes]:
    """Return the fingerprint of each attribute of an object, but its ``memory``."""
    return {name: fingerprint(value) for name, value in _kept(thing) if name != "memory"}


def _pieces(thing: Any, seen: dict[int, int]) -> Iterator[bytes]:
    if thing is None or isinstance(thing, bool | int | float | complex | str | bytes | enum.Enum):
        yield repr(thing).encode()
        return
    if isinstance(thing, np.generic | np.ndarray) and thing.dtype != object:
        yield f"{thing.dtype.str} {thing.shape}".encode()
        yield np.ascontiguousarray(thing).tobytes()
        return
    if isinstance(thing, _SKIPPED):
        return
    if id(thing) in seen:  # the same object again, or a cycle
        yield f"same as {seen[id(thing)]}".encode()
        return
    seen[id(thing)] = len(seen)
    yield type(thing).__qualname__.encode()
    if isinstance(thing, dict):
        for key, value in thing.items():
            yield from _pieces(key, seen)
            yield from _pieces(value, seen)
    elif isinstance(thing, list | tuple | np.ndarray):
        for value in thing:
            yield from _pieces(value, seen)
    elif isinstance(thing, set | frozenset):
        yield from sorted(fingerprint(value) for value in thing)
    else:
        # No dictionary made on the way: an id means something only while its object lives.
        for name, value in _held(thing):
            yield name.encode()
            yield from _pieces(value, seen)


def _held(thing: Any) -> Iterator[tuple[str, Any]]:
    yield from _kept(thing)
    for cls in type(thing).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(thing, name):
                yield name, getattr(thing, name)


def _kept(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield what stands in an object's dictionary, but what a `cached_property` remembers: that is no state."""
    for name, value in getattr(thing, "__dict__", {}).items():
        if not isinstance(getattr(type(thing), name, None), cached_property):
            yield name, value

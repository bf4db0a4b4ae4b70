"""Keyed chance: every draw is a hash of the names, the kind and the tick, so no agent's draws depend on another's.

A draw has no state. It is a function of (seed, purpose, kind, tick, ordinal) and of the channel's key, and the channel's
key comes from the *names* of its two agents. Adding an agent, a fault or a message elsewhere moves no other draw, and a
restored run needs no generator state.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

__all__ = ["mix", "salt", "text_key", "uniform"]

Keys = npt.NDArray[np.uint64]

_MULTIPLY_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLY_2 = np.uint64(0x94D049BB133111EB)
_STEP = np.uint64(0x9E3779B97F4A7C15)
_TO_UNIT = float(2.0**-53)


def mix(keys: Keys) -> Keys:
    """Scramble 64-bit keys (the finaliser of SplitMix64; Steele, Lea and Flood, OOPSLA 2014).

    >>> [hex(v) for v in mix(np.array([0, 1], dtype=np.uint64))]
    ['0xe220a8397b1dcdaf', '0x910a2dec89025cc1']
    """
    # Unsigned arithmetic wraps by design; arrays (never NumPy scalars) keep that silent.
    return _scramble(np.array(keys, ndmin=1))


def _scramble(z: Keys) -> Keys:
    """Do what `mix` says in place, and return it."""
    z += _STEP
    high = z >> np.uint64(30)
    z ^= high
    z *= _MULTIPLY_1
    z ^= np.right_shift(z, np.uint64(27), out=high)
    z *= _MULTIPLY_2
    z ^= np.right_shift(z, np.uint64(31), out=high)
    return z


def text_key(text: str) -> int:
    """Return the 64-bit key of a name: the same on every machine and in every Python process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def salt(seed: int, *words: str | int) -> np.uint64:
    """Return the 64-bit salt of one stream, e.g. ``salt(seed, fault.name, kind.name, tick)``."""
    return np.uint64(text_key("\x1f".join(str(word) for word in (seed, *words))))


def uniform(keys: Keys) -> npt.NDArray[np.float64]:
    """Draw one number in [0, 1) for each key, (n,) uint64; the keys are scrambled in place and worth nothing afterwards.

    A key joins by ``^`` whatever the draw shall depend on: a channel's key, a stream's salt, which copy of a message.
    """
    mixed = _scramble(keys)
    mixed >>= np.uint64(11)
    return np.asarray(mixed * _TO_UNIT, dtype=np.float64)

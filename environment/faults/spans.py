"""A whole number or a range of whole numbers, written ``3`` or ``0..5``."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, PlainSerializer

__all__ = ["Span"]


class _Span(NamedTuple):
    low: int
    high: int

    def pick(self, chance: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        """Turn numbers in [0, 1) into whole numbers low..high, all equally likely."""
        return (self.low + np.floor(chance * (self.high - self.low + 1))).astype(np.int32)

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}..{self.high}"


def _read(value: Any) -> _Span:
    if isinstance(value, _Span):
        return value
    if isinstance(value, list | tuple) and len(value) == 2:
        value = f"{value[0]}..{value[1]}"
    match = re.fullmatch(r"\s*(\d+)(?:\s*\.\.\s*(\d+))?\s*", str(value))
    if not match:
        raise ValueError(f"{value!r} is neither a whole number such as 3 nor a range such as 0..5")
    low = int(match[1])
    high = low if match[2] is None else int(match[2])
    if high < low:
        raise ValueError(f"{value!r} runs backwards: write {high}..{low}")
    if high > 100_000:
        raise ValueError(f"{value!r} is beyond 100000")
    return _Span(low, high)


Span = Annotated[_Span, BeforeValidator(_read), PlainSerializer(str)]
"""Pydantic field type: reads ``3``, ``"0..5"`` or ``[0, 5]``; refuses negatives and ranges that run backwards."""

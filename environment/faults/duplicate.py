"""Duplicate: the network delivers a message more than once."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..envelopes import Envelopes
from ..keys import Keys, mix, text_key
from ..remembered import fixed
from .base import Chance, Fault, Stage
from .spans import Span

__all__ = ["Duplicate"]


class Duplicate(Fault):
    """Each message gets, with a `probability`, a number of `copies`, each held back by its own `delay`.

    Copies then meet loss and delay one by one, like any message.
    """

    kind: ClassVar[str] = "duplicate"
    stage: ClassVar[Stage] = Stage.COPIES
    value: ClassVar[str] = "probability"

    probability: float = Field(ge=0, le=1)
    copies: int = Field(default=1, ge=1, le=100)
    delay: Span = Field(default=0, validate_default=True)

    def on_send(self, envelopes: Envelopes, chance: Chance) -> Envelopes:
        """Add the copies; only originals are copied, so two such faults do not multiply."""
        lucky = chance(envelopes) < self.probability
        if envelopes.copy is not None:
            lucky &= envelopes.copy == 0
        # A copy's identity comes from this fault's name, so that no other fault changes the copy's draws.
        identity = _identities(self.name, self.copies)
        at, copy = _inserted(len(envelopes), lucky.nonzero()[0], identity)
        if envelopes.copy is not None:  # another fault's copies may have to go between
            copy = np.maximum(copy, envelopes.copy.take(at))
            order = np.lexsort((copy, envelopes.place.take(at)))
            at, copy = at[order], copy[order]
        result = replace(envelopes.take(at), copy=copy)
        if not self.delay.high:
            return result
        extra = np.isin(copy, identity)
        ticks = np.zeros(len(result), dtype=np.int32)
        ticks[extra] = self.delay.pick(chance(result.take(extra)))
        return result.delay(ticks)


@cache
def _identities(name: str, copies: int) -> Keys:
    return fixed(np.sort(mix(np.array([text_key(f"{name}/{k}") for k in range(copies)], dtype=np.uint64))))


def _inserted(n: int, which: npt.NDArray[np.integer], copies: Keys) -> tuple[npt.NDArray[np.integer], Keys]:
    """Return what each message of n becomes with copies of some put behind them, (m,): its position, and its copy."""
    at = np.repeat(np.arange(n), np.bincount(which, minlength=n) * len(copies) + 1) if len(which) else np.arange(n)
    copy = np.zeros(len(at), dtype=np.uint64)
    behind = which + np.arange(len(which)) * len(copies) + 1
    for number, identity in enumerate(copies):
        copy[behind + number] = identity
    return at, copy

"""Duplicate: the network delivers a message more than once."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from pydantic import Field

from ..keys import mix, text_key
from ..messages import MessageBatch
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

    def on_send(self, batch: MessageBatch, chance: Chance) -> MessageBatch:
        """Add the copies; only originals are copied, so two such faults do not multiply."""
        lucky = chance(batch) < self.probability
        if batch.copy is not None:
            lucky &= batch.copy == 0
        parts = [batch]
        for number in range(self.copies):
            extra = batch.take(lucky)
            # A copy's identity comes from this fault's name, so that no other fault changes the copy's luck.
            identity = mix(np.array([text_key(f"{self.name}/{number}")], dtype=np.uint64))
            extra = replace(extra, copy=np.repeat(identity, len(extra)))
            if self.delay.high:
                extra = extra.delay(self.delay.pick(chance(extra)))
            parts.append(extra)
        return MessageBatch.join(parts)

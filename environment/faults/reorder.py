"""Reorder: some messages are held back, so that later ones overtake them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from ..messages import MessageBatch
from .base import Chance, Fault, Stage

__all__ = ["Reorder"]


class Reorder(Fault):
    """Each message is held back with a `probability`, by 1 to `window` ticks, all equally likely."""

    kind: ClassVar[str] = "reorder"
    stage: ClassVar[Stage] = Stage.DELAY
    value: ClassVar[str] = "probability"
    any_kind: ClassVar[bool] = True

    probability: float = Field(ge=0, le=1)
    window: int = Field(default=3, ge=1, le=100_000)

    def on_send(self, batch: MessageBatch, chance: Chance) -> MessageBatch:
        """Draw who is held back, and for how long."""
        held = chance(batch) < self.probability
        ticks = 1 + np.floor(chance(batch) * self.window).astype(np.int32)
        return batch.delay(np.where(held, ticks, 0))

"""Reorder: some messages are held back, so that later ones overtake them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from ..envelopes import Envelopes
from .base import Chance, Fault, Stage

__all__ = ["Reorder"]


class Reorder(Fault):
    """Each message is held back with a `probability`, by 1 to `window` ticks, all equally likely."""

    kind: ClassVar[str] = "reorder"
    stage: ClassVar[Stage] = Stage.DELAY
    value: ClassVar[str] = "probability"

    probability: float = Field(ge=0, le=1)
    window: int = Field(default=3, ge=1, le=100_000)

    def on_send(self, envelopes: Envelopes, chance: Chance) -> Envelopes:
        """Draw which messages are held back, and for how long."""
        held = chance(envelopes) < self.probability
        ticks = 1 + np.floor(chance(envelopes) * self.window).astype(np.int32)
        return envelopes.delay(np.where(held, ticks, 0))

"""Loss: a message disappears on the way, and its sender is not told."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ..envelopes import Envelopes
from .base import Chance, Fault, Stage

__all__ = ["Loss"]


class Loss(Fault):
    """Each message, and each copy of it, is lost with a `probability`, independently."""

    kind: ClassVar[str] = "loss"
    stage: ClassVar[Stage] = Stage.LOSS
    value: ClassVar[str] = "probability"

    probability: float = Field(ge=0, le=1)

    def on_send(self, envelopes: Envelopes, chance: Chance) -> Envelopes:
        """Keep the messages whose draw is at least the probability."""
        return envelopes.take(chance(envelopes) >= self.probability)

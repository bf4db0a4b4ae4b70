"""Loss: a message disappears on the way, and nobody tells its sender."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ..messages import MessageBatch
from .base import Chance, Fault, Stage

__all__ = ["Loss"]


class Loss(Fault):
    """Each message, and each copy of it, is lost with a `probability`, independently."""

    kind: ClassVar[str] = "loss"
    stage: ClassVar[Stage] = Stage.LOSS
    value: ClassVar[str] = "probability"
    any_kind: ClassVar[bool] = True

    probability: float = Field(ge=0, le=1)

    def on_send(self, batch: MessageBatch, chance: Chance) -> MessageBatch:
        """Keep the messages whose draw is at least the probability."""
        return batch.take(chance(batch) >= self.probability)

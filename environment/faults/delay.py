"""Delay: a message arrives later than the next tick, so that later ones may overtake it."""

from __future__ import annotations

from typing import ClassVar

from ..messages import MessageBatch
from .base import Chance, Fault, Stage
from .spans import Span

__all__ = ["Delay"]


class Delay(Fault):
    """Each message is later by `ticks`: a constant, or uniform on ``a..b``. One tick passes in any case."""

    kind: ClassVar[str] = "delay"
    stage: ClassVar[Stage] = Stage.DELAY
    value: ClassVar[str] = "ticks"

    ticks: Span

    def on_send(self, batch: MessageBatch, chance: Chance) -> MessageBatch:
        """Draw each message's extra ticks."""
        return batch.delay(self.ticks.pick(chance(batch)))

"""Rate limit: a channel carries only so many messages a tick; the others queue, or are lost."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from ..envelopes import Envelopes
from .base import Chance, Fault, Stage

__all__ = ["RateLimit"]


class RateLimit(Fault):
    """Every channel carries `rate` messages a tick, all kinds together; `queue` more wait, beyond that they are lost.

    Attributes
    ----------
    rate : messages a tick; 0.2 means one in five ticks
    queue : messages that may wait on a channel
    """

    kind: ClassVar[str] = "rate_limit"
    stage: ClassVar[Stage] = Stage.RATE_LIMIT
    value: ClassVar[str] = "rate"

    rate: float = Field(gt=0, le=1000)
    queue: int = Field(default=10, ge=0, le=100_000)

    def on_send(self, envelopes: Envelopes, chance: Chance) -> Envelopes:
        """Let pass what the channels carry, hold back what may wait, lose the rest."""
        memory = chance.memory
        backlog = memory.setdefault("backlog", np.zeros(chance.channels))
        since = chance.tick - int(memory.setdefault("tick", np.array([chance.tick]))[0])
        if since:
            backlog = np.maximum(backlog - since * self.rate, 0.0)
        ahead = np.empty(len(envelopes))
        for at in envelopes.slices:  # kind after kind: those of a kind are on channels of their own
            channel = envelopes.channel[at]
            ahead[at] = backlog[channel]
            backlog[channel[ahead[at] < self.queue + self.rate]] += 1.0
        memory["backlog"], memory["tick"] = backlog, np.array([chance.tick])
        room = ahead < self.queue + self.rate
        return envelopes.take(room).delay(np.floor(ahead[room] / self.rate + 1e-9).astype(np.int32))

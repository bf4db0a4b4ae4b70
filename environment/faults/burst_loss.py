"""Burst loss: losses come in spells, as on a radio link (Gilbert, 1960; Elliott, 1963)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from ..envelopes import Envelopes
from .base import Chance, Fault, Stage

__all__ = ["BurstLoss"]


class BurstLoss(Fault):
    """Every channel has its own weather, good or bad, and messages are lost with the probability of the weather.

    The weather changes on every channel in every tick from the first on, whether or not anything is sent, so that
    protocols can be compared under the same weather. It starts in its long-run mix.

    Attributes
    ----------
    worsen : probability per tick that good weather turns bad (p)
    recover : probability per tick that bad weather turns good (r)
    loss_good, loss_bad : probability of a loss in either
    """

    kind: ClassVar[str] = "burst_loss"
    stage: ClassVar[Stage] = Stage.LOSS
    value: ClassVar[str] = "worsen"

    worsen: float = Field(ge=0, le=1)
    recover: float = Field(default=0.3, gt=0, le=1)
    loss_good: float = Field(default=0.0, ge=0, le=1)
    loss_bad: float = Field(default=1.0, ge=0, le=1)

    def on_send(self, envelopes: Envelopes, chance: Chance) -> Envelopes:
        """Keep the messages whose draw is at least the probability of the weather on their channel."""
        bad = self._weather(chance)[envelopes.channel]
        return envelopes.take(chance(envelopes) >= np.where(bad, self.loss_bad, self.loss_good))

    def _weather(self, chance: Chance) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Bring the weather of all channels up to this tick."""
        memory = chance.memory
        if "bad" not in memory:
            memory["bad"] = chance.everywhere(-1) < self.worsen / (self.worsen + self.recover)
            memory["tick"] = np.array([-1])
        bad = memory["bad"]
        for tick in range(int(memory["tick"][0]) + 1, chance.tick + 1):
            draw = chance.everywhere(tick)
            bad = np.where(bad, draw >= self.recover, draw < self.worsen)
        memory["bad"], memory["tick"] = bad, np.array([chance.tick])
        return np.asarray(bad, dtype=bool)

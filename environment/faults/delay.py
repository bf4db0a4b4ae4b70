"""Delay: a message arrives later than the next tick, so that later ones may overtake it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ..envelopes import Envelopes
from .base import Chance, Fault, Stage
from .spans import Span

__all__ = ["Delay"]

_LONGEST = 20
"""Means after which a geometric delay is cut off, so that there is a longest one: one in 10^9 reaches it."""


class Delay(Fault):
    """Each message is later by some ticks, beside the one tick that passes in any case. One of three is given.

    Attributes
    ----------
    ticks : a constant, or uniform on ``a..b``
    mean : of a geometric distribution on 0, 1, 2, ..., cut off at 20 times the mean, at least 20
    table : pairs (ticks, weight)
    """

    kind: ClassVar[str] = "delay"
    stage: ClassVar[Stage] = Stage.DELAY
    value: ClassVar[str] = "ticks"

    ticks: Span | None = None
    mean: float | None = Field(default=None, gt=0, le=10_000)
    table: tuple[tuple[int, float], ...] | None = Field(default=None, min_length=1, max_length=10_000)

    @model_validator(mode="after")
    def _one_of_three(self) -> Delay:
        given = [name for name in ("ticks", "mean", "table") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"{' and '.join(given) or 'nothing'} given: wanted one of ticks, mean and table")
        for ticks, weight in self.table or ():
            if not (0 <= ticks <= 100_000 and weight >= 0):
                raise ValueError(f"table has {ticks} ticks with weight {weight}; both are 0 or more")
        if self.table is not None and not sum(weight for _, weight in self.table) > 0:
            raise ValueError("the weights of table are all 0")
        return self

    @property
    def longest(self) -> int:
        """The longest delay that can be drawn."""
        if self.ticks is not None:
            return self.ticks.high
        if self.mean is not None:
            return int(_LONGEST * max(self.mean, 1.0))
        return max(ticks for ticks, _ in self.table or ())

    def on_send(self, envelopes: Envelopes, chance: Chance) -> Envelopes:
        """Draw each message's extra ticks."""
        return envelopes.delay(self._pick(chance(envelopes)))

    def _pick(self, draw: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        if self.ticks is not None:
            return self.ticks.pick(draw)
        if self.mean is not None:
            extra = np.floor(np.log1p(-draw) / np.log(self.mean / (1.0 + self.mean)))
            return np.minimum(extra, self.longest).astype(np.int32)
        ticks, weight = np.array(self.table, dtype=float).T
        edge = np.cumsum(weight) / weight.sum()
        return ticks[np.minimum(np.searchsorted(edge, draw, side="right"), len(edge) - 1)].astype(np.int32)

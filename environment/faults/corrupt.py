"""Corrupt: what arrives is not what was sent."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from ..envelopes import Envelopes
from ..messages import Kind, MessageBatch
from .base import Chance, Fault, Stage

__all__ = ["Corrupt"]


class Corrupt(Fault):
    """Each message is garbled on arrival with a `probability`.

    Receivers refuse what is not finite or out of its declared range, and count it; a plausible lie they believe.

    Attributes
    ----------
    mode : ``nan``; ``scale`` (times `factor`) and ``sign`` garble quantities but not plain numbers such as the round;
        ``replay`` delivers an earlier payload of the same kind and channel in place of this one
    """

    kind: ClassVar[str] = "corrupt"
    stage: ClassVar[Stage] = Stage.CORRUPTION
    value: ClassVar[str] = "probability"

    probability: float = Field(ge=0, le=1)
    mode: Literal["nan", "scale", "sign", "replay"] = "nan"
    factor: float = Field(default=10.0, description="of mode scale")

    @field_validator("mode", mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        """Read nan as the word, too: that is how TOML and the command line write the number, which is what is meant."""
        return "nan" if isinstance(value, float) and np.isnan(value) else value

    def on_deliver(self, envelopes: Envelopes, chance: Chance) -> Envelopes:
        """Return the same envelopes with some payloads exchanged."""
        hit = chance(envelopes) < self.probability

        def garbled(batch: MessageBatch, at: slice) -> np.ndarray:
            values = batch.values
            return np.where(hit[at, None], self._garbled(batch, values, chance), values)

        return envelopes.rewrite(garbled)

    def _garbled(self, batch: MessageBatch, values: np.ndarray, chance: Chance) -> np.ndarray:
        if self.mode == "replay":
            return self._replayed(batch, values, chance)
        if self.mode == "nan":
            return np.full_like(values, np.nan)
        return values * np.where(_quantities(batch.kind), self.factor if self.mode == "scale" else -1.0, 1.0)

    def _replayed(self, batch: MessageBatch, values: np.ndarray, chance: Chance) -> np.ndarray:
        """Exchange payloads for the ones that last arrived on the same channels, and remember these."""
        name = f"last {batch.kind.name}"
        last = chance.memory.setdefault(name, np.full((chance.channels, batch.kind.width), np.nan))
        earlier = last[batch.channel]
        last[batch.channel] = values
        return np.where(np.isnan(earlier), values, earlier)


def _quantities(kind: Kind) -> np.ndarray:
    """(width,) bool: which numbers of a payload have a unit."""
    return np.repeat([field.unit != "1" for field in kind.fields], [field.width for field in kind.fields])

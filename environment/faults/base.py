"""What every fault has: a name, a scope, a stage, and one of `on_send` and `on_deliver`."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..messages import MessageBatch

__all__ = ["Chance", "Fault", "Stage", "fault_types"]

Chance = Callable[[MessageBatch], npt.NDArray[np.float64]]
"""Draws one number in [0, 1) for each message of a batch, from the fault's own stream."""

_TYPES: dict[str, type[Fault]] = {}


class Stage(IntEnum):
    """When a fault acts, whatever its place in a list: the first four on sending, the others on arrival."""

    RATE_LIMIT = 1
    COPIES = 2
    LOSS = 3
    DELAY = 4
    PARTITION = 5
    CRASH = 6
    CORRUPTION = 7


class Fault(BaseModel):
    """One fault: parameters, and a scope that says which messages it may touch.

    A subclass sets `kind` (what a schedule calls it), `stage`, `value` (the parameter that ``--fault kind=VALUE`` sets),
    and overrides `on_send` or `on_deliver`. Fields are pydantic fields, so a wrong value is refused by name.

    Attributes
    ----------
    name : keys the random stream; by default made of the kind and the scope
    agent : only messages from or to agents whose name fits, e.g. ``"B.operator"`` or ``"*.operator"``
    channel : only messages on channels that fit, ``"A.virtual->B.virtual"``; ``"<->"`` for both ways
    message : only messages of this kind
    start, end : only messages sent (or, on arrival, due) in ticks start <= t < end; called ``from`` and ``to`` in schedules
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    kind: ClassVar[str] = ""
    stage: ClassVar[Stage] = Stage.LOSS
    value: ClassVar[str] = ""

    name: str = ""
    agent: str | None = None
    channel: str | None = None
    message: str | None = None
    start: int = Field(default=0, alias="from", ge=0)
    end: int | None = Field(default=None, alias="to")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make the fault known under its kind."""
        super().__init_subclass__(**kwargs)
        if cls.__dict__.get("kind"):  # its own: a subclass of a known fault must not take its place
            _TYPES[cls.kind] = cls

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("name"):
            scope = {"agent": None, "channel": None, "message": None, "from": 0, "to": None}
            given = {key: data.get(key, data.get({"from": "start", "to": "end"}.get(key, key))) for key in scope}
            said = [f"{key}={given[key]}" for key, default in scope.items() if given[key] not in (None, default)]
            data = {**data, "name": " ".join([cls.kind, *said])}
        return data

    @model_validator(mode="after")
    def _window(self) -> Fault:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"the window from={self.start} to={self.end} is empty: 'to' must be later than 'from'")
        return self

    def on_send(self, batch: MessageBatch, chance: Chance) -> MessageBatch:
        """Return what is left of a batch, or more, when it is sent."""
        return batch

    def on_deliver(self, batch: MessageBatch, chance: Chance) -> MessageBatch:
        """Return what is left of a batch when it arrives."""
        return batch


def fault_types() -> dict[str, type[Fault]]:
    """Return every fault that is known, by kind."""
    return dict(sorted(_TYPES.items()))

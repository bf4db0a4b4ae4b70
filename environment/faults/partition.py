"""Partition: groups of agents that cannot reach each other."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from ..envelopes import Envelopes
from ..errors import FaultError
from ..topology.topology import Topology
from .base import Chance, Fault, Stage

__all__ = ["Partition"]


class Partition(Fault):
    """Messages between agents of different `groups` are stopped on arrival, those in flight included.

    Without `groups` the channels in its scope are cut: ``channel="A.virtual<->B.virtual"``. Agents in no group reach
    all others.

    Attributes
    ----------
    groups : patterns such as ``["A.*", "B.*|C.*"]``; on the command line ``A.*/B.*|C.*``
    one_way : only messages from the first group to the others are stopped
    """

    kind: ClassVar[str] = "partition"
    stage: ClassVar[Stage] = Stage.PARTITION
    value: ClassVar[str] = "groups"

    groups: tuple[str, ...] = Field(default=())
    one_way: bool = False

    @field_validator("groups", mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = value.split("/")
        if isinstance(value, list | tuple) and len(value) == 1:
            raise ValueError(f"one group {value[0]!r} is apart from no other: write two or more, as in A.*/B.*|C.*")
        return value

    def covers(self, topology: Topology) -> npt.NDArray[np.bool_] | None:
        """Return which channels cross from one group to another, within the scope.

        Raises
        ------
        FaultError
            Nothing would be cut, two groups share an agent, or an agent is not there.
        """
        scope = super().covers(topology)
        if not self.groups:
            if scope is None:
                raise FaultError(f"fault {self.name!r}: wanted groups, as in A.*/B.*|C.*, or a channel or agent to cut")
            return scope
        side = np.full(topology.size, -1)
        for number, pattern in enumerate(self.groups):
            here = self.marked(pattern, topology)
            if (side[here] >= 0).any():
                shared = topology.name(int(np.flatnonzero(here & (side >= 0))[0]))
                raise FaultError(f"fault {self.name!r}: {shared} is in two of the groups {', '.join(self.groups)}")
            side[here] = number
        one, two = side[topology.channels.sender], side[topology.channels.receiver]
        cut = (one >= 0) & (two >= 0) & (one != two)
        if self.one_way:
            cut &= one == 0
        return np.asarray(cut if scope is None else cut & scope)

    def on_deliver(self, envelopes: Envelopes, chance: Chance) -> Envelopes:
        """Stop everything."""
        return envelopes.take(np.zeros(len(envelopes), dtype=bool))

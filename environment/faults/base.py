"""What every fault has: a name, a scope, a stage, and the method that its stage calls."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..envelopes import Envelopes
from ..errors import FaultError, TopologyError
from ..topology.topology import Topology
from .chance import Chance

__all__ = ["Chance", "Fault", "Stage", "fault_types"]

Mask = npt.NDArray[np.bool_]

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

    @property
    def calls(self) -> str:
        """Name of the method that a fault of this stage is called by."""
        return "on_send" if self < Stage.PARTITION else "on_deliver"


_BY_METHOD = {"on_send": Stage.LOSS, "on_deliver": Stage.PARTITION, "puts_to_sleep": Stage.CRASH}
"""The stage of a fault that declares none, by the method that it writes."""


class Fault(BaseModel):
    """One fault: parameters, and a scope that says which messages it may touch.

    A subclass sets `kind` (what a schedule calls it), `value` (the parameter that ``--fault kind=VALUE`` sets), and writes
    `on_send` or `on_deliver`, which is called once a tick with all messages in its scope, or `puts_to_sleep`. By what it writes
    it acts as they are sent, with the stage LOSS, as they arrive, with PARTITION, or on agents, with CRASH; one that copies,
    delays or rewrites messages says so by `stage`. One that would never be called is refused. Fields are pydantic fields, so a
    wrong value is refused by name.

    Attributes
    ----------
    name : keys the random stream; by default made of the kind and the scope
    agent : only messages from or to agents whose name fits, e.g. ``"B.operator"`` or ``"*.operator"``
    channel : only messages on channels that fit, ``"A.virtual->B.virtual"``; ``"<->"`` for both ways
    message : only messages of this kind, or of this label (see `Kind`)
    start, end : only messages sent (or, on arrival, due) in ticks start <= t < end; called ``from`` and ``to`` in schedules
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    _inferred: ClassVar[bool] = False

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
        if all("stage" not in vars(base) or vars(base).get("_inferred") for base in _below(cls)):
            written = [name for name in _BY_METHOD if _writes(cls, name)]
            cls.stage, cls._inferred = _BY_METHOD[written[0]] if written else Stage.LOSS, True
        if cls.__dict__.get("kind"):  # its own: a subclass of a known fault must not take its place
            _TYPES[cls.kind] = cls

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("name"):
            scope = {"agent": None, "channel": None, "message": None, "from": 0, "to": None}
            given = {key: data.get(key, data.get({"from": "start", "to": "end"}.get(key, key))) for key in scope}
            said = [f"{key}={given[key]}" for key, default in scope.items() if given[key] not in (None, default)]
            data = {**data, "name": " ".join([cls.kind or cls.__name__, *said])}
        return data

    @model_validator(mode="after")
    def _window(self) -> Fault:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"the window from={self.start} to={self.end} is empty: 'to' must be later than 'from'")
        return self

    @model_validator(mode="after")
    def _called(self) -> Fault:
        kind, stage = type(self), Stage(self.stage)
        written = [name for name in ("on_send", "on_deliver", "puts_to_sleep", "wipes_memory") if _writes(kind, name)]
        wanted, other = stage.calls, "on_deliver" if stage.calls == "on_send" else "on_send"
        if not {wanted, "puts_to_sleep"} & {*written}:
            does = f"overrides {' and '.join(written)}" if written else "overrides none of them"
            raise ValueError(
                f"{kind.__name__} would never be called: its stage {stage.name} calls {wanted} (and puts_to_sleep), and it {does}"
            )
        if other in written:
            raise ValueError(
                f"{kind.__name__}.{other} would never be called: its stage {stage.name} calls {wanted}; make it two faults"
            )
        if "wipes_memory" in written and "puts_to_sleep" not in written:
            raise ValueError(
                f"{kind.__name__}.wipes_memory would never be called: only agents that puts_to_sleep rests forget"
            )
        return self

    def active(self, tick: int) -> bool:
        """Tell whether a tick is within the fault's window."""
        return self.start <= tick and (self.end is None or tick < self.end)

    def covers(self, topology: Topology) -> Mask | None:
        """Return which channels the fault may touch, (channels,) bool, or None for all.

        Raises
        ------
        FaultError
            An agent or channel is not there, or the two together leave nothing.
        """
        channels = topology.channels
        mask: Mask | None = None
        if self.agent is not None:
            here = self.marked(self.agent, topology)
            mask = here[channels.sender] | here[channels.receiver]
        if self.channel is not None:
            covered = self._along(self.channel, topology)
            mask = covered if mask is None else mask & covered
            if not mask.any():
                raise FaultError(f"fault {self.name!r}: no channel {self.channel} is one of {self.agent}")
        return mask

    def _along(self, channel: str, topology: Topology) -> Mask:
        both = "<->" in channel
        source, arrow, target = channel.partition("<->" if both else "->")
        if not arrow:
            raise FaultError(
                f"fault {self.name!r}: channel {channel!r}; write A.virtual->B.virtual, or <-> for both ways"
            )
        sender, receiver = topology.channels.sender, topology.channels.receiver
        one, two = (self.marked(name.strip(), topology) for name in (source, target))
        covered = one[sender] & two[receiver]
        if both:
            covered |= two[sender] & one[receiver]
        if not covered.any():
            raise FaultError(f"fault {self.name!r}: there is no channel {channel}")
        return np.asarray(covered)

    def marked(self, pattern: str, topology: Topology) -> Mask:
        """Return which agents fit a pattern, (agents,) bool; alternatives are written with ``|``."""
        mask = np.zeros(topology.size, dtype=bool)
        try:
            for one in pattern.split("|"):
                mask[topology.addresses(one.strip())] = True
        except TopologyError as error:
            raise FaultError(f"fault {self.name!r}: {error}") from None
        return mask

    def puts_to_sleep(self, tick: int) -> bool:
        """Tell whether the agents that fit `agent` neither hear, solve nor speak in a tick."""
        return False

    def wipes_memory(self, tick: int) -> bool:
        """Tell whether the agents that fit `agent` wake up in this tick without any memory."""
        return False

    def on_send(self, envelopes: Envelopes, chance: Chance) -> Envelopes:
        """Return what is left of the messages, or more, when they are sent; ``chance(envelopes)`` draws for each."""
        return envelopes

    def on_deliver(self, envelopes: Envelopes, chance: Chance) -> Envelopes:
        """Return what is left of the messages when they arrive."""
        return envelopes


def _below(cls: type[Fault]) -> list[type]:
    """Return a class and its bases, up to `Fault`."""
    return [base for base in cls.__mro__ if issubclass(base, Fault) and base is not Fault]


def _writes(cls: type[Fault], name: str) -> bool:
    return getattr(cls, name) is not getattr(Fault, name)


def fault_types() -> dict[str, type[Fault]]:
    """Return every fault that is known, by kind."""
    return dict(sorted(_TYPES.items()))

"""What a page may ask for: each command is checked before anything is done."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from ...environment import Fate
from ...environment.faults import fault_types
from ..common.errors import RunError
from ..page.playback import Playback
from ..record.frames import Frame

__all__ = [
    "TEXT_MAX",
    "Branch",
    "Command",
    "Fault",
    "Inspect",
    "OpenScenario",
    "Pause",
    "Play",
    "Schedule",
    "Seen",
    "ShowRun",
    "Step",
    "Until",
    "Window",
    "read_command",
]

TEXT_MAX = 16_384
"""Characters of a command."""
TICK_MAX = 2**31 - 1

Name = Annotated[str, Field(max_length=200)]
Tick = Annotated[int, Field(ge=0, le=TICK_MAX)]
Value = Annotated[str, Field(max_length=400)] | bool | int | float


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    id: Tick = 0


class OpenScenario(_Command):
    """Start a scenario that comes with the package; a file's path is none, for a scenario may load code."""

    do: Literal["open"]
    scenario: Name
    seed: Annotated[int, Field(ge=0, le=TICK_MAX)] = 0


class Step(_Command):
    """Do some ticks."""

    do: Literal["step"]
    ticks: Annotated[int, Field(ge=1, le=1000)] = 1


class Until(BaseModel):
    """Where playing stops: at the first loss, a residual (kW), an agent that speaks, or a tick."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    loss: bool = False
    residual: Annotated[float, Field(gt=0)] | None = None
    speaks: Tick | None = None
    tick: Tick | None = None

    def holds(self, playback: Playback, frame: Frame) -> str:
        """Return why to stop after a tick; "" for going on."""
        if self.loss and any(number for _, fate, _, number in frame.counts if fate is Fate.LOST):
            return "a message was lost"
        if self.residual is not None and frame.metrics["primal_residual"] < self.residual:
            return f"residual below {self.residual:g} kW"
        if self.speaks is not None and playback.speaks(self.speaks, frame.tick):
            return "the agent speaks"
        return f"tick {frame.tick}" if self.tick is not None and frame.tick >= self.tick else ""


class Play(_Command):
    """Go on, at so many ticks a second or as fast as it can."""

    do: Literal["play"]
    speed: Annotated[float, Field(gt=0, le=10_000)] | None = None
    until: Until = Until()


class Pause(_Command):
    """Stop playing."""

    do: Literal["pause"]


class Window(_Command):
    """Show the ticks around one."""

    do: Literal["window"]
    tick: Tick


class Inspect(_Command):
    """Tell an agent's private state in a tick."""

    do: Literal["inspect"]
    agent: Tick
    tick: Tick


class Fault(_Command):
    """Change the faults from the next tick on: tables of a schedule to add, names of faults to end."""

    do: Literal["fault"]
    add: Annotated[list[dict[Name, Value | list[Name]]], Field(max_length=20)] = []
    end: Annotated[list[Name], Field(max_length=100)] = []

    @field_validator("add")
    @classmethod
    def _known(cls, tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # A kind may also name a Python file, on the command line: from a page that would run code that a stranger chose.
        for table in tables:
            if table.get("kind") not in (known := fault_types()):
                raise ValueError(f"kind = {table.get('kind')!r}; wanted one of {', '.join(known)}")
        return tables


class Branch(_Command):
    """Go on otherwise from after a tick."""

    do: Literal["branch"]
    tick: Tick


class ShowRun(_Command):
    """Look at another run: the first one, or one of its branches."""

    do: Literal["show"]
    run: Tick


class Schedule(_Command):
    """Tell the faults that there were as a file that ``gridparley run --faults`` takes."""

    do: Literal["schedule"]


class Seen(_Command):
    """A frame was drawn; the next may come."""

    do: Literal["seen"]


Command = Annotated[
    OpenScenario | Step | Play | Pause | Window | Inspect | Fault | Branch | ShowRun | Schedule | Seen,
    Field(discriminator="do"),
]

_ADAPTER: TypeAdapter[Any] = TypeAdapter(Command)


def read_command(text: str) -> Any:
    """Return a command from its JSON.

    Raises
    ------
    RunError
        It is too long, no JSON, unknown, or a value is not allowed; says which.
    """
    if len(text) > TEXT_MAX:
        raise RunError(f"a command is longer than {TEXT_MAX} characters")
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "command"
        raise RunError(f"{where}: {first['msg']}") from None

"""Changes: what settings and overriding files did to the fields of a scenario."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..validation import short

__all__ = ["Change", "change_lines"]

_SHOWN = 12
"""Places that are named before the rest is counted."""


@dataclass(frozen=True)
class Change:
    """One field that was changed.

    Attributes
    ----------
    by : the setting or the file that did it
    field : its path, such as "microgrid.A.load.beta"
    was : its value before; None where it stood nowhere and has no default
    now : its value; None where it was dropped
    agents : how many agents it is about; 0 for what is about no agent, such as a step size
    dropped : why it was dropped; empty where it was changed
    """

    by: str
    field: str
    was: Any
    now: Any
    agents: int = 0
    dropped: str = ""

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.field.rpartition(".")[2]

    @property
    def place(self) -> str:
        """Where it stands, as messages call it: an agent's name, or the path of its table."""
        table = self.field.rpartition(".")[0]
        return table.removeprefix("microgrid.").removeprefix("agent.") if self.agents else table

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        told = {
            "by": self.by,
            "field": self.field,
            "from": _plain(self.was),
            "to": _plain(self.now),
            "agents": self.agents,
        }
        return told | ({"dropped": self.dropped} if self.dropped else {})

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Change:
        """Return the change that `to_dict` told."""
        return cls(told["by"], told["field"], told["from"], told["to"], told["agents"], told.get("dropped", ""))


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it; what TOML has besides, such as a date, as text."""
    return value if isinstance(value, bool | int | float | str | list | dict | None) else str(value)


def change_lines(changes: Iterable[Change]) -> list[str]:
    """Return changes in words, a line for all that did the same.

    >>> one = Change("beta=2", "microgrid.B.load.beta", 1.0, 2, agents=1)
    >>> other = Change("beta=2", "microgrid.C.load.beta", 1.0, 2, agents=1)
    >>> change_lines([one, other])
    ['beta=2: beta 1.0 -> 2 of 2 agents: B.load, C.load']
    """
    alike: dict[tuple[str, str, str, str, bool], list[Change]] = {}
    for one in changes:
        alike.setdefault((one.by, one.name, short(one.now), one.dropped, bool(one.agents)), []).append(one)
    return [_line(group) for group in alike.values()]


def _line(group: list[Change]) -> str:
    first, agents = group[0], sum(one.agents for one in group)
    was = ["unset" if one.was is None else short(one.was) for one in group]
    same = len(set(was)) == 1
    old = f" {was[0]}" if same else ""
    what = f"dropped {first.name}{old and f' ={old}'}" if first.dropped else f"{first.name}{old} -> {short(first.now)}"
    places = [one.place + ("" if same else f" (was {old})") for one, old in zip(group, was, strict=True) if one.place]
    shown = ", ".join(places[:_SHOWN]) + (f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else "")
    if agents:
        what += f" of {agents} agent{'s' if agents > 1 else ''}: {shown}"
    elif places:
        what += f" in {shown}"
    return f"{first.by}: {what}" + (f"; {first.dropped}" if first.dropped else "")

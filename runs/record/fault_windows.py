"""When faults act, and what they do in a few words: the same on the page, in the terminal and in figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...environment.faults import Fault, fault_types
from ..common.errors import USER_ERRORS
from ..common.plugins import permitting, type_name
from ..scenario.fault_text import read_fault_table
from .files.own_files import Code
from .recorded_ticks import RecordedTicks

__all__ = [
    "FaultWindow",
    "command_label",
    "fault_label",
    "fault_table",
    "fault_windows",
    "table_label",
    "table_windows",
    "windows_of",
]


@dataclass(frozen=True)
class FaultWindow:
    """When a fault acts: in ticks start <= tick < end, None for ever."""

    label: str
    start: int
    end: int | None

    def acts(self, tick: int) -> bool:
        """Tell whether it acts in a tick."""
        return self.start <= tick and (self.end is None or tick < self.end)


def fault_windows(faults: Iterable[Fault], commands: Iterable[Mapping[str, Any]] = ()) -> list[FaultWindow]:
    """Return when each fault acted: what the scenario says, and what was changed while the run was going.

    Parameters
    ----------
    faults : of the scenario
    commands : of the record, see `Record.commands`
    """
    found = {fault.name: FaultWindow(fault_label(fault), fault.start, fault.end) for fault in faults}
    past: list[FaultWindow] = []
    for command in commands:
        tick = command["tick"]
        for name in command["end"]:
            ended = found.pop(name, None)
            if ended is not None and ended.start < tick:
                end = tick if ended.end is None else min(tick, ended.end)
                past.append(FaultWindow(ended.label, ended.start, end))
        for table in command["add"]:
            fault = read_fault_table(table, f"command in tick {tick}")
            found[fault.name] = FaultWindow(fault_label(fault), max(fault.start, tick), fault.end)
    return [*past, *found.values()]


def windows_of(record: RecordedTicks, code: Code = Code.NONE) -> list[FaultWindow]:
    """Return when each fault of a recorded run acted; where its type may not be run or has gone, its table says so."""
    try:
        with permitting(record.permit(code)):
            return fault_windows(record.scenario(code).faults(), record.commands)
    except USER_ERRORS:
        return table_windows(record.document.get("fault", []), record.commands)


def table_windows(tables: Iterable[Mapping[str, Any]], commands: Iterable[Mapping[str, Any]] = ()) -> list[FaultWindow]:
    """Return when faults acted as far as their tables say it, without building them; see `fault_windows`."""
    found: list[tuple[Any, FaultWindow]] = [(table.get("name"), _written(table, 0)) for table in tables]
    for command in commands:
        ended = set(command["end"])
        for k, (name, window) in enumerate(found):
            if name in ended and (window.end is None or window.end > command["tick"]):
                found[k] = name, FaultWindow(window.label, window.start, command["tick"])
        found += [(table.get("name"), _written(table, command["tick"])) for table in command["add"]]
    return [window for _, window in found if window.end is None or window.start < window.end]


def _written(table: Mapping[str, Any], since: int) -> FaultWindow:
    end = table.get("to")
    return FaultWindow(table_label(table), max(int(table.get("from", 0)), since), None if end is None else int(end))


def fault_table(fault: Fault) -> dict[str, Any]:
    """Return a fault as a table of a schedule: its kind, and what is not as usual."""
    kind = type_name(type(fault), fault_types(), type(fault).kind)
    return {"kind": kind, **fault.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)}


def fault_label(fault: Fault) -> str:
    """Return what a fault does in a few words, its window apart."""
    # A default that is stored in another form than it is written in, such as a span, passes for a change.
    usual = {field.alias or name: str(field.default) for name, field in type(fault).model_fields.items()}
    table = fault_table(fault)
    return table_label({name: value for name, value in table.items() if str(value) != usual.get(name)})


def table_label(table: Mapping[str, Any]) -> str:
    """Return what a fault does that stands in a schedule: the kind, its value, and whatever else is set.

    >>> table_label({"kind": "loss", "probability": 0.3, "from": 20, "to": 60})
    'loss 0.3'
    >>> table_label({"kind": "loss", "probability": 1.0, "agent": "B.operator"})
    'loss 1.0 agent=B.operator'
    """
    kind = str(table.get("kind", "fault"))
    known = fault_types().get(kind)
    value = known.value if known else ""
    others = [f"{key}={_text(table[key])}" for key in table if key not in ("kind", "name", "from", "to", value)]
    return " ".join([kind, *([_text(table[value])] if value in table else []), *others])


def command_label(command: Mapping[str, Any]) -> str:
    """Return what a command changed: the faults that it adds, and those that it ends."""
    added = [{key: value for key, value in table.items() if value not in ([], False)} for table in command["add"]]
    return "; ".join([*map(table_label, added), *(f"end {name}" for name in command["end"])])


def _text(value: Any) -> str:
    return "/".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

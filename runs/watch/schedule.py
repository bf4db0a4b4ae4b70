"""A watched run's faults as a file: ``gridparley run SCENARIO --faults FILE`` turns it into the same ticks."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w

from ...environment.faults import Fault, fault_types
from ..common.plugins import type_name
from ..record.folder_read import fault_label

__all__ = ["command_text", "schedule_text", "table_of"]


def schedule_text(faults: Sequence[Fault], command: Sequence[str]) -> str:
    """Return [[fault]] tables of a whole schedule; each has its name, by which it takes the place of a scenario's own.

    Parameters
    ----------
    faults : the scenario's own and those that were given since, each with the window in which it acts
    command : runs the scenario, without its faults
    """
    ordered = sorted(faults, key=lambda fault: (fault.start, fault.name))
    words = shlex.join([*command, "--faults", "FILE"]).replace("\n", " ")
    head = f"# The same again: {words}\n\n"
    return head + tomli_w.dumps({"fault": [table_of(fault) for fault in ordered]})


def table_of(fault: Fault) -> dict[str, Any]:
    """Return a fault as a table of a schedule, its name and window always in it."""
    kind = type_name(type(fault), fault_types(), type(fault).kind)
    told = fault.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return {"kind": kind, **told, "name": fault.name, "from": fault.start}


def command_text(command: Mapping[str, Any]) -> str:
    """Return a command for people."""
    kept = [{key: value for key, value in table.items() if value not in ([], False)} for table in command["add"]]
    return "; ".join([*(fault_label(table) for table in kept), *(f"end {name}" for name in command["end"])])

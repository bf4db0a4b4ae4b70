"""A watched run's faults as a file: ``gridparley run SCENARIO --faults FILE`` turns it into the same ticks."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import tomli_w

from ...environment.faults import Fault
from ..record.fault_windows import fault_table

__all__ = ["schedule_text", "table_of"]


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
    return {**fault_table(fault), "name": fault.name, "from": fault.start}

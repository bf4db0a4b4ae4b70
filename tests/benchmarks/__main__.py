"""Time and memory of a message, side by side with other ways to do the same: `make bench`.

Whole ticks are timed, roles, solves, books and metrics included, on generated microgrids (a ring of 100 prosumers each,
with logarithmic utility) under dual decomposition. One metric, the cost, asks every agent as a solve does, and none of the
other contestants has it: it is left out of the ratios and shown beside them ("with cost").

All contestants of a case run in turn, a chunk of rounds each, so that a slow moment of the machine hits all, and each in a
process of its own, so that none finds memory as another left it. Medians are shown, and medians of the ratios chunk by
chunk.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .cases import FAULTS, one_case
from .recording import recording


def main(
    sizes: Annotated[str, typer.Option(help="prosumers, e.g. 1e4,1e5")] = "1e4,1e5,1e6",
    periods: Annotated[str, typer.Option(help="periods, e.g. 1,24")] = "1,24",
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    mesa_max: Annotated[float, typer.Option(help="most prosumers for the plain Mesa model")] = 1e5,
    mango_max: Annotated[float, typer.Option(help="most prosumers for mango; 0 to leave it out")] = 1e4,
    record: Annotated[float, typer.Option(help="prosumers of the market that is recorded; 0 for none")] = 1e5,
    json_file: Annotated[Path | None, typer.Option("--json", help="write all numbers here")] = None,
) -> None:
    """Compare time and memory of a message."""
    with suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core, always the same
    limits = {"mesa": int(mesa_max), "mango": int(mango_max)}
    cases = [
        (int(float(size)), int(count), faulty)
        for count in periods.split(",")
        for faulty in (False, True)
        for size in sizes.split(",")
    ]
    said = Console(stderr=True)
    done: list[dict[str, Any]] = []
    for number, case in enumerate(cases, 1):
        said.print(f"{number}/{len(cases)}: {case[0]:,} prosumers, T = {case[1]}, faults {'on' if case[2] else 'off'}")
        done.append(one_case(*case, limits, repeats))
    Console(width=150).print(table(done))
    recorded = [recording(int(record), faulty, 36) for faulty in (False, True)] if record else []
    if recorded:
        Console(width=130).print(recorded_table(recorded))
    if json_file is not None:
        json_file.write_text(json.dumps({"faults": FAULTS, "cases": done, "recording": recorded}, indent=1))


def recorded_table(done: list[dict[str, Any]]) -> Table:
    """Return what it costs to record every message, a row a case."""
    shown = Table(
        title="Recording every message, copies included",
        caption="without checkpoints; the answers of large markets are not among the agents' states",
    )
    for heading in ("prosumers", "faults", "ms per 10^5 messages", "bytes a message"):
        shown.add_column(heading, justify="right")
    for case in done:
        numbers = f"{case['ms_per_100000']:.1f}", f"{case['bytes_per_message']:.2f}"
        shown.add_row(f"{case['prosumers']:,}", "on" if case["faults"] else "off", *numbers)
    return shown


def table(done: list[dict[str, Any]]) -> Table:
    """Return what was measured, a row a case."""
    names = ("gridparley", "with cost", "bare loop", "tiled loop", "mesa", "mango")
    shown = Table(title="Nanoseconds a message, medians", caption="faults: 10 % lost, 0 to 3 ticks late, 10 % twice")
    ratios = ("ours / bare", "ours / tiled", "mesa / ours", "mango / ours")
    for heading in ("prosumers", "T", "faults", *names, *ratios, "peak B/message"):
        shown.add_column(heading, justify="right")
    for case in done:
        each = (f"{case['ns_per_message'][n]:,.0f}" if n in case["ns_per_message"] else "" for n in names)
        faster = (f"{case['faster_than'][n]:,.0f} x" if n in case["faster_than"] else "" for n in ("mesa", "mango"))
        shown.add_row(
            f"{case['prosumers']:,}",
            str(case["periods"]),
            "on" if case["faults"] else "off",
            *each,
            *(f"{case['times'][name]:.2f} x" for name in ("bare loop", "tiled loop")),
            *faster,
            f"{case['peak_bytes_per_message']:,.0f}",
        )
    return shown


if __name__ == "__main__":
    typer.run(main)

"""Options and texts of the command line, in one place so that every command says the same thing the same way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "AS_JSON",
    "TRACEBACK",
    "AsJson",
    "Faults",
    "FaultsFile",
    "Force",
    "Protocol",
    "Run",
    "ScenarioName",
    "Seed",
    "Settings",
    "SizeLimit",
    "Ticks",
    "Traceback",
    "Trust",
    "file",
    "folder",
]

ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A built-in scenario (gridparley list scenarios) or a TOML file.")
]
Protocol = Annotated[
    str | None,
    typer.Option("--protocol", metavar="NAME", help="Instead of the scenario's own (gridparley list protocols)."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="K=V",
        help="Change every field whose path ends in K: step_size=0.2, A.operator.pv=0.7, tie_line.A-B.alpha=0.1. "
        "May be repeated; gridparley show SCENARIO prints the fields there are.",
    ),
]
Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="KIND=VALUE[,PARAM=VALUE...]",
        help="Add a fault, from the first tick to the last or in a window: loss=0.3, delay=0..5, "
        "duplicate=0.2,from=20,to=60, loss=1,agent=B.operator. May be repeated (gridparley list faults).",
    ),
]
FaultsFile = Annotated[
    Path | None,
    typer.Option(
        "--faults",
        metavar="FILE",
        help="Add the [[fault]] tables of a TOML file; one with the name of a scenario's own takes its place.",
    ),
]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Of every draw; the same seed gives the same run.")]
Ticks = Annotated[int | None, typer.Option(metavar="N", help="Stop after so many ticks in any case.")]

SizeLimit = Annotated[
    float | None,
    typer.Option(
        "--size-limit",
        metavar="GB",
        min=0.0,
        help="Memory that a run may take; a larger one is refused before it is built. By default what this machine has.",
    ),
]

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that gridparley run --out wrote.")]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="With --out: also into a folder that holds other files, which stay, or an unfinished run, put aside.",
    ),
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Run the user's code that the record names, as it is now, though it may be anybody's."
    ),
]

AS_JSON, TRACEBACK = "gridparley.json", "gridparley.traceback"
"""Where a command's context keeps what was asked for, so that whoever reports an error knows."""


def _kept(key: str) -> Callable[[typer.Context, bool], bool]:
    def keep(ctx: typer.Context, value: bool) -> bool:
        ctx.meta[key] = value
        return value

    return keep


AsJson = Annotated[
    bool, typer.Option("--json", callback=_kept(AS_JSON), help="Print one JSON object instead of tables.")
]
Traceback = Annotated[
    bool,
    typer.Option("--traceback", callback=_kept(TRACEBACK), help="Where a type's code fails, show all of its error."),
]


def folder(what: str) -> Any:
    """Return the option --out of a command that writes a folder, with what goes there."""
    return typer.Option("--out", metavar="DIR", help=what)


def file(what: str) -> Any:
    """Return the option --out of a command that writes a file."""
    return typer.Option("--out", metavar="FILE", help=what)

"""The command that runs a scenario to its end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import epilogs, options
from .choice import Choice, choosing

if TYPE_CHECKING:
    from ..result.result import Result

__all__ = ["add_run"]


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a run beside its scenario; the fields are options of the command."""

    out: Annotated[Path | None, options.folder("Write the run to this folder.")] = None
    force: options.Force = False
    as_json: options.AsJson = False
    no_reference: Annotated[
        bool, typer.Option("--no-reference", help="Do without the central solve beside the negotiation.")
    ] = False
    settlement: Annotated[
        bool, typer.Option("--settlement", help="Tell what each microgrid gains against acting alone.")
    ] = False
    ac: Annotated[
        bool,
        typer.Option("--ac-check", help="Check a market on a feeder by pandapower, with and without its operator."),
    ] = False
    no_record: Annotated[
        bool, typer.Option("--no-record", help="With --out: do without the record of every message.")
    ] = False
    one_by_one: Annotated[
        bool, typer.Option("--one-by-one", help="A role of its own for every agent: slower, the same to the last bit.")
    ] = False
    invariants: Annotated[
        bool, typer.Option("--invariants", help="Check at every tick what no network may do; keeps every message.")
    ] = False
    traceback: options.Traceback = False
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 unless the outcome is CONVERGED; AGREED is not.")
    ] = False


def add_run(app: typer.Typer) -> None:
    """Add it to the command line."""
    app.command(epilog=epilogs.RUN)(choosing(run))


def run(choice: Choice, wanted: Wanted) -> None:
    """Run a scenario to its end and judge what came out."""
    from ..driver.run import run_scenario
    from ..judge.outcome import Outcome

    result = run_scenario(
        choice.load(quiet=wanted.as_json),
        reference=False if wanted.no_reference else None,
        settlement=wanted.settlement,
        ac=wanted.ac,
        out=wanted.out,
        force=wanted.force,
        record=not wanted.no_record,
        command=choice.command(),
        progress=not wanted.as_json,
        invariants=wanted.invariants,
        one_by_one=wanted.one_by_one,
    )
    _print(result, as_json=wanted.as_json)
    if wanted.settlement and not result.settlement():
        typer.echo("no settlement: some period was not dispatched, or some type has no reference(cp, x)", err=True)
    if wanted.out is not None:
        typer.echo(f"written to {wanted.out}", err=True)
    if wanted.strict and result.outcome is not Outcome.CONVERGED:
        raise typer.Exit(3)


def _print(result: Result, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2, allow_nan=False))
        return
    from rich.console import Console

    from .tables.tables import print_result

    print_result(result, Console(highlight=False))
    if result.ac:
        from ..result.ac_report import ac_text

        typer.echo(ac_text(result.ac))

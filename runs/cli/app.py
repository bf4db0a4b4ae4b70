"""The command line: list what there is, show a scenario, run it, plot it.

The same from Python:

>>> from gridparley import load_scenario, run_scenario
>>> scenario = load_scenario("three-microgrids", ["alpha=0.1"], faults=["loss=0.3"])
>>> result = run_scenario(scenario)
>>> print(result.outcome, round(result.total_cost, 4))
CONVERGED -16.3544
>>> print(round(result.microgrids()["A"]["price"], 4))
3.098
"""

from __future__ import annotations

import io
import json
import sys
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..common.errors import USER_ERRORS
from ..driver.negotiate import negotiate
from ..judge.outcome import Outcome
from ..record.folder import RunFolder, prepare_folder, scenario_text
from ..record.folder_read import read_run
from ..record.record import UNFINISHED
from ..record.recorder import Recorder
from ..result.ac_report import ac_text
from ..scenario.catalog import SECTIONS, catalog
from ..simulation.invariants import Invariants
from . import options as options
from .catalog_tables import print_catalog
from .choice import Choice, choosing
from .lesson import add_lesson
from .profiles import add_profiles
from .record import add_commands
from .tables import print_result
from .watch import add_watch

__all__ = ["app", "main"]


class _Group(typer.core.TyperGroup):
    """Commands whose user errors end in one sentence instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # whoever read our output has gone; nobody did anything wrong
        except USER_ERRORS as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from None


Section = StrEnum("Section", {name: name for name in SECTIONS})  # type: ignore[misc]


class Format(StrEnum):
    """Formats of figures."""

    png = "png"
    pdf = "pdf"


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gridparley {version('gridparley')}")
        raise typer.Exit


@app.callback(epilog=options.GENERAL)
def _gridparley(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Watch energy agents negotiate by message, and break the network under them."""


@app.command("list", epilog=options.LIST)
def list_(
    section: Annotated[Section | None, typer.Argument(help="One section only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """List what there is: scenarios, protocols, agent types and faults."""
    found = catalog()
    if section is not None:
        found = {section.value: found[section.value]}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        print_catalog(found, Console(highlight=False))


@app.command(epilog=options.SHOW)
@choosing
def show(choice: Choice) -> None:
    """Print a scenario as a TOML file, settings applied and defaults filled in: a file to start your own from."""
    typer.echo(scenario_text(choice.load()), nl=False)


@app.command(epilog=options.RUN)
@choosing
def run(
    choice: Choice,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the run to this folder.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="With --out: also into a folder that holds other files.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    no_reference: Annotated[
        bool, typer.Option("--no-reference", help="Do without the central solve beside the negotiation.")
    ] = False,
    settlement: Annotated[
        bool, typer.Option("--settlement", help="Tell what each microgrid gains against acting alone.")
    ] = False,
    ac: Annotated[
        bool,
        typer.Option("--ac-check", help="Check a market on a feeder by pandapower, with and without its operator."),
    ] = False,
    no_record: Annotated[
        bool, typer.Option("--no-record", help="With --out: do without the record of every message.")
    ] = False,
    one_by_one: Annotated[
        bool, typer.Option("--one-by-one", help="A role of its own for every agent: slower, the same to the last bit.")
    ] = False,
    invariants: Annotated[
        bool, typer.Option("--invariants", help="Check at every tick what no network may do; keeps every message.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 unless the outcome is CONVERGED.")] = False,
) -> None:
    """Run a scenario to its end and judge what came out."""
    chosen = choice.load()
    simulation = chosen.simulation(one_by_one=one_by_one, keep_messages=invariants)
    # Before the run: nobody wants to hear after an hour that the folder cannot be written.
    folder = recorder = None
    if out is not None:
        prepare_folder(out, force=force)
        folder = RunFolder(out, chosen, choice.command() + ["--settlement"] * settlement + ["--ac-check"] * ac)
        if not no_record:
            recorder = Recorder.start(
                out / UNFINISHED,
                chosen,
                simulation,
                one_by_one=one_by_one,
                command=folder.command,
                reference=False if no_reference else None,
            )
    checks = [Invariants(simulation)] if invariants else []
    result = negotiate(
        chosen,
        simulation,
        folder,
        checks,
        recorder,
        progress=not as_json,
        reference=False if no_reference else None,
        settlement=settlement,
        ac=ac,
    )
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2, allow_nan=False))
    else:
        print_result(result, Console(highlight=False))
        if result.ac:
            typer.echo(ac_text(result.ac))
    if settlement and not result.settlement():
        typer.echo("no settlement: some period was not committed, or some type has no reference(cp, x)", err=True)
    if folder is not None:
        typer.echo(f"written to {folder.path}", err=True)
    if strict and result.outcome is not Outcome.CONVERGED:
        raise typer.Exit(3)


@app.command(epilog=options.PLOT)
def plot(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder that gridparley run --out wrote.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where figures go; by default into RUN.")] = None,
    kind: Annotated[Format, typer.Option("--format", help="png for screens, pdf for papers.")] = Format.png,
) -> None:
    """Draw the figures of a run."""
    from ..figures.plot import draw_figures  # matplotlib takes a second to load

    for file in draw_figures(read_run(run), run if out is None else out, kind.value):
        typer.echo(str(file))


add_profiles(app)
add_commands(app)
add_watch(app)
add_lesson(app)


def main() -> None:
    """Run the command `gridparley`."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no Greek gets question marks rather than a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app(prog_name="gridparley")

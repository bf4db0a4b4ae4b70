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
import signal
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from . import epilogs, options
from .choice import Choice, choosing
from .conform import add_conform
from .lesson import add_lesson
from .profiles import add_profiles
from .record import add_commands
from .run import add_run
from .watch import add_watch

__all__ = ["app", "main"]

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

# What a command needs is imported when it is called: to tell about the commands takes nothing but typer.


class _Group(typer.core.TyperGroup):
    """Commands whose user errors end in one sentence instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise  # nothing went wrong, or the reader of our output has gone
        except BaseException as error:
            from ..common.errors import USER_ERRORS
            from ..common.failure import FailedError, failure_of

            told = failure_of(error) or error
            if isinstance(told, (KeyboardInterrupt, *USER_ERRORS)):
                _tell_notes(told)
            if not isinstance(told, USER_ERRORS):
                raise
            if ctx.meta.get(options.TRACEBACK):
                traceback.print_exception(error)
            elif isinstance(told, FailedError):
                tries = f"{told.kit} tries it by itself; " if told.kit else ""
                typer.echo(f"{tries}--traceback shows how it came to this", err=True)
            if isinstance(told, FailedError) and ctx.meta.get(options.AS_JSON):
                failed = {"outcome": "FAILED", "reason": str(told), "failure": told.to_dict()}
                typer.echo(json.dumps(failed, indent=2))
            typer.echo(f"error: {told}", err=True)
            raise typer.Exit(1) from None


def _tell_notes(error: BaseException) -> None:
    """Say what a traceback would say below an error: what became of the run that it ended."""
    for note in getattr(error, "__notes__", []):
        typer.echo(note, err=True)


class Section(StrEnum):
    """Sections of the catalogue."""

    scenarios = "scenarios"
    protocols = "protocols"
    agents = "agents"
    faults = "faults"


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
        from importlib.metadata import version

        typer.echo(f"gridparley {version('gridparley')}")
        raise typer.Exit


@app.callback(epilog=epilogs.GENERAL)
def _gridparley(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Watch energy agents negotiate by message, and break the network under them."""


@app.command("list", epilog=epilogs.LIST)
def list_(
    section: Annotated[Section | None, typer.Argument(help="One section only.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """List what there is: scenarios, protocols, agent types and faults."""
    from ..scenario.catalog import catalog

    found = catalog()
    if section is not None:
        found = {section.value: found[section.value]}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        from rich.console import Console

        from .tables.catalog_tables import print_catalog

        print_catalog(found, Console(highlight=False))


@app.command(epilog=epilogs.SHOW)
@choosing
def show(choice: Choice) -> None:
    """Print a scenario as a TOML file, settings applied and defaults filled in: a file to start your own from."""
    from ..record.files.folder import scenario_text

    typer.echo(scenario_text(choice.load()), nl=False)


add_run(app)


@app.command(epilog=epilogs.PLOT)
def plot(
    run: options.Run,
    out: Annotated[Path | None, options.folder("Where figures go; by default into RUN.")] = None,
    kind: Annotated[Format, typer.Option("--format", help="png for screens, pdf for papers.")] = Format.png,
) -> None:
    """Draw the figures of a run."""
    from ..figures.plot import draw_figures
    from ..record.files.folder_read import read_run

    for file in draw_figures(read_run(run), run if out is None else out, kind.value):
        typer.echo(str(file))


add_conform(app)
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
    _end_in_order()
    try:
        app(prog_name="gridparley")
    except _Ended as ended:
        _tell_notes(ended)
        sys.stderr.flush()
        signal.signal(ended.number, signal.SIG_DFL)
        signal.raise_signal(ended.number)


class _Ended(SystemExit):
    """A signal that ends the process once everything is written and cleared up.

    An exit by its kind: an event loop lets no other error than that, and Ctrl-C, out of what it calls.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def _end_in_order() -> None:
    """Let kill, or a terminal that closes, end the process as Ctrl-C does: what was recorded stays, what was temporary goes."""
    came: list[int] = []  # from the first on clearing up is under way

    def end(number: int, _frame: object) -> None:
        # The handler stays: by it an error is known to come from outside, and not from the code that it passes through.
        if not came:
            came.append(number)
            raise _Ended(number)

    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has it ignored
            signal.signal(number, end)

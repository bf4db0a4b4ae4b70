"""The command that shows a run while it goes, or once it is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import cli_options as options
from .cli_options import Choice
from .errors import RunError
from .scenario import scenario_names

__all__ = ["add_watch", "watch_in_terminal"]

Watched = Annotated[
    str, typer.Argument(metavar="SCENARIO|RUN", help="A scenario, or the folder that gridparley run --out wrote.")
]


def add_watch(app: typer.Typer) -> None:
    """Add it to the command line."""
    app.command(epilog=options.WATCH)(watch)


def watch(
    scenario: Watched,
    protocol: options.Protocol = None,
    settings: options.Settings = None,
    fault: options.Faults = None,
    faults: options.FaultsFile = None,
    seed: options.Seed = None,
    ticks: options.Ticks = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="In this terminal.")] = False,
) -> None:
    """Watch a scenario while it runs, or a recorded run, tick by tick."""
    if not terminal:
        raise RunError("watch needs --terminal; gridparley report RUN writes a page for the browser")
    watch_in_terminal(Choice(scenario, protocol, settings, fault, faults, seed, ticks))


def watch_in_terminal(choice: Choice) -> None:
    """Show what was chosen in this terminal: a recorded run, or a scenario while it runs.

    Raises
    ------
    RunError
        There is no record, or options of a scenario are given for one; or this is no terminal.
    """
    from .terminal import watch_terminal  # Textual takes a moment to load
    from .terminal.film import open_film, play_film

    run = Path(choice.name)
    if choice.name in scenario_names() or run.suffix == ".toml" or not run.exists():
        with play_film(choice.load()) as film:
            watch_terminal(film)
        return
    if choice.changes:
        raise RunError(f"{run} is recorded: it cannot be changed; gridparley branch does it again with other faults")
    with open_film(run) as film:
        watch_terminal(film)

"""The command that gives a lesson."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import cli_options as options
from .lesson import about_lessons, write_lesson

__all__ = ["add_lesson"]


def add_lesson(app: typer.Typer) -> None:
    """Add it to the command line."""
    app.command(epilog=options.LESSON)(lesson)


def lesson(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Without, lists the lessons there are.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="By default NAME.html.")] = None,
) -> None:
    """Write a lesson: a page that walks through a run, step by step."""
    if name is None:
        for each, about in about_lessons().items():
            typer.echo(f"{each:<8}  {about}")
        return
    typer.echo(str(write_lesson(name, out)))

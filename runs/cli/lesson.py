"""The command that gives a lesson."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from . import epilogs, options
from .watch import serve

__all__ = ["add_lesson"]


def add_lesson(app: typer.Typer) -> None:
    """Add it to the command line."""
    app.command(epilog=epilogs.LESSON)(lesson)


def lesson(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Without, lists the lessons there are.")] = None,
    out: Annotated[Path | None, options.file("By default NAME.html.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Open it in the live page instead, to branch off and try for yourself.")
    ] = False,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="With --live: print the address, and open no browser.")
    ] = False,
) -> None:
    """Write a lesson: a page that walks through a run, step by step."""
    from ..lessons.lesson import about_lessons, open_lesson, write_lesson

    if name is None:
        for each, about in about_lessons().items():
            typer.echo(f"{each:<8}  {about}")
        return
    if not live:
        typer.echo(str(write_lesson(name, out)))
        return
    with tempfile.TemporaryDirectory(prefix="gridparley-") as folder:
        serve(open_lesson(name, Path(folder)), "127.0.0.1", 0, no_open=no_open)

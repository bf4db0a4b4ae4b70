"""The command that opens a run in the browser: live, or a recorded one."""

from __future__ import annotations

import threading
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import epilogs, options
from .choice import Choice, choosing
from .terminal import watch_in_terminal

if TYPE_CHECKING:
    from ..watch.source import Source

__all__ = ["add_watch", "serve"]


Watched = Annotated[
    str | None,
    typer.Argument(metavar="[SCENARIO|RUN]", help="A scenario to run live, or the folder of a recorded run."),
]


def add_watch(app: typer.Typer) -> None:
    """Add it to the command line."""
    app.command(epilog=epilogs.WATCH)(choosing(watch, Watched))


def watch(
    choice: Choice,
    out: Annotated[Path | None, options.folder("Keep the run in this folder.")] = None,
    host: Annotated[str, typer.Option(help="Where to listen; beyond this machine a token is asked for.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address, and open no browser.")] = False,
    terminal: Annotated[bool, typer.Option("--terminal", help="In this terminal instead, as over ssh.")] = False,
    trust: options.Trust = False,
    traceback: options.Traceback = False,
) -> None:
    """Open a run in the browser: step, play, go back, break the network under it.

    Without an argument the page offers the scenarios there are.
    """
    if terminal:
        watch_in_terminal(choice, out, trust=trust)
    else:
        source = replace(_source(choice, out, trust=trust), traceback=traceback)
        serve(source, host, port, no_open=no_open)


def _source(choice: Choice, out: Path | None, *, trust: bool) -> Source:
    """Return what the page is to show."""
    from ..common.errors import RunError
    from ..record.reading import Record
    from ..watch.source import Source

    what: str | None = choice.scenario
    recorded = what is not None and (Path(what).is_dir() or Path(what).suffix == ".sqlite")
    if (what is None or recorded) and (choice.changes or (recorded and out is not None)):
        raise RunError(f"{what or 'watch'}: options of a run need a scenario, which says what to run")
    if what is None:
        return Source(out=out)
    if recorded:
        run = Path(what)
        with Record.open(run) as record:
            record.scenario()  # says now rather than in the page that it cannot be read
        return Source(run=run, command=("gridparley", "run", str((run / "scenario.toml").resolve())), trust=trust)
    words = replace(choice, fault=None, faults=None).command()
    broken = replace(choice, protocol=None, settings=None, seed=None, ticks=None).command()[3:]
    return Source(scenario=choice.load(), command=tuple(words), faults=tuple(broken), out=out)


def serve(source: Source, host: str, port: int, *, no_open: bool) -> None:
    """Serve the live page until it is interrupted."""
    from ..watch.server import Server

    server = Server(source, host, port)
    url = server.listen()
    typer.echo(f"watching at {url}  (Ctrl-C ends it)")
    if not no_open:
        # A browser of the terminal keeps its caller waiting, and would wait for the server itself.
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    server.serve()

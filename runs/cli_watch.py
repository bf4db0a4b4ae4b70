"""The command that opens a run in the browser: live, or a recorded one."""

from __future__ import annotations

import threading
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from . import cli_options as options
from .cli_options import Choice
from .errors import RunError
from .reading import Record

__all__ = ["add_watch"]


def add_watch(app: typer.Typer) -> None:
    """Add it to the command line."""
    app.command(epilog=options.WATCH)(watch)


def watch(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[SCENARIO|RUN]", help="A scenario to run live, or the folder of a recorded run."),
    ] = None,
    protocol: options.Protocol = None,
    settings: options.Settings = None,
    fault: options.Faults = None,
    faults: options.FaultsFile = None,
    seed: options.Seed = None,
    ticks: options.Ticks = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the run in this folder.")] = None,
    host: Annotated[str, typer.Option(help="Where to listen; beyond this machine a token is asked for.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address, and open no browser.")] = False,
) -> None:
    """Open a run in the browser: step, play, go back, break the network under it.

    Without an argument the page offers the scenarios there are.
    """
    from .watch.server import Server  # a web server takes a moment to load
    from .watch.source import Source

    given = [protocol, settings, fault, faults, seed, ticks]
    recorded = what is not None and (Path(what).is_dir() or Path(what).suffix == ".sqlite")
    if (what is None or recorded) and (any(one is not None for one in given) or (recorded and out is not None)):
        raise RunError(f"{what or 'watch'}: options of a run need a scenario, which says what to run")
    if what is None:
        source = Source(out=out)
    elif recorded:
        run = Path(what)
        with Record.open(run) as record:
            record.scenario()  # says now rather than in the page that it cannot be read
        source = Source(run=run, command=("gridparley", "run", str((run / "scenario.toml").resolve())))
    else:
        choice = Choice(what, protocol, settings, fault, faults, seed, ticks)
        words = replace(choice, faults=None, faults_file=None).command()
        broken = replace(choice, protocol=None, settings=None, seed=None, ticks=None).command()[3:]
        source = Source(scenario=choice.load(), command=tuple(words), faults=tuple(broken), out=out)
    server = Server(source, host, port)
    url = server.listen()
    typer.echo(f"watching at {url}  (Ctrl-C ends it)")
    if not no_open:
        # A browser of the terminal keeps whoever opens it waiting, and would wait for the server itself.
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    server.serve()

"""The commands about a run that was recorded: resume, check, branch, export, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import epilogs, options

if TYPE_CHECKING:
    from ..result.result import Result

__all__ = ["add_commands"]


def add_commands(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.command(epilog=epilogs.RESUME)(resume)
    app.command(epilog=epilogs.CHECK)(check)
    app.command(epilog=epilogs.BRANCH)(branch)
    app.command(epilog=epilogs.EXPORT)(export)
    app.command(epilog=epilogs.REPORT)(report)


def resume(run: options.Run, trust: options.Trust = False, traceback: options.Traceback = False) -> None:
    """Go on with a run that was killed or ran out of disk.

    It ends as if nothing had happened.
    """
    from rich.console import Console

    from ..driver.resume import resume_run
    from .tables.tables import print_result

    print_result(resume_run(run, tell=_say, trust=trust), Console(highlight=False))
    _say(f"written to {run}")


def _say(text: str) -> None:
    typer.echo(text, err=True)


def check(run: options.Run, trust: options.Trust = False, traceback: options.Traceback = False) -> None:
    """Do a recorded run again and compare everything that is said of it.

    Every bit of every tick, the header, all tables and checkpoints, result.json and the other files; also every page of the
    record, and conservation of messages. Exit with 1, naming all that differs, of the ticks the first.
    """
    from ..driver.check import check_run
    from ..driver.progress import RunProgress
    from ..record.reading import Record

    with Record.open(run) as record:
        ticks = record.ticks
    with RunProgress(ticks) as bar:
        found = check_run(run, trust=trust, watch=bar.watch)
    typer.echo(f"record        {found.path}, gridparley {found.version}, {ticks} ticks")
    for remark in found.remarks:
        typer.echo(f"remark        {remark}")
    typer.echo(f"compared      {found.ticks} ticks, {found.messages} messages said")
    for wrong in found.wrong:
        typer.echo(f"wrong         {wrong}")
    if found.wrong:
        raise typer.Exit(1)
    typer.echo("conservation  holds in every tick")
    typer.echo("replay        the same to the last bit")
    if found.no_checkpoint is not None:
        typer.echo(f"checkpoints   none, so that resume and branch start from tick 0: {found.no_checkpoint}")


def branch(
    run: options.Run,
    tick: Annotated[int, typer.Option(min=0, metavar="K", help="The first tick that may come out otherwise.")],
    fault: options.Faults = None,
    end: Annotated[list[str] | None, typer.Option(metavar="NAME", help="End a fault. May be repeated.")] = None,
    out: Annotated[Path | None, options.folder("Where the branch goes; by default RUN-branch-K.")] = None,
    force: options.Force = False,
    trust: options.Trust = False,
    traceback: options.Traceback = False,
) -> None:
    """Go on from a tick of a run with other faults.

    How it ends without and with them is shown side by side.
    """
    from ..common.errors import RunError
    from ..driver.branch import branch_run
    from ..scenario.fault_text import read_fault, read_fault_table

    faults, ended = fault or [], end or []
    if not (faults or ended):
        raise RunError("a branch needs a change: --fault KIND=VALUE adds a fault, --end NAME ends one")
    where = run.with_name(f"{run.resolve().name}-branch-{tick}") if out is None else out
    words = ["gridparley", "branch", str(run.resolve()), "--tick", str(tick)]
    words += [word for text in faults for word in ("--fault", text)]
    words += [word for name in ended for word in ("--end", name)]
    add = [read_fault_table(read_fault(text), "--fault") for text in faults]
    both = branch_run(run, tick, where, add=add, end=ended, command=words, force=force, trust=trust, tell=_say)
    changes = [*faults, *(f"end {name}" for name in ended)]
    _print_both(*both, title=f"from tick {tick}: {'; '.join(changes)}")
    _say(f"written to {where}")


def _print_both(without: Result, changed: Result, title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..record.resume.branch import compared

    table = Table("", "without", "with", title=title)
    for what, values in compared(without, changed).items():
        table.add_row(what, *values)
    Console(highlight=False).print(table)


def export(
    run: options.Run,
    out: Annotated[Path | None, options.folder("Where they go; by default RUN/tables.")] = None,
    trust: options.Trust = False,
) -> None:
    """Write a recorded run as Parquet files.

    Metrics, prices, answers and messages, with units in their columns' names and metadata.
    """
    from ..driver.progress import RunProgress
    from ..record.export import export as export_record
    from ..record.reading import Record

    with Record.open(run) as record, RunProgress(record.ticks) as bar:
        where = run / "tables" if out is None else out
        paths = export_record(record, where, lambda name, tick: bar.tell(lambda: f"writing {name}", tick), trust=trust)
    for path in paths:
        typer.echo(str(path))


def report(
    run: options.Run,
    out: Annotated[Path | None, options.file("By default RUN/report.html.")] = None,
    first: Annotated[int, typer.Option("--from", min=0, metavar="K", help="The first tick to show.")] = 0,
    last: Annotated[int | None, typer.Option("--to", min=1, metavar="K", help="The first tick not to show.")] = None,
    trust: options.Trust = False,
) -> None:
    """Write a recorded run as one HTML page to step through.

    Network, charts, messages with their causes, and what every agent knows, in a file that opens from disk.
    """
    from ..page.report import write_report

    path, shortened = write_report(run, out, first, last, trust=trust)
    if shortened is not None:
        _say(shortened)
    typer.echo(str(path))

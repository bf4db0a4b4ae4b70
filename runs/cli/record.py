"""The commands about a run that was recorded: resume, check, branch, export, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..common.errors import RunError
from ..driver.negotiate import negotiate
from ..driver.progress import RunProgress
from ..page.report import write_report
from ..record.export import export as export_record
from ..record.folder import RunFolder, prepare_folder
from ..record.reading import Record
from ..record.record import UNFINISHED, record_of
from ..record.recorder import Recorder
from ..record.resume.branch import compared, fork, go_on, steered
from ..record.resume.replay import check_record, go_to
from ..result.result import Result
from ..scenario.fault_text import read_fault, read_fault_table
from . import options as options
from .tables import print_result

__all__ = ["add_commands"]

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that gridparley run --out wrote.")]


def add_commands(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.command(epilog=options.RESUME)(resume)
    app.command(epilog=options.CHECK)(check)
    app.command(epilog=options.BRANCH)(branch)
    app.command(epilog=options.EXPORT)(export)
    app.command(epilog=options.REPORT)(report)


def resume(run: Run) -> None:
    """Go on with a run that was killed or ran out of disk.

    It ends as if nothing had happened.
    """
    result, folder = _resumed(run)
    print_result(result, Console(highlight=False))
    typer.echo(f"written to {folder.path}", err=True)


def _resumed(run: Path) -> tuple[Result, RunFolder]:
    record = Record(record_of(run), writing=True)
    scenario, header = record.scenario(), record.header
    folder = RunFolder(run, scenario, header["command"])
    try:
        with _bar(record.ticks) as bar:
            restored = go_to(record, record.ticks, bar.watch)
    except BaseException:
        record.close()
        raise
    recorder = Recorder(record.path, record.base, restored.reader, record.commands)
    start = f"the checkpoint before tick {restored.start}" if restored.start else "the first tick"
    typer.echo(f"{record.ticks} ticks are recorded; what follows {start} was done again and is the same", err=True)
    result = negotiate(
        scenario,
        restored.simulation,
        folder,
        (),
        recorder,
        restored.prices,
        progress=True,
        reference=header["reference"],
        settlement="--settlement" in header["command"],
        ac="--ac-check" in header["command"],
    )
    return result, folder


def check(run: Run) -> None:
    """Do a recorded run again and compare every bit.

    Also looked at: every page of the file, conservation of messages, and the last checkpoint. Exit with 1, naming the first
    tick that differs.
    """
    with Record.open(run) as record:
        with _bar(record.ticks) as bar:
            found = check_record(record, bar.watch)
        typer.echo(f"record        {record.path}, gridparley {record.header['code_version']}, {record.ticks} ticks")
        typer.echo(f"compared      {found.ticks} ticks, {found.messages} messages said")
        if found.wrong is not None:
            typer.echo(f"wrong         {found.wrong}")
            raise typer.Exit(1)
        typer.echo("conservation  holds in every tick")
        typer.echo("replay        the same to the last bit")
        if why := record.header.get("no_checkpoint"):
            typer.echo(f"checkpoints   none, so that resume and branch start from tick 0: {why}")


def branch(
    run: Run,
    tick: Annotated[int, typer.Option(min=0, metavar="K", help="The first tick that may come out otherwise.")],
    fault: options.Faults = None,
    end: Annotated[list[str] | None, typer.Option(metavar="NAME", help="End a fault. May be repeated.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the branch goes; by default RUN-branch-K.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also into a folder that holds other files.")] = False,
) -> None:
    """Go on from a tick of a run with other faults.

    How it ends without and with them is shown side by side.
    """
    if not (fault or end):
        raise RunError("a branch needs a change: --fault KIND=VALUE adds a fault, --end NAME ends one")
    add = [read_fault_table(read_fault(text), "--fault") for text in fault or []]
    where = run.with_name(f"{run.resolve().name}-branch-{tick}") if out is None else out
    if where.resolve() == run.resolve():
        raise RunError(f"--out {where}: is the run itself; a branch needs a folder of its own")
    with Record.open(run) as record:
        reference = record.header["reference"]
        command = steered(record, tick, add, end or [])
        prepare_folder(where, force=force)
        words = ["gridparley", "branch", str(run.resolve()), "--tick", str(tick)]
        words += [word for text in fault or [] for word in ("--fault", text)]
        words += [word for name in end or [] for word in ("--end", name)]
        fork(record, where / UNFINISHED, tick, command, {"command": words})
        with _bar(record.header["ticks"]) as bar:
            without = go_on(record, tick, watch=bar.watch, reference=reference)
    changed, folder = _resumed(where)
    changes = [*(fault or []), *(f"end {name}" for name in end or [])]
    table = Table("", "without", "with", title=f"from tick {tick}: {'; '.join(changes)}")
    for what, values in compared(without, changed).items():
        table.add_row(what, *values)
    Console(highlight=False).print(table)
    typer.echo(f"written to {folder.path}", err=True)


def export(
    run: Run,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where they go; by default RUN/tables.")] = None,
) -> None:
    """Write a recorded run as Parquet files.

    Metrics, prices, answers and messages, with units in their columns' names and metadata.
    """
    with Record.open(run) as record, _bar(record.ticks) as bar:
        where = run / "tables" if out is None else out
        paths = export_record(record, where, lambda name, tick: bar.tell(lambda: f"writing {name}", tick))
    for path in paths:
        typer.echo(str(path))


def report(
    run: Run,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="By default RUN/report.html.")] = None,
    first: Annotated[int, typer.Option("--from", min=0, metavar="K", help="The first tick to show.")] = 0,
    last: Annotated[int | None, typer.Option("--to", min=1, metavar="K", help="The first tick not to show.")] = None,
) -> None:
    """Write a recorded run as one HTML page to step through.

    Network, charts, messages with their causes, and what every agent knows, in a file that opens from disk.
    """
    path, told = write_report(run, out, first, last)
    if told is not None:
        typer.echo(told, err=True)
    typer.echo(str(path))


def _bar(ticks: int) -> RunProgress:
    return RunProgress(ticks, Console(stderr=True))

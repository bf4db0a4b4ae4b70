"""The command that tries a type by itself: an agent, a protocol or a fault."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import epilogs, options

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["add_conform"]

WAIT_SECONDS = 2.0
"""Checks that take less show no progress."""
_MARKS = {"passed": "✓", "failed": "✗", "left out": "-", "not reached": "·"}
_COLOURS = {"passed": "green", "failed": "red", "left out": "dim", "not reached": "yellow"}

Types = Annotated[
    list[str],
    typer.Argument(
        metavar="TYPE...", help="FILE:Type, MODULE:Type, or a name from gridparley list; a fault also as KIND=VALUE."
    ),
]
Values = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="K=V", help="A fact of the agent, an option of the protocol, a parameter of the fault."
    ),
]


def add_conform(app: typer.Typer) -> None:
    """Add it to the command line."""
    app.command(epilog=epilogs.CONFORM)(conform)


def conform(
    types: Types,
    values: Values = None,
    scenario: Annotated[
        str | None, typer.Option(metavar="SCENARIO", help="Try it on this scenario's agents, or in its market.")
    ] = None,
    seed: options.Seed = 0,
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="Of an agent's answers, relative; an iterative one may need more.")
    ] = 1e-9,
    as_json: options.AsJson = False,
    traceback: options.Traceback = False,
) -> None:
    """Try an agent, a protocol or a fault by itself, rule by rule."""
    # The kit stands above all rooms, since it uses all of them, and is loaded when it is asked for.
    subjects, examining = (import_module(f"gridparley.conformance.{name}") for name in ("subjects", "examine"))
    from ..common.errors import USER_ERRORS
    from ..scenario.settings.settings import parse_setting

    reports = []
    for text in types:
        try:
            kind = subjects.named_type(text)
            given = dict(parse_setting(value) for value in values or [])
            subject, tried = subjects.subject_of(text, kind, given, scenario, seed=seed or 0, tolerance=tolerance)
        except USER_ERRORS as error:
            raise typer.BadParameter(str(error)) from None
        with _progress(len(examining.checks_of(subject)), wanted=not as_json) as tell:
            findings = examining.examine(kind, subject, tell)
        reports.append(_report(text, kind, tried, findings))
    if as_json:
        for check in (check for report in reports if not traceback for check in report["checks"]):
            del check["trace"]
        typer.echo(json.dumps(reports[0] if len(reports) == 1 else reports, indent=2))
    else:
        from rich.console import Console

        for report in reports:
            _print(report, Console(highlight=False), traceback=traceback)
    if not all(report["conforms"] for report in reports):
        raise typer.Exit(1)


def _report(text: str, kind: type, tried: str, findings: Sequence[Any]) -> dict[str, Any]:
    good = all(finding.verdict in ("passed", "left out") for finding in findings)
    return {
        "type": text,
        "conforms": good,
        "file": inspect.getfile(kind),
        "line": inspect.getsourcelines(kind)[1],
        "tried_on": tried,
        "checks": [finding.to_dict() for finding in findings],
    }


@contextmanager
def _progress(checks: int, *, wanted: bool) -> Iterator[Any]:
    """Show a bar on stderr, on a terminal and from two seconds on; yields what is told each check."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not (wanted and console.is_terminal):
        yield lambda name, number: None
        return
    columns = (
        TextColumn("check {task.completed} of {task.total}"),
        BarColumn(bar_width=20),
        TextColumn("{task.description}"),
    )
    bar = Progress(*columns, TimeElapsedColumn(), console=console, transient=True)
    task = bar.add_task("", total=checks)
    timer = threading.Timer(WAIT_SECONDS, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda name, number: bar.update(task, completed=number, description=name.replace("_", " "))
    finally:
        timer.cancel()
        bar.stop()


def _print(report: dict[str, Any], console: Console, *, traceback: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    good = report["conforms"]
    failed = sum(check["verdict"] in ("failed", "not reached") for check in report["checks"])
    word = "CONFORMS" if good else f"BREAKS {failed} of {len(report['checks'])} rules"
    head = Text.assemble((report["type"], "bold"), "  ", (word, "bold green" if good else "bold red"))
    console.print(head, soft_wrap=True)  # paths are to be copied
    where = f"{report['file']}, line {report['line']}"
    console.print(Text(f"{where}; tried on {report['tried_on']}", style="dim"), soft_wrap=True)
    grid = Table.grid(padding=(0, 2, 0, 0))
    for check in report["checks"]:
        verdict = check["verdict"]
        mark = Text(_MARKS[verdict], style=_COLOURS[verdict])
        grid.add_row(mark, check["check"].replace("_", " "), Text(check["about"].replace("`", ""), style="dim"))
    console.print(grid)
    for check in report["checks"]:
        if check["verdict"] == "failed":
            console.print()
            where = f"{check['file']}, line {check['line']}"
            console.print(Text(f"✗ {check['check'].replace('_', ' ')}: {where}", style="red"), soft_wrap=True)
            for what in ("given", "got", "wanted"):
                console.print(Text(f"  {what + ':':<8}{check[what]}"), soft_wrap=True)
            if traceback and check["trace"]:
                console.print(Text(check["trace"]), soft_wrap=True)

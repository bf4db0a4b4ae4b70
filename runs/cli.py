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

import contextlib
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from . import cli_options as options
from .catalog import SECTIONS, catalog
from .catalog_tables import print_catalog
from .cli_options import Choice
from .errors import USER_ERRORS
from .folder import PriceRecord, RunFolder, prepare_folder, scenario_text
from .folder_read import read_run
from .invariants import Invariants
from .outcome import Outcome
from .progress import RunProgress
from .record import UNFINISHED, record_of
from .recorder import Recorder
from .replay import RecordReader, check_record
from .result import Result, evaluate
from .scenario import Scenario
from .simulation import Simulation
from .tables import print_result

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


@app.callback(epilog=options.GENERAL)
def _gridparley() -> None:
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
def show(
    scenario: options.ScenarioName,
    protocol: options.Protocol = None,
    settings: options.Settings = None,
    fault: options.Faults = None,
    faults: options.FaultsFile = None,
    seed: options.Seed = None,
    ticks: options.Ticks = None,
) -> None:
    """Print a scenario as a TOML file, settings applied and defaults filled in: a file to start your own from."""
    typer.echo(scenario_text(Choice(scenario, protocol, settings, fault, faults, seed, ticks).load()), nl=False)


@app.command(epilog=options.RUN)
def run(
    scenario: options.ScenarioName,
    protocol: options.Protocol = None,
    settings: options.Settings = None,
    fault: options.Faults = None,
    faults: options.FaultsFile = None,
    seed: options.Seed = None,
    ticks: options.Ticks = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the run to this folder.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="With --out: also into a folder that holds other files.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    no_reference: Annotated[
        bool, typer.Option("--no-reference", help="Do without the central solve beside the negotiation.")
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
    choice = Choice(scenario, protocol, settings, fault, faults, seed, ticks)
    chosen = choice.load()
    simulation = chosen.simulation(one_by_one=one_by_one, keep_messages=invariants)
    # Before the run: nobody wants to hear after an hour that the folder cannot be written.
    folder = recorder = None
    if out is not None:
        prepare_folder(out, force=force)
        folder = RunFolder(out, chosen, choice.command())
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
    )
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2, allow_nan=False))
    else:
        print_result(result, Console(highlight=False))
    if folder is not None:
        typer.echo(f"written to {folder.path}", err=True)
    if strict and result.outcome is not Outcome.CONVERGED:
        raise typer.Exit(3)


def negotiate(
    scenario: Scenario,
    simulation: Simulation,
    folder: RunFolder | None,
    checks: Sequence[Callable[[Simulation], None]] = (),
    recorder: Recorder | None = None,
    *,
    progress: bool,
    reference: bool | None,
) -> Result:
    """Run, judge and write; what was recorded until an error is written too."""
    prices = PriceRecord(scenario.spec.report.transfer_price_sign)
    try:
        with RunProgress(scenario.spec.run.ticks, Console(stderr=True), wanted=progress) as bar:

            def watch(now: Simulation) -> None:
                for check in checks:
                    check(now)
                prices.watch(now)
                if recorder is not None:
                    recorder.watch(now)
                bar.watch(now)

            start = time.perf_counter()
            simulation.run(scenario.spec.run.ticks, watch)
            seconds = time.perf_counter() - start
            bar.judging()
            result = evaluate(scenario, simulation, seconds=seconds, reference=reference)
    except BaseException as error:
        if folder is not None:
            typer.echo(f"{_rescued(folder, error, simulation, prices, recorder)}", err=True)
        raise
    if folder is not None:
        if recorder is not None:
            recorder.finish(simulation)
        path = folder.write(result, prices)
        if recorder is not None:
            recorder.settle(path)
    return result


def _rescued(
    folder: RunFolder,
    error: BaseException,
    simulation: Simulation,
    prices: PriceRecord,
    recorder: Recorder | None,
) -> str:
    if recorder is not None:
        with contextlib.suppress(*USER_ERRORS):  # the first error matters more, and is about the same disk
            recorder.finish(simulation)
    try:
        path = folder.write_failure(error, simulation, prices)
        if recorder is not None:
            recorder.settle(path)
        return f"what was recorded until tick {simulation.tick} is in {path}"
    except USER_ERRORS as second:
        # The first error matters more and is raised next.
        return f"what was recorded is lost: {second}"


Recorded = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that gridparley run --out wrote.")]


@app.command()
def resume(run: Recorded) -> None:
    """Go on with a recorded run that was killed, or ran out of disk: it ends as if nothing had happened."""
    reader = RecordReader(record_of(run))
    scenario, header = reader.scenario(), reader.header
    simulation = scenario.simulation(one_by_one=header["one_by_one"])
    folder = RunFolder(run, scenario, header["command"])
    recorder = Recorder.resume(reader, simulation)
    typer.echo(f"{reader.ticks} ticks are recorded and done again to the last bit; then the run goes on", err=True)
    result = negotiate(scenario, simulation, folder, (), recorder, progress=True, reference=header["reference"])
    print_result(result, Console(highlight=False))
    typer.echo(f"written to {folder.path}", err=True)


@app.command()
def check(run: Recorded) -> None:
    """Do a recorded run again and compare every bit; exit with 1, naming the first tick that differs."""
    reader = RecordReader(record_of(run))
    found = check_record(reader)
    reader.close()
    typer.echo(f"record        {reader.path}, gridparley {reader.header['code_version']}, {reader.ticks} ticks")
    typer.echo(f"compared      {found.ticks} ticks, {found.messages} messages said")
    if found.wrong is not None:
        typer.echo(f"wrong         {found.wrong}")
        raise typer.Exit(1)
    typer.echo("conservation  holds in every tick")
    typer.echo("replay        the same to the last bit")


@app.command(epilog=options.PLOT)
def plot(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder that gridparley run --out wrote.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where figures go; by default into RUN.")] = None,
    kind: Annotated[Format, typer.Option("--format", help="png for screens, pdf for papers.")] = Format.png,
) -> None:
    """Draw the figures of a run."""
    from .figures import draw_figures  # matplotlib takes a second to load

    for file in draw_figures(read_run(run), run if out is None else out, kind.value):
        typer.echo(str(file))


def main() -> None:
    """Run the command `gridparley`."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no Greek gets question marks rather than a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app(prog_name="gridparley")

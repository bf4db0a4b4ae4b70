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

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from . import cli_options as options
from .errors import USER_ERRORS
from .result import run_scenario
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


@app.command(epilog=options.RUN)
def run(
    scenario: options.ScenarioName,
    protocol: options.Protocol = None,
    settings: options.Settings = None,
    fault: options.Faults = None,
    faults: options.FaultsFile = None,
    seed: options.Seed = None,
    ticks: options.Ticks = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    no_reference: Annotated[
        bool, typer.Option("--no-reference", help="Do without the central solve beside the negotiation.")
    ] = False,
    one_by_one: Annotated[
        bool,
        typer.Option("--one-by-one", help="A role of its own for every agent: slower, and the same to the last bit."),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 unless the outcome is CONVERGED.")] = False,
) -> None:
    """Run a scenario to its end and judge what came out."""
    chosen = options.chosen_scenario(scenario, protocol, settings, fault, faults, seed, ticks)
    result = run_scenario(chosen, reference=False if no_reference else None, one_by_one=one_by_one)
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2, allow_nan=False))
    else:
        print_result(result, Console())
    if strict and result.outcome != "CONVERGED":
        raise typer.Exit(3)


def main() -> None:
    """Run the command `gridparley`."""
    app(prog_name="gridparley")

"""Rounds and seconds of a negotiated day beside its central solve: `.venv/bin/python -m tests.benchmarks.dispatch`.

The scenario dispatch-day with more and more microgrids, copies of the note's three with numbers drawn anew. A round counts
as good once what would be committed after it costs at most 1e-6 more, relative, than the central optimum; the rounds until
everybody has stopped, which nobody outside can shorten, stand beside it.
"""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gridparley import load_scenario
from gridparley.runs.judge.reference import central_solve
from gridparley.runs.judge.restore_feasibility import restore_feasibility

GOOD = 1e-6


def one_case(size: int, settings: list[str], protocol: str | None) -> dict[str, float]:
    """Negotiate one market to its end; seconds are those of the negotiation, without what is measured."""
    simulation = load_scenario("dispatch-day", [f"microgrids={size}", *settings], protocol=protocol).simulation(
        cost_every=0
    )
    market, observer, state = simulation.market, simulation.observer, simulation.state
    start = time.perf_counter()
    reference = central_solve(market)
    assert reference is not None
    told = {"central": time.perf_counter() - start, "seconds": 0.0, "good": -1.0, "good_seconds": -1.0, "gap": 1.0}
    seen = 0
    while not simulation.finished and simulation.tick < 20_000:
        start = time.perf_counter()
        simulation.step()
        told["seconds"] += time.perf_counter() - start
        rounds = int(state.round.min())
        if rounds > seen and told["good"] < 0:
            x = restore_feasibility(market, observer, state)
            told["gap"] = 1.0 if x is None else observer.cost(x, regularised=True) / reference.cost - 1.0
            if told["good"] < 0 and told["gap"] <= GOOD:
                told["good"], told["good_seconds"] = rounds, told["seconds"]
        seen = rounds
    x = restore_feasibility(market, observer, state)
    told["gap"] = 1.0 if x is None else observer.cost(x, regularised=True) / reference.cost - 1.0
    return told | {"rounds": seen, "ticks": simulation.tick}


def main(
    sizes: Annotated[str, typer.Option(help="microgrids, e.g. 3,10")] = "3,10,30,100,300",
    protocol: Annotated[str | None, typer.Option(help="instead of the scenario's own")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="K=V, as for gridparley run")] = None,
) -> None:
    """Print one table."""
    given = settings or []
    one_case(3, given, protocol)  # loads what is loaded once
    title = " ".join(["dispatch-day", protocol or "", *given])
    shown = Table(title=title)
    headings = ("microgrids", "rounds to 1e-6", "s", "rounds to the stop", "ticks", "s", "gap at the stop", "central s")
    for heading in headings:
        shown.add_column(heading, justify="right")
    for size in map(int, sizes.split(",")):
        told = one_case(size, given, protocol)
        shown.add_row(
            str(size),
            f"{told['good']:.0f}",
            f"{told['good_seconds']:.2f}",
            f"{told['rounds']:.0f}",
            f"{told['ticks']:.0f}",
            f"{told['seconds']:.2f}",
            f"{told['gap']:.1e}",
            f"{told['central']:.2f}",
        )
    Console(width=110).print(shown)


if __name__ == "__main__":
    typer.run(main)

"""How rounds and seconds grow with a feeder's market, beside its central solve: `.venv/bin/python -m tests.benchmarks.feeders`.

The scenario feeder-69 with more and more prosumers of the same size together. Rounds are those until everybody has stopped;
seconds are those of the negotiation alone, and of the central programme, which is built and solved by CVXPY.
"""

from __future__ import annotations

import time
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from gridparley import load_scenario

from ..reference.feeder_problem import FeederProblem
from ..reference.feeder_reference import central_feeder

PRICING = {"dlmp_admm": "tariffs", "atc": "wholesale"}


def one_case(size: int, protocol: str, losses: str) -> dict[str, float]:
    """Negotiate one market to its end and solve it centrally."""
    settings = [f"prosumers={size}", f"pricing={PRICING[protocol]}", f"losses={losses}"]
    simulation = load_scenario("feeder-69", settings, protocol=protocol).simulation(cost_every=0)
    start = time.perf_counter()
    simulation.run(20_000)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    best = central_feeder(FeederProblem.of(simulation.market), losses)
    central = time.perf_counter() - start
    peers = simulation.market.populations[1].society
    p = -simulation.state.x[1][peers.own_rows + 1, 0]
    return {
        "rounds": float(simulation.state.round.min()),
        "ticks": simulation.tick,
        "seconds": seconds,
        "central": central,
        "apart": float(np.abs(p - best.p).max()),
        "stopped": simulation.stopped,
    }


def main(
    sizes: Annotated[str, typer.Option(help="prosumers, e.g. 10,50")] = "10,50,200,1000",
    losses: Annotated[str, typer.Option(help="none, lindistflow, exact; several with commas")] = "none",
) -> None:
    """Print one table."""
    one_case(5, "dlmp_admm", "none")  # loads what is loaded once
    shown = Table(title="feeder-69")
    headings = (
        "protocol",
        "losses",
        "prosumers",
        "rounds",
        "ticks",
        "s",
        "ms a round",
        "central s",
        "largest |Δp|, kW",
    )
    for heading in headings:
        shown.add_column(heading, justify="right")
    for protocol in PRICING:
        for loss in losses.split(","):
            for size in map(int, sizes.split(",")):
                told = one_case(size, protocol, loss)
                rounds = f"{told['rounds']:.0f}" + ("" if told["stopped"] else " (not stopped)")
                shown.add_row(
                    protocol,
                    loss,
                    str(size),
                    rounds,
                    f"{told['ticks']:.0f}",
                    f"{told['seconds']:.1f}",
                    f"{told['seconds'] / told['rounds'] * 1e3:.0f}",
                    f"{told['central']:.1f}",
                    f"{told['apart']:.1e}",
                )
    Console(width=110).print(shown)


if __name__ == "__main__":
    typer.run(main)

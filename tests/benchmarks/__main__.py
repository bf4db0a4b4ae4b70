"""Time and memory of a message, side by side with other ways to do the same: `make bench`.

Whole ticks are timed, roles, solves, books and metrics included, on generated microgrids (a ring of 100 prosumers each,
with logarithmic utility) under dual decomposition. One metric, the cost, asks every agent as a solve does, and none of the
other contestants has it: it is left out of the ratios and shown beside them ("with cost").

All contestants of a case run in one process in turn, a chunk of rounds each, so that a slow moment of the machine hits
all; medians are shown, and medians of the ratios chunk by chunk.
"""

from __future__ import annotations

import json
import os
import statistics
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from gridparley.environment.faults import Delay, Duplicate, Loss
from gridparley.protocols import DualDecomposition, Market
from gridparley.runs.generators import Microgrids
from gridparley.runs.simulation import Simulation

from .floor import Floor
from .objects import ObjectModel
from .recording import recording

STEP_SIZE = 5e-4
FAULTS = {"loss": "10 %", "delay": "0..3 ticks", "duplicate": "10 %"}

Chunk = Callable[[], tuple[float, int]]
"""Runs for a while and returns seconds and messages."""


def faults() -> list[Any]:
    """Return the faults of the faulty cases."""
    return [Loss(probability=0.1), Delay(ticks="0..3"), Duplicate(probability=0.1)]


def ticking(model: Any, sent: Callable[[], int], ticks: int) -> Chunk:
    """Return a chunk of ticks of something that steps."""

    def chunk() -> tuple[float, int]:
        before, start = sent(), time.perf_counter()
        for _ in range(ticks):
            model.step()
        return time.perf_counter() - start, sent() - before

    return chunk


def looping(floor: Floor, rounds: int, messages: int) -> Chunk:
    """Return a chunk of rounds of the floor, which counts as many messages as the simulation has in a faultless round."""

    def chunk() -> tuple[float, int]:
        start = time.perf_counter()
        for _ in range(rounds):
            floor.round()
        return time.perf_counter() - start, rounds * messages

    return chunk


def check_floor(market: Market) -> int:
    """Compare the floor's prices with the simulation's, to the last bit, and return the messages of a round."""
    simulation = Simulation(market, DualDecomposition(step_size=STEP_SIZE))
    simulation.run(7)  # rounds are asked in ticks 0, 2, 4, 6
    for tiled in (False, True):
        floor = Floor(market, STEP_SIZE, tiled=tiled)
        for _ in range(3):
            floor.round()
        if (simulation.state.price != floor.price).any():
            raise RuntimeError("the floor does not compute what the simulation computes")
    return sum(row[4] for row in simulation.journal.rows if row[0] in (4, 5) and row[2] == "sent")


def peak_memory(market: Market, faulty: bool) -> float:
    """Return the most bytes that a simulation held at any time, by messages in a tick, the market not counted."""
    tracemalloc.start()
    simulation = Simulation(market, DualDecomposition(step_size=STEP_SIZE), faults() if faulty else [], cost_every=0)
    simulation.run(10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (simulation.journal.totals["sent"] / simulation.tick)


def one_case(size: int, periods: int, faulty: bool, limits: dict[str, int], repeats: int) -> dict[str, Any]:
    """Time all contestants of one case."""
    market = Microgrids(microgrids=max(1, size // 100), topology="ring", prosumers=100, periods=periods).market()
    messages = check_floor(market)
    rounds = max(3, min(50, 2_000_000 // (size * periods)))
    protocol = DualDecomposition(step_size=STEP_SIZE)
    simulation = Simulation(market, protocol, faults() if faulty else [], cost_every=0)
    watched = Simulation(market, protocol, faults() if faulty else [])
    ticks = rounds * 2 if not faulty else max(12, rounds * 2)
    contestants: dict[str, Chunk] = {
        "gridparley": ticking(simulation, lambda: simulation.journal.totals["sent"], ticks),
        "with cost": ticking(watched, lambda: watched.journal.totals["sent"], ticks),
        "bare loop": looping(Floor(market, STEP_SIZE, tiled=False), rounds, messages),
        "tiled loop": looping(Floor(market, STEP_SIZE, tiled=True), rounds, messages),
    }
    if size <= limits["mesa"]:
        model = ObjectModel(market, STEP_SIZE, faults=faulty)
        contestants["mesa"] = ticking(model, lambda: model.sent, 4 if not faulty else 12)
    world: Any = None
    if size <= limits["mango"] and not faulty:
        from .mango_world import MangoModel

        world = MangoModel(market, STEP_SIZE)
        contestants["mango"] = ticking(world, lambda: world.sent, 2)
    for name, chunk in contestants.items():
        if name != "mango":
            chunk()  # warm up
    nanoseconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(repeats):
        for name, chunk in contestants.items():
            if name == "mango" and turn > 1 and nanoseconds[name][0] * size > 5e9:
                continue  # it takes too long to be asked often
            seconds, number = chunk()
            nanoseconds[name].append(seconds / number * 1e9)
    if world is not None:
        world.close()
    ours = nanoseconds["gridparley"]
    return {
        "prosumers": size,
        "periods": periods,
        "faults": faulty,
        "ns_per_message": {name: statistics.median(each) for name, each in nanoseconds.items()},
        "times": {
            name: statistics.median(a / b for a, b in zip(ours, nanoseconds[name], strict=True))
            for name in ("bare loop", "tiled loop")
        },
        "faster_than": {
            name: statistics.median(b / a for a, b in zip(ours, nanoseconds[name], strict=False))
            for name in ("mesa", "mango")
            if name in nanoseconds
        },
        "peak_bytes_per_message": peak_memory(market, faulty),
    }


def main(
    sizes: Annotated[str, typer.Option(help="prosumers, e.g. 1e4,1e5")] = "1e4,1e5,1e6",
    periods: Annotated[str, typer.Option(help="periods, e.g. 1,24")] = "1,24",
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    mesa_max: Annotated[float, typer.Option(help="most prosumers for the plain Mesa model")] = 1e5,
    mango_max: Annotated[float, typer.Option(help="most prosumers for mango; 0 to leave it out")] = 1e4,
    record: Annotated[float, typer.Option(help="prosumers of the market that is recorded; 0 for none")] = 1e5,
    json_file: Annotated[Path | None, typer.Option("--json", help="write all numbers here")] = None,
) -> None:
    """Compare time and memory of a message."""
    with suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core, always the same
    limits = {"mesa": int(mesa_max), "mango": int(mango_max)}
    cases = [
        (int(float(size)), int(count), faulty)
        for count in periods.split(",")
        for faulty in (False, True)
        for size in sizes.split(",")
    ]
    said = Console(stderr=True)
    done: list[dict[str, Any]] = []
    for number, case in enumerate(cases, 1):
        said.print(f"{number}/{len(cases)}: {case[0]:,} prosumers, T = {case[1]}, faults {'on' if case[2] else 'off'}")
        done.append(one_case(*case, limits, repeats))
    Console(width=150).print(table(done))
    recorded = [recording(int(record), faulty, 36) for faulty in (False, True)] if record else []
    if recorded:
        Console(width=130).print(recorded_table(recorded))
    if json_file is not None:
        json_file.write_text(json.dumps({"faults": FAULTS, "cases": done, "recording": recorded}, indent=1))


def recorded_table(done: list[dict[str, Any]]) -> Table:
    """Return what it costs to record every message, a row a case."""
    shown = Table(
        title="Recording every message, copies included",
        caption="without checkpoints; the answers of large markets are not among the agents' states",
    )
    for heading in ("prosumers", "faults", "ms per 10^5 messages", "bytes a message"):
        shown.add_column(heading, justify="right")
    for case in done:
        numbers = f"{case['ms_per_100000']:.1f}", f"{case['bytes_per_message']:.2f}"
        shown.add_row(f"{case['prosumers']:,}", "on" if case["faults"] else "off", *numbers)
    return shown


def table(done: list[dict[str, Any]]) -> Table:
    """Return what was measured, a row a case."""
    names = ("gridparley", "with cost", "bare loop", "tiled loop", "mesa", "mango")
    shown = Table(title="Nanoseconds a message, medians", caption="faults: 10 % lost, 0 to 3 ticks late, 10 % twice")
    ratios = ("ours / bare", "ours / tiled", "mesa / ours", "mango / ours")
    for heading in ("prosumers", "T", "faults", *names, *ratios, "peak B/message"):
        shown.add_column(heading, justify="right")
    for case in done:
        each = (f"{case['ns_per_message'][n]:,.0f}" if n in case["ns_per_message"] else "" for n in names)
        faster = (f"{case['faster_than'][n]:,.0f} x" if n in case["faster_than"] else "" for n in ("mesa", "mango"))
        shown.add_row(
            f"{case['prosumers']:,}",
            str(case["periods"]),
            "on" if case["faults"] else "off",
            *each,
            *(f"{case['times'][name]:.2f} x" for name in ("bare loop", "tiled loop")),
            *faster,
            f"{case['peak_bytes_per_message']:,.0f}",
        )
    return shown


if __name__ == "__main__":
    typer.run(main)

"""One case: a market of one size, and all contestants on it."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

from gridparley.environment.faults import Delay, Duplicate, Loss
from gridparley.protocols import DualDecomposition, Market
from gridparley.runs.scenario.generators.microgrids import Microgrids
from gridparley.runs.simulation.simulation import Simulation

from .contest import Chunk, Contest, apart
from .floor import Floor
from .objects import ObjectModel

__all__ = ["FAULTS", "one_case"]

STEP_SIZE = 5e-4
FAULTS = {"loss": "10 %", "delay": "0..3 ticks", "duplicate": "10 %"}


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
    Microgrids(microgrids=2, prosumers=2).market().topology.diameter  # noqa: B018 - what is loaded then is not counted
    tracemalloc.start()
    simulation = Simulation(market, DualDecomposition(step_size=STEP_SIZE), faults() if faulty else [], cost_every=0)
    simulation.run(10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (simulation.journal.totals["sent"] / simulation.tick)


def contestants(
    market: Market, faulty: bool, rounds: int, messages: int, limits: dict[str, int]
) -> dict[str, Callable[[], Chunk]]:
    """Return, by name, what makes each contestant's chunk."""
    size = len(market.populations[1].address)
    ticks = max(12, rounds * 2) if faulty else rounds * 2

    def simulation(**options: Any) -> Chunk:
        model = Simulation(market, DualDecomposition(step_size=STEP_SIZE), faults() if faulty else [], **options)
        return ticking(model, lambda: model.journal.totals["sent"], ticks)

    def mesa() -> Chunk:
        model = ObjectModel(market, STEP_SIZE, faults=faulty)
        return ticking(model, lambda: model.sent, 12 if faulty else 4)

    def mango() -> Chunk:
        from .mango_world import MangoModel  # a dependency of the benchmark alone

        world = MangoModel(market, STEP_SIZE)
        return ticking(world, lambda: world.sent, 2)

    found: dict[str, Callable[[], Chunk]] = {
        "gridparley": partial(simulation, cost_every=0),
        "with cost": simulation,
        "bare loop": lambda: looping(Floor(market, STEP_SIZE, tiled=False), rounds, messages),
        "tiled loop": lambda: looping(Floor(market, STEP_SIZE, tiled=True), rounds, messages),
    }
    if size <= limits["mesa"]:
        found["mesa"] = mesa
    if size <= limits["mango"] and not faulty:
        found["mango"] = mango
    return found


def one_case(size: int, periods: int, faulty: bool, limits: dict[str, int], repeats: int) -> dict[str, Any]:
    """Time all contestants of one case, a chunk of each in turn."""
    market = Microgrids(microgrids=max(1, size // 100), topology="ring", prosumers=100, periods=periods).market()
    rounds = max(3, min(50, 2_000_000 // (size * periods)))
    messages = apart(lambda: check_floor(market))
    makers = contestants(market, faulty, rounds, messages, limits)
    nanoseconds: dict[str, list[float]] = {name: [] for name in makers}
    with Contest(makers) as contest:
        for turn in range(repeats):
            for name in makers:
                if name == "mango" and turn > 1 and nanoseconds[name][0] * size > 5e9:
                    continue  # it takes too long to be asked often
                seconds, number = contest.turn(name)
                nanoseconds[name].append(seconds / number * 1e9)
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
        "peak_bytes_per_message": apart(lambda: peak_memory(market, faulty)),
    }

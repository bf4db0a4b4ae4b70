"""Doing recorded ticks again: to go to one of them, to go on after the last, and to see that they come out the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...common.errors import RunError
from ...common.plugins import permitting
from ...simulation.simulation import Simulation
from ..files.folder import PriceRecord
from ..files.own_files import Code
from ..reading import Record
from ..tables.column_codec import Block, Columns, Packer, first_difference
from ..tables.tick_tables import TickReader
from .checkpoint import faults_of, last_checkpoint, read_checkpoint, repeat_commands
from .snapshot import SnapshotError

__all__ = ["Restored", "Watch", "go_to", "repeat", "restored_at"]

Watch = Callable[[Simulation], None]


@dataclass(frozen=True)
class Restored:
    """A run as it was before some tick.

    Attributes
    ----------
    simulation
    reader : that has followed it
    prices : recorded so far, as `RunFolder` wants them
    start : the tick from which it was done again
    """

    simulation: Simulation
    reader: TickReader
    prices: PriceRecord
    start: int


def go_to(record: Record, tick: int, watch: Watch | None = None, *, code: Code = Code.UNCHANGED) -> Restored:
    """Bring a run back to where it was before a tick: from the last checkpoint, and what follows is done again.

    Parameters
    ----------
    record
    tick : 0 to the number of recorded ticks
    watch : called after each tick that is done again
    code : which code of the user's may run

    Raises
    ------
    RunError
        A tick comes out otherwise than recorded, even from the start; or code may not run.
    """
    if not 0 <= tick <= record.ticks:
        raise RunError(f"{record.path}: holds ticks 0 to {record.ticks - 1}, and cannot go to {tick}")
    start = last_checkpoint(record.base, tick)
    while True:
        try:
            restored = restored_at(record, start, code)
            differs = repeat(record, restored, tick, watch)
        except SnapshotError:
            if not start:
                raise
            differs = "the checkpoint leads elsewhere"
        if differs is None:
            return restored
        if not start:
            raise RunError(
                f"{record.path}: cannot be continued: {differs}. "
                f"It was written by gridparley {record.header['code_version']}; nothing was changed"
            )
        start = 0  # a checkpoint that does not lead where the run went is no use; the start is always there


def restored_at(record: Record, start: int, code: Code) -> Restored:
    """Return a run as it was before its first tick, or at a checkpoint; see `go_to`."""
    scenario = record.scenario(code)
    with permitting(record.permit(code)):  # once and for all, before the first tick
        for command in record.commands:
            faults_of(command)
    simulation = scenario.simulation(one_by_one=record.header["one_by_one"], seed=record.header["seed"])
    reader, prices = TickReader(simulation, record.packer), PriceRecord(scenario.spec.report.transfer_price_sign)
    if start:
        read_checkpoint(record.base, start, simulation, reader.causality, record.commands)
        _remember(record, start, simulation, prices)
        reader.skip()
    repeat_commands(simulation, record.commands)
    return Restored(simulation, reader, prices, start)


def _remember(record: Record, start: int, simulation: Simulation, prices: PriceRecord) -> None:
    """Write the ticks before a checkpoint where they would stand if they had been done."""
    journal, rounds = simulation.journal, -1.0
    collected = simulation.datacollector.model_vars
    for frame in record.states(0, start):
        for kind, fate, reason, number in frame.counts:
            journal.count(frame.tick, kind, fate, number, reason)
        for name, value in frame.metrics.items():
            collected[name].append(value if name not in _WHOLE else int(value))
        if frame.metrics["round"] > rounds:
            if rounds >= 0.0:
                simulation.observer.rounds.append((frame.metrics["primal_residual"], frame.metrics["dual_residual"]))
            rounds = frame.metrics["round"]
        prices.note(frame.tick, frame)


_WHOLE = ("round", "sent", "lost", "in_flight")
"""Metrics that are whole numbers, which a record keeps as floats."""


def repeat(
    record: Record,
    restored: Restored,
    tick: int,
    watch: Watch | None,
    between: Callable[[], str | None] = lambda: None,
) -> str | None:
    """Do ticks again; return the first that comes out otherwise, None if all come out the same.

    `between` is called where the recorder writes a checkpoint, before anything is changed for the next tick, and returns
    what is wrong there.
    """
    simulation = restored.simulation
    while simulation.tick < tick:
        simulation.step()
        if differs := _difference(
            record, simulation.tick - 1, restored.reader.read(simulation), restored.reader.packer
        ):
            return f"tick {simulation.tick - 1} ({differs}) comes out otherwise than recorded"
        if wrong := between():
            return wrong
        restored.prices.watch(simulation)
        repeat_commands(simulation, record.commands)
        if watch is not None:
            watch(simulation)
    return None


def _difference(record: Record, tick: int, again: tuple[int, int, Block, Block], packer: Packer) -> str | None:
    """Return in what a tick done again, as `TickReader.read` tells it, differs from the record first; None if in nothing."""
    first, since, *blocks = again
    recorded, *mine = record.blocks(tick)
    for one, other in zip(mine, blocks, strict=True):
        # Another release of zstd may compress in another way; what counts is what is in it.
        if one == other:
            continue
        found, wanted = record.packer.unpack(one), packer.unpack(other)
        if differs := first_difference(found, wanted):
            return _metric(record, found, wanted) if differs == "metric" else differs
    if (recorded, record.since(tick)) != (first, since):
        return "first" if recorded != first else "since"
    return None


def _metric(record: Record, found: Columns, wanted: Columns) -> str:
    """Return which metric differs."""
    both = zip(record.shape.metrics, found["metric"].tolist(), wanted["metric"].tolist(), strict=True)
    return next((f"metric {name}" for name, one, other in both if repr(one) != repr(other)), "metric")

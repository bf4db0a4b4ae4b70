"""Doing recorded ticks again: to go to one of them, to go on after the last, and to see that they come out the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....environment import Fate
from ...common.errors import RunError
from ...common.plugins import permitting
from ...simulation.simulation import Simulation
from ..folder import PriceRecord
from ..frames import Frame
from ..own_files import Code
from ..reading import Record
from ..record import check_pages
from ..tick_tables import TickReader
from .checkpoint import faults_of, last_checkpoint, read_checkpoint, repeat_commands
from .snapshot import SnapshotError

__all__ = ["Checked", "Restored", "check_record", "go_to"]

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
            restored = _restored(record, start, code)
            differs = _repeat(record, restored, tick, watch)
        except SnapshotError:
            if not start:
                raise
            differs = "checkpoint"
        if differs is None:
            return restored
        if not start:
            raise RunError(
                f"{record.path}: cannot be continued: {differs} comes out otherwise than recorded. "
                f"It was written by gridparley {record.header['code_version']}; nothing was changed"
            )
        start = 0  # a checkpoint that does not lead where the run went is no use; the start is always there


def _restored(record: Record, start: int, code: Code) -> Restored:
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


def _repeat(record: Record, restored: Restored, tick: int, watch: Watch | None) -> str | None:
    """Do ticks again; return the first that comes out otherwise, None if all come out the same."""
    simulation = restored.simulation
    while simulation.tick < tick:
        simulation.step()
        _, _, state, messages = restored.reader.read(simulation)
        if differs := record.compare(simulation.tick - 1, state, messages, restored.reader.packer):
            return f"tick {simulation.tick - 1} ({differs})"
        restored.prices.watch(simulation)
        repeat_commands(simulation, record.commands)
        if watch is not None:
            watch(simulation)
    return None


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes
    ----------
    ticks : compared
    messages : said in them
    wrong : in words, what is wrong first; None if nothing is
    """

    ticks: int
    messages: int
    wrong: str | None


def check_record(record: Record, watch: Watch | None = None, *, code: Code = Code.UNCHANGED) -> Checked:
    """Do a recorded run again from scratch and compare every bit of every tick.

    Also looked at: every page of the file, conservation of messages, and where the last checkpoint leads.
    """
    flying = said = tick = 0
    try:
        check_pages(record.base, record.path)
        restored = _restored(record, 0, code)
        for tick in range(record.ticks):
            frame = record.frame(tick)
            said += sum(len(each) for each in frame.said.values())
            flying += _change(frame)
            if flying != int(frame.metrics["in_flight"]):
                return Checked(tick, said, f"tick {tick}: {flying} messages should be in flight")
            if differs := _repeat(record, restored, tick + 1, watch):
                return Checked(tick, said, f"{differs} comes out otherwise than recorded")
        if last_checkpoint(record.base, record.ticks) and go_to(record, record.ticks, code=code).start == 0:
            return Checked(record.ticks, said, "the last checkpoint does not lead where the run went")
    except RunError as error:
        return Checked(tick, said, str(error))
    return Checked(record.ticks, said, None)


def _change(frame: Frame) -> int:
    """Return by how much the number of messages in flight changes in a tick: sent + copied - all that ended."""
    copied = sum(number for _, fate, _, number in frame.counts if fate is Fate.COPIED)
    return sum(len(each) for each in frame.said.values()) + copied - sum(len(each) for each in frame.ended)

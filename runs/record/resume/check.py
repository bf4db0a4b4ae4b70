"""Checking a record: everything that it says of a run, compared with the run done again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

from ....environment import Fate
from ...common.errors import USER_ERRORS
from ..files.own_files import Code, changed
from ..frames import Frame
from ..reading import Record
from ..record import check_pages
from ..recorder import CHECKPOINT_TICKS
from ..tables.column_codec import first_difference
from ..tables.header import header_of, machine, world_of
from .checkpoint import checkpoint_text, last_checkpoint, stored_text, wrong_arrays
from .replay import Restored, Watch, go_to, repeat, restored_at
from .snapshot import SnapshotError

__all__ = ["Checked", "check_record", "remarks_on"]

NOT_COMPARED = ("code_version", "machine", "files", "no_checkpoint", "branch_of", "branch_tick")
"""What a header says that doing a run again cannot tell, or that has a check or a remark of its own."""
SHOWN_MAX = 80


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes
    ----------
    ticks : compared
    messages : said in them
    found : in words, everything that is wrong; of the ticks the first
    again : the run done again, after its last recorded tick; None where it could not be
    """

    ticks: int
    messages: int
    found: tuple[str, ...]
    again: Restored | None

    @property
    def wrong(self) -> str | None:
        """What is wrong first; None if nothing is."""
        return self.found[0] if self.found else None


def remarks_on(record: Record) -> list[str]:
    """Return in words where this machine, this release and the user's files are others than the record's."""
    there, here, found = record.header.get("machine"), machine(), []
    if there != here:
        names = ", ".join(f"{key} {_short(there.get(key))}, here {_short(here[key])}" for key in here) if there else ""
        found.append(
            "recorded on another machine, whose logarithms, exponentials and powers may differ in the last bit: "
            + (names or "which one it does not say")
        )
    if (code := record.header["code_version"]) != version("gridparley"):
        found.append(f"recorded by gridparley {code}, done again by {version('gridparley')}")
    return found + changed(record.header["files"])


def check_record(record: Record, watch: Watch | None = None, *, code: Code = Code.UNCHANGED) -> Checked:
    """Do a recorded run again from scratch and compare every bit of every tick, the header and every table.

    Also looked at: every page of the file, conservation of messages, and every checkpoint.

    Parameters
    ----------
    record
    watch : called after each tick that is done again
    code : which code of the user's may run
    """
    found: list[str] = []
    counted = _Counted()
    again: Restored | None = None
    try:
        check_pages(record.base, record.path)
        again = restored_at(record, 0, code)
        found += [*_header(record, again), *_world(record, again)]
        if (wrong := _ticks(record, again, counted, watch)) is not None:
            return Checked(counted.ticks, counted.messages, (*found, wrong), None)
        found += [f"the array {name} of a checkpoint is not what it was" for name in wrong_arrays(record.base)]
        if last_checkpoint(record.base, record.ticks) and go_to(record, record.ticks, code=code).start == 0:
            found.append("the last checkpoint does not lead where the run went")
    except USER_ERRORS as error:
        return Checked(counted.ticks, counted.messages, (*found, str(error)), None)
    return Checked(counted.ticks, counted.messages, tuple(found), again)


@dataclass
class _Counted:
    ticks: int = 0
    messages: int = 0
    flying: int = 0


def _ticks(record: Record, again: Restored, counted: _Counted, watch: Watch | None) -> str | None:
    """Compare tick by tick; return what is wrong first."""
    checkpoints = {tick for (tick,) in record.base.execute("SELECT tick FROM checkpoint")}
    if stray := sorted(tick for tick in checkpoints if not 0 < tick <= record.ticks):
        return f"a checkpoint before tick {stray[0]}, of {record.ticks} ticks"
    for tick in range(record.ticks):
        frame = record.frame(tick)
        counted.messages += sum(len(each) for each in frame.said.values())
        counted.flying += _change(frame)
        if counted.flying != int(frame.metrics["in_flight"]):
            return f"tick {tick}: {counted.flying} messages should be in flight"
        there = tick + 1 in checkpoints
        if wrong := repeat(record, again, tick + 1, watch, partial(_checkpoint, record, again, there)):
            return wrong
        counted.ticks = tick + 1
    return None


def _checkpoint(record: Record, again: Restored, there: bool) -> str | None:
    """Compare a checkpoint with what one would be that was taken now."""
    tick = again.simulation.tick
    if not there:
        due = tick % CHECKPOINT_TICKS == 0 and again.simulation.day is None and "no_checkpoint" not in record.header
        return f"the checkpoint before tick {tick} is missing" if due else None
    try:
        same = stored_text(record.base, tick) == checkpoint_text(again.simulation, again.reader.causality)[0]
    except SnapshotError as error:
        return str(error)
    return None if same else f"the checkpoint before tick {tick} holds another state"


def _header(record: Record, again: Restored) -> Iterator[str]:
    """Yield what a header says otherwise than that of the run done again."""
    header = record.header
    told = {name: header[name] for name in ("one_by_one", "command", "reference")}
    scenario = record.scenario()
    wanted = json.loads(json.dumps(header_of(scenario, again.simulation, **told)))
    # A file that has changed makes another scenario of it, and has a remark of its own.
    other = {"scenario_hash"} if changed(header["files"]) else set()
    for name in sorted({*wanted, *header} - {*NOT_COMPARED} - other):
        if name not in wanted:
            yield f"the header says {name}, which no record of this release says"
        elif header[name] != wanted[name]:
            yield f"the header says {name} = {_short(header[name])}; done again it is {_short(wanted[name])}"
    if header["seed"] != scenario.spec.run.seed:
        yield f"the header says seed = {header['seed']}; its scenario says {scenario.spec.run.seed}"


def _world(record: Record, again: Restored) -> Iterator[str]:
    """Yield the tables of what never changes that differ, by table and column."""
    wanted = world_of(again.simulation)
    names = [name for (name,) in record.base.execute("SELECT name FROM world ORDER BY name")]
    for name in sorted({*names, *wanted}):
        if name not in wanted or name not in names:
            yield f"the table {name} {'is missing' if name in wanted else 'belongs to no such run'}"
            continue
        packed = again.reader.packer.unpack(again.reader.packer.pack(wanted[name]))
        other = {column.rpartition(".")[2]: values for column, values in packed.items()}
        if differs := first_difference(record.world(name), other):
            yield f"the table {name} says otherwise in {differs} than the run done again"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 4]} ..."


def _change(frame: Frame) -> int:
    """Return by how much the number of messages in flight changes in a tick: sent + copied - all that ended."""
    copied = sum(number for _, fate, _, number in frame.counts if fate is Fate.COPIED)
    return sum(len(each) for each in frame.said.values()) + copied - sum(len(each) for each in frame.ended)

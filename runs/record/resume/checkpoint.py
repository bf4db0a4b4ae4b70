"""Checkpoints: the whole state of a run between two ticks, from which it goes on to the last bit."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ....environment.faults import Fault
from ...common.errors import RunError
from ...scenario.fault_text import read_fault_table
from ...simulation.simulation import Simulation
from ..causality import Causality
from ..tables.column_codec import CODEC, inflated
from .snapshot import SnapshotError, put_back, take

__all__ = [
    "arrays_of",
    "checkpoint_text",
    "faults_of",
    "last_checkpoint",
    "read_checkpoint",
    "repeat_commands",
    "stored_text",
    "write_checkpoint",
    "wrong_arrays",
]

PROOF_TICKS = 4
"""Ticks that are always done again after a checkpoint and compared: two rounds, in which it shows if it lacked anything."""


_FOUND_ANEW = ("_places", "_channels", "_coordinator")
"""What causality looks up in the topology."""


def _world(simulation: Simulation, causality: Causality) -> dict[str, Any]:
    """Return everything that has state. No generator has: every draw is keyed. The past is in the record's ticks."""
    observer = {name: value for name, value in vars(simulation.observer).items() if name != "rounds"}
    societies = [simulation.market.virtual, *(population.society for population in simulation.market.populations)]
    return {
        "societies": societies,
        "roles": [role.snapshot() for role in simulation.roles],
        "transport": simulation.transport,
        "state": simulation.state,
        "observer": observer,
        "causality": {name: value for name, value in vars(causality).items() if name not in _FOUND_ANEW},
    }


def write_checkpoint(base: sqlite3.Connection, simulation: Simulation, causality: Causality) -> None:
    """Write a checkpoint into the transaction that is open; arrays that are there already are not written again.

    Raises
    ------
    SnapshotError
        An agent or role holds what cannot be saved; says which.
    """
    text, arrays = checkpoint_text(simulation, causality)
    for name, plain in arrays.items():
        if not base.execute("SELECT 1 FROM array WHERE hash = ?", (name,)).fetchone():
            data = CODEC.compress(pa.py_buffer(plain), asbytes=True)
            base.execute("INSERT INTO array VALUES (?, ?, ?)", (name, plain.nbytes, data))
    data = len(text).to_bytes(8, "little") + CODEC.compress(text, asbytes=True)
    base.execute("INSERT OR REPLACE INTO checkpoint VALUES (?, ?)", (simulation.tick, data))


def checkpoint_text(simulation: Simulation, causality: Causality) -> tuple[bytes, dict[bytes, Any]]:
    """Return a checkpoint of a run as it stands, as JSON, and the bytes of the arrays that it names by their hashes.

    Raises
    ------
    SnapshotError
        An agent or role holds what cannot be saved; says which.
    """
    if simulation.day is not None:
        raise SnapshotError("a day of several periods has none")
    saved, arrays = take(_world(simulation, causality))
    names, plain = [], {}
    for array in arrays:
        flat = array.reshape(-1).view(np.uint8) if array.size else np.empty(0, dtype=np.uint8)
        names.append(hashlib.blake2b(flat.data, digest_size=16).digest())
        plain[names[-1]] = flat
    told = {"commands": len(simulation.commands), "world": saved, "arrays": [one.hex() for one in names]}
    return json.dumps(told, separators=(",", ":")).encode(), plain


def stored_text(base: sqlite3.Connection, tick: int) -> bytes:
    """Return a checkpoint that is stored, as JSON.

    Raises
    ------
    SnapshotError
        It is damaged.
    """
    (data,) = base.execute("SELECT data FROM checkpoint WHERE tick = ?", (tick,)).fetchone()
    return _text(data, tick)


def wrong_arrays(base: sqlite3.Connection) -> list[str]:
    """Return the names of stored arrays that do not hold what they are named for."""
    found = []
    for (name,) in base.execute("SELECT hash FROM array ORDER BY hash").fetchall():
        try:
            _array(base, name)
        except (TypeError, ValueError, OSError, RunError):
            found.append(name.hex() if isinstance(name, bytes) else repr(name))
    return found


def last_checkpoint(base: sqlite3.Connection, tick: int) -> int:
    """Return the last tick some ticks before this one before which there is a checkpoint; 0 if there is none."""
    query = "SELECT coalesce(max(tick), 0) FROM checkpoint WHERE tick <= ?"
    return int(base.execute(query, (tick - PROOF_TICKS,)).fetchone()[0])


def arrays_of(base: sqlite3.Connection) -> list[bytes]:
    """Return the names of the arrays that the checkpoints of a record are made of."""
    rows = base.execute("SELECT tick, data FROM checkpoint")
    found = {name for tick, data in rows for name in json.loads(_text(data, tick))["arrays"]}
    return [bytes.fromhex(name) for name in sorted(found)]


def _text(data: Any, tick: int) -> bytes:
    try:
        return inflated((int.from_bytes(data[:8], "little"), data[8:]))
    except (TypeError, ValueError) as error:
        raise SnapshotError(f"the checkpoint before tick {tick} is damaged ({error})") from None


def read_checkpoint(
    base: sqlite3.Connection,
    tick: int,
    simulation: Simulation,
    causality: Causality,
    commands: Sequence[Mapping[str, Any]],
) -> None:
    """Make a simulation, just built, what it was before this tick, but for the past: that is in the record's ticks.

    Raises
    ------
    SnapshotError
        The checkpoint is damaged, or this release builds the world otherwise.
    """
    try:
        saved = json.loads(stored_text(base, tick))
        arrays = [_array(base, bytes.fromhex(one)) for one in saved["arrays"]]
    except (TypeError, ValueError, KeyError, RecursionError, OSError) as error:
        raise SnapshotError(f"the checkpoint before tick {tick} is damaged ({error})") from None
    for command in commands[: saved["commands"]]:
        simulation.tick = command["tick"]
        _repeat(simulation, command)
    world = _world(simulation, causality)
    faults = {fault.name: fault for fault in simulation.transport.schedule.faults}
    try:
        put_back(world, saved["world"], arrays, simulation.kinds, faults)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise SnapshotError(f"the checkpoint before tick {tick} does not fit this world ({error!r})") from None
    for role, kept in zip(simulation.roles, world["roles"], strict=True):
        role.restore(kept)
    vars(simulation.observer).update(world["observer"])
    vars(causality).update(world["causality"])
    simulation.tick = simulation.steps = tick


def _array(base: sqlite3.Connection, name: bytes) -> Any:
    size, data = base.execute("SELECT size, data FROM array WHERE hash = ?", (name,)).fetchone()
    plain = inflated((size, data)) if size else b""
    if hashlib.blake2b(plain, digest_size=16).digest() != name:
        raise ValueError("an array is not what it was")
    return np.frombuffer(plain, dtype=np.uint8)


def repeat_commands(simulation: Simulation, commands: Sequence[Mapping[str, Any]]) -> None:
    """Change the faults as was done before this tick."""
    while len(simulation.commands) < len(commands) and commands[len(simulation.commands)]["tick"] == simulation.tick:
        _repeat(simulation, commands[len(simulation.commands)])


def faults_of(command: Mapping[str, Any]) -> list[Fault]:
    """Build the faults that a command adds."""
    return [read_fault_table(table, f"command in tick {command['tick']}") for table in command["add"]]


def _repeat(simulation: Simulation, command: Mapping[str, Any]) -> None:
    added = faults_of(command)
    if len(simulation.commands) and simulation.commands[-1]["tick"] > command["tick"]:
        raise RunError(f"command in tick {command['tick']}: comes after one of tick {simulation.commands[-1]['tick']}")
    simulation.change_faults(add=added, end=command["end"])

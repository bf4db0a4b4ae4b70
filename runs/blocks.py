"""Blocks: the tables of one tick, as Arrow columns in compressed bytes that are the same whenever the tick is the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..environment import Fate, MessageBatch
from ..environment.journal import Event
from ..protocols import MarketState
from .observer import METRICS
from .simulation import Simulation

__all__ = ["FATES", "Block", "TickReader", "pack", "tick_tables", "unpack"]

Columns = dict[str, npt.NDArray[Any]]
Block = tuple[bytes, int, bytes]
"""Arrow schema, bytes before compression, compressed bytes."""

FATES = tuple(Fate)
X_MAX = 4096
"""Numbers beyond which what everybody proposes is not written out each tick: a replay tells it."""

_CODEC = pa.Codec("zstd", compression_level=1)


def pack(columns: Mapping[str, npt.NDArray[Any]]) -> Block:
    """Return a table as bytes."""
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in columns.values()], names=list(columns))
    raw = batch.serialize()
    return batch.schema.serialize().to_pybytes(), raw.size, _CODEC.compress(raw, asbytes=True)


def unpack(block: Block) -> Columns:
    """Return the columns of a block."""
    schema, size, data = block
    batch = pa.ipc.read_record_batch(
        pa.py_buffer(_CODEC.decompress(data, decompressed_size=size)), pa.ipc.read_schema(pa.py_buffer(schema))
    )
    return {name: batch.column(k).to_numpy(zero_copy_only=False) for k, name in enumerate(batch.schema.names)}


def tick_tables(
    tick: int,
    events: list[Event],
    counts: list[tuple[int, str, Fate, str, int]],
    state: MarketState,
    latest: Mapping[str, float],
    kinds: list[str],
) -> dict[str, Columns]:
    """Return the tables of a tick, by name.

    ``said:KIND`` and ``payload:KIND`` hold what was said, ``way:KIND`` what went on its way and when it is due (left out
    where all messages did and are due in the next tick), ``end`` what left the world in this tick, by which fate and for
    which reason; a message is known by kind, sent tick, channel and copy. Channels and rows are stored as steps.
    """
    tables: dict[str, Columns] = {}
    said: dict[str, MessageBatch] = {}
    ended: list[Event] = []
    for event in events:
        batch, kind = event.batch, event.batch.kind.name
        if event.fate is Fate.SENT:
            said[kind] = batch
            tables[f"said:{kind}"] = {"channel": _steps(batch.channel), "row": _steps(_rows(batch))}
            tables[f"payload:{kind}"] = {
                f"{field.name}.{k}" if field.width > 1 else field.name: np.ascontiguousarray(
                    batch.payload[:, batch.kind.part(field.name).start + k]
                )
                for field in batch.kind.fields
                for k in range(field.width)
            }
        elif event.fate is None:
            if batch is not said.get(kind):
                tables[f"way:{kind}"] = {
                    "channel": _steps(batch.channel),
                    "due": batch.due_ticks,
                    "copy": _copies(batch),
                }
        else:
            ended.append(event)
    reasons = sorted({event.reason for event in ended})
    if ended:
        tables["end"] = _ends(ended, kinds, reasons)
        tables["reason"] = {"text": np.array(reasons, dtype=object)}
    if counts:
        tables["count"] = {
            "kind": np.array([row[1] for row in counts], dtype=object),
            "fate": np.array([str(row[2]) for row in counts], dtype=object),
            "reason": np.array([row[3] for row in counts], dtype=object),
            "count": np.array([row[4] for row in counts], dtype=np.int64),
        }
    tables["metric"] = {name: np.array([float(latest[name])]) for name in METRICS}
    tables["hub"] = {"round": state.round, "stopped": state.stopped, **_by_period("price", state.price)}
    if state.transfer_price.size:
        tables["line"] = _by_period("transfer_price", state.transfer_price.reshape(len(state.transfer_price), -1))
    if sum(x.size for x in state.x) <= X_MAX:
        tables |= {f"x:{k}": _by_period("x", x) for k, x in enumerate(state.x)}
    return tables


def _ends(ended: list[Event], kinds: list[str], reasons: list[str]) -> Columns:
    sizes = [len(event.batch) for event in ended]
    return {
        "kind": np.repeat(np.array([kinds.index(e.batch.kind.name) for e in ended], dtype=np.uint8), sizes),
        "sent": np.repeat(np.array([e.batch.sent for e in ended], dtype=np.int32), sizes),
        "channel": _steps(np.concatenate([e.batch.channel for e in ended])),
        "copy": np.concatenate([_copies(e.batch) for e in ended]),
        "fate": np.repeat(np.array([FATES.index(e.fate) for e in ended if e.fate], dtype=np.uint8), sizes),
        "reason": np.repeat(np.array([reasons.index(e.reason) for e in ended], dtype=np.uint16), sizes),
    }


def _by_period(name: str, values: npt.NDArray[Any]) -> Columns:
    return {f"{name}.{k}": np.ascontiguousarray(values[:, k]) for k in range(values.shape[1])}


def _steps(values: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Differences: neighbours differ by little and always the same, which compresses to almost nothing."""
    steps = np.empty(len(values), dtype=np.int32)
    steps[:1] = values[:1]
    np.subtract(values[1:], values[:-1], out=steps[1:], casting="unsafe")
    return steps


def _rows(batch: MessageBatch) -> npt.NDArray[Any]:
    return np.arange(len(batch), dtype=np.int32) if batch.row is None else batch.row


def _copies(batch: MessageBatch) -> npt.NDArray[np.uint64]:
    return np.zeros(len(batch), dtype=np.uint64) if batch.copy is None else batch.copy


class TickReader:
    """Turns each tick of a simulation into blocks.

    Parameters
    ----------
    simulation : before its first tick; from now on its journal tells what becomes of each message
    """

    def __init__(self, simulation: Simulation) -> None:
        self._journal = simulation.journal
        self._journal.events = []
        self._counted = len(self._journal.rows)
        self._kinds = list(simulation.kinds)

    def blocks(self, simulation: Simulation) -> dict[str, Block]:
        """Return the blocks of the tick that has just ended, by table."""
        events = self._journal.events or []
        counts = self._journal.rows[self._counted :]
        tables = tick_tables(
            simulation.tick - 1, events, counts, simulation.state, simulation.observer.latest, self._kinds
        )
        self._journal.events = []
        self._counted = len(self._journal.rows)
        return {name: pack(columns) for name, columns in tables.items()}

"""Export: a record as Parquet files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..common.errors import RunError
from .files.own_files import Code
from .frames import Frame
from .reading import Record
from .resume.checkpoint import repeat_commands
from .resume.replay import go_to
from .tables.record_tables import answer_tables, message_tables, metrics_table, price_tables

__all__ = ["export"]

GROUP_ROWS = 100_000
"""Rows that are written together."""


def export(
    record: Record, folder: Path, watch: Callable[[str, int], None] | None = None, *, trust: bool = False
) -> list[Path]:
    """Write ``metrics``, ``prices``, ``answers`` and ``messages`` as Parquet files and return their paths.

    Parameters
    ----------
    record
    folder : made if it is not there
    watch : called with a name and a tick, now and then
    trust : of a market too large for answers to be recorded: do the run again for them even where that runs the user's code

    Raises
    ------
    RunError
        They cannot be written; a file that is not whole is not left behind. Or the answers need code that may not run: then
        everything but them is written.
    """
    code = Code.ANY if trust else Code.NONE
    tables: dict[str, Iterable[pa.Table]] = {
        "metrics": metrics_table(record),
        "prices": price_tables(record),
        "messages": message_tables(record, 0, record.ticks),
        "answers": answer_tables(record, _frames(record, code)),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / f"{name}.parquet", _told(name, each, watch), record) for name, each in tables.items()]
    except OSError as error:
        raise RunError(f"{folder}: cannot be written: {error.strerror or error}") from None


def _told(name: str, tables: Iterable[pa.Table], watch: Callable[[str, int], None] | None) -> Iterator[pa.Table]:
    for table in tables:
        if watch is not None and len(table):
            watch(name, table["tick" if "tick" in table.schema.names else "ended"][-1].as_py())
        yield table


def _write(path: Path, tables: Iterable[pa.Table], record: Record) -> Path:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    about = {"scenario": record.header["name"], "scenario_hash": record.header["scenario_hash"]}
    about |= {"seed": str(record.header["seed"]), "code_version": record.header["code_version"]}
    writer: pq.ParquetWriter | None = None
    try:
        for table in _grouped(tables):
            if writer is None:
                writer = pq.ParquetWriter(beside, table.schema.with_metadata(about), compression="zstd")
            writer.write_table(table.replace_schema_metadata(about))
        if writer is not None:
            writer.close()
            beside.replace(path)
    finally:
        if writer is not None and writer.is_open:
            writer.close()
        beside.unlink(missing_ok=True)
    return path


def _grouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= GROUP_ROWS:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def _frames(record: Record, code: Code) -> Iterator[Frame]:
    """Yield the states of all ticks, with the answers, for which a large market is run again."""
    if not record.ticks or record.frame(0).x is not None:
        yield from record.states()
        return
    simulation = go_to(record, 0, code=code).simulation
    for frame in record.states():
        simulation.step()
        yield replace(frame, x=[x.copy() for x in simulation.state.x])
        repeat_commands(simulation, record.commands)

"""The record of a run: one SQLite file that outlives a kill, a full disk and a newer release, or says why it does not.

A transaction holds everything of one tick: what was said and why, what became of each message, the state of all agents, and
every so many ticks a checkpoint. What was written outlives the death of the process. A power cut may cost the last ticks
too, since the disk is not asked to confirm each one; the file stays whole.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..common.errors import RunError
from .files.taken import Taken, take_folder
from .tables.stored_header import read_header

__all__ = [
    "RECORD",
    "SCHEMA_VERSION",
    "STARTING",
    "UNFINISHED",
    "check_pages",
    "create",
    "guarded",
    "open_record",
    "read_whole",
    "record_of",
]

RECORD = "record.sqlite"
"""The record of a run that has ended, in the run's folder."""
UNFINISHED = "unfinished.sqlite"
"""The same while the run is going, so that a run never replaces an older one before it has ended."""

STARTING = ".starting.sqlite"
LOGS = ("-wal", "-shm", "-journal")
"""What SQLite may put beside a file while it is written, after the file's name."""
BUSY_SECONDS = 2.0
"""How long to wait for another process that is reading or writing just now."""

SCHEMA_VERSION = 2
APPLICATION = 0x47725061
"""Says in SQLite's own header whose file it is."""

_TABLES = """
CREATE TABLE header (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE world (name TEXT PRIMARY KEY, size INTEGER, data BLOB);
CREATE TABLE tick (tick INTEGER PRIMARY KEY, first INTEGER, since INTEGER, hash BLOB,
    state_size INTEGER, state BLOB, messages_size INTEGER, messages BLOB);
CREATE TABLE command (number INTEGER PRIMARY KEY, tick INTEGER, json TEXT);
CREATE TABLE checkpoint (tick INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE array (hash BLOB PRIMARY KEY, size INTEGER, data BLOB NOT NULL) WITHOUT ROWID;
"""
"""
`tick`: the number of its first message, the oldest tick from which something is on its way after it, what became of it.
`array`: what checkpoints are made of, by its contents, so that what does not change is kept once.
"""


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into readable ones.

    Raises
    ------
    RunError
        The disk is full, the folder is read-only, the file is damaged, or another process is writing it; says what is kept.
    """
    try:
        yield
    except sqlite3.IntegrityError:
        raise RunError(f"{path}: another process is writing this record") from None
    except sqlite3.DatabaseError as error:
        reason = str(error)
        if "full" in reason or "I/O" in reason:
            raise RunError(
                f"{path}: cannot be written any more ({reason}). The ticks written before are kept: make room, then "
                f"gridparley resume {path.parent}"
            ) from None
        if "readonly" in reason or "unable to open" in reason:
            raise RunError(
                f"{path}: cannot be written ({reason}), and was left as it is; make its folder writable, or copy the run to "
                "one that is"
            ) from None
        if "locked" in reason:
            raise RunError(f"{path}: another process is using this record") from None
        raise RunError(f"{path}: is damaged, and was left as it is ({reason})") from None


@contextmanager
def read_whole(path: Path, what: str) -> Iterator[None]:
    """Turn what damaged contents lead to into a sentence.

    Raises
    ------
    RunError
        They are damaged; says what is.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise RunError(f"{path}: is damaged, and was left as it is ({what}: {reason})") from None


def record_of(folder: Path) -> Path:
    """Return the record in a run's folder, the unfinished one first.

    Raises
    ------
    RunError
        There is none.
    """
    for name in (UNFINISHED, RECORD):
        if (folder / name).is_file():
            return folder / name
    raise RunError(f"{folder} holds no record. gridparley run SCENARIO --out {folder} writes one")


def create(
    path: Path, header: Mapping[str, Any], fill: Callable[[sqlite3.Connection], object], taken: Taken | None = None
) -> sqlite3.Connection:
    """Start a record, instead of whatever is at this path.

    Parameters
    ----------
    path, header
    fill : writes what it holds from the start
    taken : the folder, where the run has taken it; else the record takes it as long as it is open

    Raises
    ------
    RunError
        It cannot be written, or another process is writing there: then nothing is touched.
    """
    own = take_folder(path.parent) if taken is None else None
    # Under another name until it has all that: a kill leaves either no record or one that can be resumed.
    starting = path.with_name(STARTING)
    try:
        for file in (starting, path):
            for old in (file, *(file.with_name(file.name + end) for end in LOGS)):
                old.unlink(missing_ok=True)
        with guarded(path):
            base = sqlite3.connect(starting, isolation_level=None)
            base.executescript(f"PRAGMA page_size=16384; PRAGMA application_id={APPLICATION}; PRAGMA journal_mode=OFF;")
            base.execute("BEGIN")
            for statement in _TABLES.split(";"):
                base.execute(statement)
            base.executemany("INSERT INTO header VALUES (?, ?)", [(key, json.dumps(v)) for key, v in header.items()])
            base.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            fill(base)
            base.execute("COMMIT")
            base.close()
            starting.replace(path)
            return _for_writing(path, own)
    except BaseException:
        if own is not None:
            own.release()
        raise


def open_record(
    path: Path, *, writing: bool = False, taken: Taken | None = None
) -> tuple[sqlite3.Connection, dict[str, Any]]:
    """Open a record, by default only to read it, and return its header too; `taken` as for `create`.

    Raises
    ------
    RunError
        It is no record of ours, a newer release wrote it, or it is damaged.
    """
    try:
        with path.open("rb") as file:
            ours, size = file.read(100), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror or error}") from None
    if ours[:16] != b"SQLite format 3\0" or ours[68:72] != APPLICATION.to_bytes(4, "big"):
        raise RunError(f"{path}: is no record of gridparley")
    wanted = int.from_bytes(ours[28:32], "big") * (int.from_bytes(ours[16:18], "big") % 65535 or 65536)
    # With a log beside it, the log may hold what the file lacks.
    if size < wanted and not path.with_name(path.name + "-wal").exists():
        raise RunError(f"{path}: is damaged, and was left as it is ({size} bytes are left of {wanted})")
    with guarded(path):
        base = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_SECONDS
        )
        version = base.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            base.close()
            which = "a newer" if version > SCHEMA_VERSION else "an older"
            raise RunError(
                f"{path}: was written by {which} gridparley (schema {version}; this one reads {SCHEMA_VERSION})"
            )
        try:
            header = read_header(path, base.execute("SELECT key, value FROM header"))
        except BaseException:
            base.close()
            raise
        if writing:
            base.close()
            base = _for_writing(path, take_folder(path.parent) if taken is None else None)
    return base, header


def check_pages(base: sqlite3.Connection, path: Path) -> None:
    """Read every page.

    Raises
    ------
    RunError
        One is damaged.
    """
    with guarded(path):
        verdict = base.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise RunError(f"{path}: is damaged, and was left as it is ({verdict.splitlines()[-1]})")


class _Writing(sqlite3.Connection):
    """A connection that keeps its folder to itself as long as it is open, where no run does."""

    taken: Taken | None = None

    def close(self) -> None:
        super().close()
        if self.taken is not None:
            self.taken.release()


def _for_writing(path: Path, taken: Taken | None) -> sqlite3.Connection:
    base = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, factory=_Writing)
    base.taken = taken
    # In WAL mode NORMAL never breaks the file. Moving pages from the log to the file in larger pieces costs less.
    base.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=2048;")
    return base


def close_as_one_file(base: sqlite3.Connection, path: Path) -> None:
    """Close a record that was written, with everything in the one file, unless another process is reading it just now.

    Raises
    ------
    RunError
        The disk is full; then the log beside the file holds what the file lacks.
    """
    try:
        with guarded(path):
            base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with suppress(
                sqlite3.OperationalError
            ):  # another process has it open; then it needs its folder to be writable
                base.execute("PRAGMA journal_mode=DELETE")
    finally:
        base.close()


def is_one_file(path: Path) -> bool:
    """Tell whether nothing of a record stands in the log beside it."""
    log = path.with_name(f"{path.name}-wal")
    return not (log.exists() and log.stat().st_size)

"""A folder that is taken: as long as one process writes there, no other does."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from ...common.errors import RunError

try:
    import fcntl
except ImportError:  # not available on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["LOCK", "Taken", "take_folder"]

LOCK = ".writing"
"""Says who is writing, where the system can lock no folder."""


@dataclass
class Taken:
    """A folder that this run alone writes to, until it is released or the process dies.

    Attributes
    ----------
    path
    """

    path: Path
    _held: int | None = field(default=None, repr=False)
    _lock: Path | None = field(default=None, repr=False)

    def release(self) -> None:
        """Let others write there; a no-op the second time."""
        if self._lock is not None:
            self._lock.unlink(missing_ok=True)
            self._lock = None
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def take_folder(path: Path) -> Taken:
    """Take a folder before anything in it is touched.

    The lock is the system's and ends with the process, however that ends. Where there is none for folders (Windows, some
    network drives), a file holds the number of the process, and that of one that has died counts no more.

    Raises
    ------
    RunError
        Another run is writing there, or the folder cannot be opened.
    """
    try:
        return Taken(path, _held=_locked(path))
    except BlockingIOError:
        raise RunError(f"{path}: another process is writing this record, and everything was left as it is") from None
    except _NoLocks:
        return Taken(path, _lock=_signed(path))
    except OSError as error:
        raise RunError(f"{path}: cannot be opened: {error.strerror or error}") from None


class _NoLocks(Exception):
    """The system has no locks for folders."""


def _locked(path: Path) -> int:
    if fcntl is None:
        raise _NoLocks
    held = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise
    except OSError:
        os.close(held)
        raise _NoLocks from None
    return held


def _signed(path: Path) -> Path:
    """Make a file that only one process can make, with its number."""
    lock = path / LOCK
    for _ in range(2):
        try:
            made = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            _take_away(lock)
            continue
        except OSError as error:
            raise RunError(f"{path}: cannot be written: {error.strerror or error}") from None
        with os.fdopen(made, "w") as file:
            file.write(str(os.getpid()))
        return lock
    raise RunError(f"{path}: another process is writing this record, and everything was left as it is")


def _take_away(lock: Path) -> None:
    """Remove the file of a process that has died.

    Raises
    ------
    RunError
        The process is alive, or has just made the file and not yet written its number.
    """
    owner = _owner(lock)
    if owner is None or _alive(owner):
        who = "another process" if owner is None else f"process {owner}"
        raise RunError(
            f"{lock.parent}: {who} is writing this record, and everything was left as it is; if none is, remove {lock}"
        )
    aside = lock.with_name(f"{LOCK}.{os.getpid()}")
    try:
        lock.rename(aside)  # of two that find it at once only one succeeds
    except OSError:
        return
    if _owner(aside) != owner:  # it was taken meanwhile, by one that is alive
        aside.rename(lock)
    else:
        aside.unlink(missing_ok=True)


def _owner(lock: Path) -> int | None:
    try:
        return int(lock.read_text())
    except (OSError, ValueError):
        return None


def _alive(number: int) -> bool:
    if os.name == "nt":
        return True  # asking would end it there; the sentence says which file to remove
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

"""Files: whether there is one, and writing one so that no reader ever sees half of it."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import RunError

__all__ = ["expanded", "is_file", "write_whole"]


def expanded(name: str) -> Path:
    """Return a path with the user's folder for ``~``; where there is no such user, as it stands."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def is_file(path: Path) -> bool:
    """Tell whether there is a file of this name; what can be no name, being too long or holding a NUL, is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def write_whole(path: Path, text: str) -> None:
    """Write a text beside its place and put it there when it is whole; folders that are not there are made.

    Raises
    ------
    RunError
        It cannot be written; what was there before still is.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        beside.unlink(missing_ok=True)

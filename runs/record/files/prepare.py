"""Taking a folder for a run before its first tick, so that nothing in it is lost that is not the run's own."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ...common.errors import RunError
from ..record import LOGS, RECORD, STARTING, UNFINISHED
from .folder import FIGURES, FILES, REPORT, TABLES
from .result_file import read_result
from .taken import LOCK, Taken, take_folder

__all__ = ["ASIDE", "prepare_folder"]

ASIDE = "unfinished"
"""Where --force puts the record of a run that has not ended: unfinished-1, unfinished-2, ... in the run's folder."""


def prepare_folder(path: Path, *, force: bool = False) -> Taken:
    """Make a folder for a run, take it, and make sure, before the run, that it can be written.

    Parameters
    ----------
    path
    force : also where it holds other people's files, which stay, or a run that has not ended, which is put aside

    Returns
    -------
    The folder, taken until it is released.

    Raises
    ------
    RunError
        It cannot be written, another run is writing there, or it holds anything that is not a run; with `force`, files that
        are no run's and that a run would write over.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from None
    taken = take_folder(path)
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
        others = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith((STARTING, LOCK)))
        _refuse(path, others, force=force)
        if UNFINISHED in others:
            _put_aside(path)
    except OSError as error:
        taken.release()
        raise _unwritable(path, error) from None
    except BaseException:
        taken.release()
        raise
    return taken


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(f"--out {path}: cannot be written: {error.strerror or error}")


def _refuse(path: Path, others: list[str], *, force: bool) -> None:
    if UNFINISHED in others and not force:
        raise RunError(
            f"--out {path}: holds a run that has not ended; gridparley resume {path} ends it, --force starts anew"
        )
    if not others or _holds_run(path):
        return
    if not force:
        raise RunError(
            f"--out {path}: holds {_some(others)} and no run; choose an empty folder or an older run, or say --force"
        )
    written = {*FILES, *FIGURES, REPORT}
    lost = [name for name in others if name in written] + [name for name in TABLES if (path / name).exists()]
    if lost:
        raise RunError(
            f"--out {path}: holds {_some(lost)} and no run; a run would write over them, even with --force: choose "
            "another folder"
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _holds_run(path: Path) -> bool:
    if (path / RECORD).is_file() or (path / UNFINISHED).is_file():
        return True
    try:
        read_result(path)
    except RunError:
        return False
    return True


def _put_aside(path: Path) -> None:
    number = 1
    while (aside := path / f"{ASIDE}-{number}").exists():
        number += 1
    aside.mkdir()
    for name in (UNFINISHED, *(UNFINISHED + end for end in LOGS)):
        if (path / name).exists():
            (path / name).rename(aside / name)

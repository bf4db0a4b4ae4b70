"""Reading the result.json of a run's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...common.errors import RunError
from ..record import RECORD

__all__ = ["read_result", "result_of"]


def read_result(path: Path) -> dict[str, Any]:
    """Read the result.json of a run's folder.

    Raises
    ------
    RunError
        There is none, or it is not a run's.
    """
    file = path / "result.json"
    if not file.is_file():
        raise RunError(f"{path} is no run: it has no result.json. gridparley run SCENARIO --out {path} writes one")
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read: {error}") from None
    if not isinstance(result, dict) or "outcome" not in result:
        raise RunError(f"{file}: holds no result of a run")
    return result


def result_of(record: Path) -> dict[str, Any] | None:
    """Return what became of a recorded run; None where its result.json is lost, or it is unfinished: then it is another's."""
    if record.name != RECORD:
        return None
    try:
        return read_result(record.parent)
    except RunError:
        return None

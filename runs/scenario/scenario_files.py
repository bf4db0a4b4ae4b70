"""Files of scenarios: where they are, what they say, and what they build on."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from ..common.errors import ScenarioError, did_you_mean
from ..common.files import expanded, is_file
from ..common.toml_file import read_toml
from .known_types import TypeFinder
from .settings.changes import Change
from .settings.settings import merge
from .tables.agent_tables import with_tables
from .validation import short

__all__ = ["locate", "scenario_names", "with_base"]


def scenario_names() -> list[str]:
    """Return the names of the built-in scenarios."""
    folder = resources.files(__package__) / "data"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def locate(name: str) -> tuple[Any, Path | None]:
    """Return the file of a scenario, and the folder that relative paths in it start from: None for a built-in one.

    Raises
    ------
    ScenarioError
        There is no such scenario.
    """
    if name in (known := scenario_names()):
        return resources.files(__package__) / "data" / f"{name}.toml", None
    path = expanded(name)
    if is_file(path):
        return path, path.resolve().parent
    hint = did_you_mean(name, known)
    raise ScenarioError(f"no scenario and no file is called {short(name)}{hint} Built in: {', '.join(known)}")


def with_base(path: Any, folder: Path | None, changes: list[Change], depth: int = 0) -> dict[str, Any]:
    """Return what a file says, on top of what it builds on.

    Parameters
    ----------
    path, folder : from `locate`
    changes : takes the facts that were dropped with a changed type
    depth : of files that build on this one

    Raises
    ------
    ScenarioError
        A file is not there, no TOML, or builds on itself.
    """
    raw = read_toml(path, path.name)
    base, raw = raw.pop("base", None), with_tables(raw, folder)
    if base is None:
        return raw
    if not isinstance(base, str):
        raise ScenarioError(f"{path.name}: base = {base!r}; wanted a built-in scenario or the path of a file, as text")
    if depth == 8:
        raise ScenarioError(f"{path.name}: base = {base!r}: scenarios build on each other in a circle, or too deep")
    near = folder / base if folder is not None and is_file(folder / base) else base
    base_path, base_folder = locate(str(near))
    below = with_base(base_path, base_folder, changes, depth + 1)
    # Figures printed by a source are about that source's case, not about what is built on it.
    if isinstance(below.get("report"), dict):
        below["report"].pop("printed", None)
    return merge(below, raw, TypeFinder(folder), path.name, changes)

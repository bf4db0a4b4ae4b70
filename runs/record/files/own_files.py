"""The user's files that a run is made of: kept in its record, and run again only where they are what they were."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from ...common.errors import RunError
from ...common.plugins import Permit, source_of
from ...scenario.scenario import Scenario
from ...scenario.tables.columns import profiles_file
from ...simulation.simulation import Simulation

__all__ = ["Code", "changed", "files_of", "merged", "permit_of", "sources_of", "sources_of_command"]

OURS = __package__.partition(".")[0]


class Code(Enum):
    """Which code of the user's a record may run."""

    NONE = "none"
    """To look at it: a record from elsewhere may name any file."""
    UNCHANGED = "unchanged"
    """To do it again: files that are where they were, with the same content."""
    ANY = "any"
    """What is there now: the user trusts it."""


# What a record keeps ---------------------------------------------------------------------------------------------------


def sources_of(simulation: Simulation) -> list[str]:
    """Return the files and modules of the user's that the types in a simulation come from, in order."""
    market, faults = simulation.market, simulation.transport.schedule.faults
    societies = [market.virtual, *(population.society for population in market.populations)]
    types = [type(each) for each in (simulation.protocol, *societies, *faults)]
    return sorted({source_of(cls) for cls in types if cls.__module__.partition(".")[0] != OURS})


def sources_of_command(command: Mapping[str, Any]) -> list[str]:
    """Return the files and modules of the user's that the faults come from which a command adds."""
    kinds = [str(table.get("kind", "")).rpartition(":")[0] for table in command["add"]]
    return sorted({source for source in kinds if source})


def files_of(sources: Iterable[str], scenario: Scenario | None = None) -> list[dict[str, str]]:
    """Return path, sha256 and text of each file of the user's: code, what it imports beside itself, and CSV data.

    Parameters
    ----------
    sources : paths of Python files, and names of installed modules, none of which is imported
    scenario : whose profiles are added
    """
    found: dict[Path, str] = {}
    for source in sources:
        if source.endswith(".py"):
            path = Path(source).resolve()
            _follow(path, path.parent, source, found)
        else:
            _follow_module(source, found)
    for file in [] if scenario is None else _tables_of(scenario):
        if not file.is_relative_to(_built_in()):
            found.setdefault(file, "")
    return [_entry(path, source) for path, source in sorted(found.items())]


def merged(files: Sequence[dict[str, str]], more: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Return the files of both, one of each path; those that were there first count."""
    return [*files, *(one for one in more if one["path"] not in {known["path"] for known in files})]


def _entry(path: Path, source: str) -> dict[str, str]:
    data = path.read_bytes()
    text = data.decode("utf-8", "surrogateescape")
    return {"path": str(path), "source": source, "sha256": hashlib.sha256(data).hexdigest(), "text": text}


def _tables_of(scenario: Scenario) -> Iterator[Path]:
    """Yield the CSV files that a run reads; all others are numbers in the scenario."""
    if scenario.spec.profiles is not None:
        yield profiles_file(scenario.spec.profiles, scenario.folder).resolve()
    feeder = (scenario.spec.generate.model_extra or {}).get("feeder") if scenario.spec.generate else None
    if isinstance(feeder, str) and feeder.endswith(".csv"):
        yield Path(feeder).resolve()


def _built_in() -> Path:
    return Path(__file__).resolve().parents[3]


def _follow(path: Path, root: Path, source: str, found: dict[Path, str], only: str = "") -> None:
    """Note a file, and every file below a folder that it imports; `only`: of one package."""
    if path in found or not path.is_file():
        return
    found[path] = source
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return  # running it will say what is wrong
    for name in _imported(tree, path, root):
        top = name.partition(".")[0]
        if top == OURS or (only and top != only):
            continue
        for step in range(1, name.count(".") + 2):
            place = root.joinpath(*name.split(".")[:step])
            for file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
                _follow(file, root, source, found, only)


def _imported(tree: ast.Module, path: Path, root: Path) -> Iterator[str]:
    """Yield the names that a file imports, from its root on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = path.parents[node.level - 1] if 0 < node.level <= len(path.parents) else root
            if not above.is_relative_to(root):
                continue
            parts = [*above.relative_to(root).parts, *(node.module or "").split(".")]
            base = ".".join(part for part in parts if part)
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def _follow_module(name: str, found: dict[Path, str]) -> None:
    """Note the files of an installed module, of the packages around it and of what it imports of them; none is run."""
    places: Sequence[str] | None = None
    parts = name.split(".")
    for step in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:step]), places)
        if spec is None:
            return
        if spec.origin is not None and spec.origin.endswith(".py"):
            path = Path(spec.origin).resolve()
            above = step if path.name == "__init__.py" else step - 1
            _follow(path, path.parents[above], name, found, only=parts[0])
        places = list(spec.submodule_search_locations or ())


# What may run again -----------------------------------------------------------------------------------------------------


def permit_of(path: Path, files: Sequence[Mapping[str, str]], code: Code) -> Permit | None:
    """Return what decides which code of the user's may run.

    Parameters
    ----------
    path : of the record
    files : that it keeps, from `files_of`
    code : what it may run

    Raises
    ------
    RunError
        Only unchanged files may run, and one has changed or gone; from the permit: this code may not run.
    """
    if code is Code.ANY:
        return None
    if code is Code.UNCHANGED and (wrong := changed(files)):
        raise RunError(f"{path}: {'; '.join(wrong)}. {_ASK}")
    known = {Path(file["path"]) for file in files} if code is Code.UNCHANGED else set()
    modules = {file["source"] for file in files if not file["source"].endswith(".py")} if known else set()

    def permit(source: str, file: Path | None) -> None:
        if code is Code.NONE:
            raise RunError(f"{path}: names {source}, and looking at a record runs no code but gridparley's. {_ASK}")
        # A relative path would mean another file in another folder: no record that was written here has one.
        written = file in known and Path(source).is_absolute() if file is not None else source in modules
        if not written or (file is None and not _same_module(source, files)):
            raise RunError(f"{path}: names {source}, which it does not keep: it was written elsewhere. {_ASK}")

    return permit


_ASK = "--trust (in Python trust=True) runs what is there now: say it if you know who wrote that"


def changed(files: Sequence[Mapping[str, str]]) -> list[str]:
    """Return in words which files are not what they were."""
    return [words for file in files if (words := _changed(file)) is not None]


def _changed(file: Mapping[str, str]) -> str | None:
    """Return in words what became of a file; None where it is as it was."""
    path = Path(file["path"])
    if not path.is_absolute() or not path.is_file():
        return f"{path} is not there any more"
    size = len(file["text"].encode("utf-8", "surrogateescape"))
    if path.stat().st_size != size or hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
        return f"{path} has changed since"
    return None


def _same_module(name: str, files: Sequence[Mapping[str, str]]) -> bool:
    """Tell whether a module would be loaded from the files that a record keeps."""
    found: dict[Path, str] = {}
    _follow_module(name, found)
    return bool(found) and {str(file) for file in found} <= {file["path"] for file in files}

"""Users' Python files as modules: each folder of them is a package of its own, so that files beside one another can import."""

from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

__all__ = ["PREFIX", "files_beside", "load_file"]

PREFIX = "_gridparley_"
"""What the names of the modules begin with that are made of users' files."""


class _Package:
    """A folder of a user's files, as it was when the first of them was loaded.

    ``from helpers import f`` and ``from .helpers import f`` both find the file beside the one that says so: nothing is put on
    `sys.path`, and two folders may each have their own ``helpers.py``.

    Attributes
    ----------
    name : of the package; another one when a file that was loaded has changed
    loaded : a digest of each file that was loaded from it
    called : files that scenarios name, by the names of their modules
    """

    def __init__(self, folder: Path, number: int) -> None:
        digest = hashlib.blake2b(bytes(folder), digest_size=8).hexdigest()
        self.folder, self.name = folder, f"{PREFIX}{digest}_{number}"
        self.loaded: dict[Path, bytes] = {}
        self.called: dict[str, Path] = {}
        module = ModuleType(self.name)
        module.__path__ = [str(folder)]
        sys.modules[self.name] = module

    def is_current(self) -> bool:
        """Tell whether every file that was loaded still says the same."""
        return all(_digest_of(file) == digest for file, digest in self.loaded.items())

    def has(self, name: str) -> bool:
        """Tell whether a name that a file imports means one beside it, as it does in a script.

        The standard library and this package are never meant by a file that happens to have their name.
        """
        own = name in sys.stdlib_module_names or name == __package__.partition(".")[0]
        return not own and _source(self.folder, name) is not None


_PACKAGES: dict[Path, _Package] = {}
_BY_NAME: dict[str, _Package] = {}


def load_file(path: Path) -> ModuleType:
    """Return the module that a file is, run anew if it or a file that it imports has changed.

    Raises
    ------
    BaseException
        Whatever reading or running it raises.
    """
    folder = path.parent
    package = _PACKAGES.get(folder)
    if package is None or not package.is_current():
        package = _PACKAGES[folder] = _Package(folder, len(_BY_NAME))
        _BY_NAME[package.name] = package
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    name = path.stem.replace(".", "_")  # a dot would stand for a package
    package.called[name] = path
    return importlib.import_module(f"{package.name}.{name}")


def files_beside(path: Path) -> list[Path]:
    """Return the files that were loaded from a file's folder, itself among them."""
    package = _PACKAGES.get(path.parent)
    return [] if package is None else sorted(package.loaded)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        package = _BY_NAME.get(name.partition(".")[0])
        if package is None or not path:
            return None
        within, _, last = name.rpartition(".")
        named = package.called.get(last) if within == package.name else None
        file = named or _source(Path(path[0]), last)
        if file is None:
            return None
        loader = _Loader(name, file, package)
        inner = [str(file.parent)] if file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(name, file, loader=loader, submodule_search_locations=inner)


class _Loader(SourceFileLoader):
    """Runs a file as it stands there, without a cache of compiled code, which may be older by less than a second."""

    def __init__(self, name: str, file: Path, package: _Package) -> None:
        super().__init__(name, str(file))
        self._package = package

    def get_code(self, fullname: str) -> CodeType:
        text = self.get_data(self.path)
        self._package.loaded[Path(self.path)] = _digest(text)
        return self.source_to_code(text, self.path)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": self._import}
        super().exec_module(module)

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Import as Python does, but a name that a file in the folder has from there."""
        if level == 0 and self._package.has(name.partition(".")[0]):
            globals, level = {"__package__": self._package.name, "__name__": f"{self._package.name}.here"}, 1
        return builtins.__import__(name, globals, locals, fromlist or (), level)


def _source(folder: Path, name: str) -> Path | None:
    """Return the file that a module beside others is, None where there is none."""
    for file in (folder / f"{name}.py", folder / name / "__init__.py"):
        if file.is_file():
            return file
    return None


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=16).digest()


def _digest_of(file: Path) -> bytes | None:
    try:
        return _digest(file.read_bytes())
    except OSError:
        return None

"""Types by name: built in, in a user's own file (``heat_pump.py:HeatPump``) or in an installed module."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from .errors import ScenarioError, did_you_mean

__all__ = ["Permit", "find_type", "own_file", "permitting", "source_of", "type_name"]

T = TypeVar("T")

Permit = Callable[[str, Path | None], None]
"""Is asked before a user's code is run: with its source as it is named, and its file; None for an installed module."""

_PREFIX = "_gridparley_"
_permit: ContextVar[Permit | None] = ContextVar("permit", default=None)


@contextmanager
def permitting(permit: Permit | None) -> Iterator[None]:
    """Ask before a user's code is run within: `permit` raises where it must not be; None: all of it may."""
    before = _permit.set(permit)
    try:
        yield
    finally:
        _permit.reset(before)


def find_type(
    name: str, known: Mapping[str, type[T]], base: type[T], *, where: str, folder: Path | None = None
) -> type[T]:
    """Return the class that a name stands for.

    Parameters
    ----------
    name : a name in `known`, ``path/to/file.py:Class`` or ``package.module:Class``
    known : the built-in types
    base : what the class must derive from
    where : the field that holds the name, for errors
    folder : what a relative path starts from; the working folder if None

    Raises
    ------
    ScenarioError
        Nothing is called that, the file cannot be run, or the class is of another sort.
    """
    if name in known:
        return known[name]
    source, colon, attribute = name.rpartition(":")
    if not colon:
        hint = did_you_mean(name, known)
        raise ScenarioError(
            f"{where} = {name!r}: unknown{hint} Known: {', '.join(known)}; or your own, as in my_file.py:{base.__name__}"
        )
    module = _load(source, where, folder)
    try:
        found: Any = getattr(module, attribute)
    except AttributeError:
        raise ScenarioError(f"{where} = {name!r}: {source} has no {attribute!r}") from None
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ScenarioError(f"{where} = {name!r}: {attribute} is not a subclass of {base.__name__}")
    return found


def own_file(text: str, folder: Path | None) -> tuple[Path, str] | None:
    """Return the file and the class that a text such as ``heat_pump.py:HeatPump`` names, None where it names none."""
    source, colon, name = text.rpartition(":")
    if not (colon and source.endswith(".py") and name.isidentifier()):
        return None
    path = ((folder or Path()) / Path(source).expanduser()).resolve()
    return (path, name) if path.is_file() else None


def type_name(cls: type[T], known: Mapping[str, type[T]], name: str) -> str:
    """Return what `find_type` finds a class by, from any folder and in any process: its `name` where it is built in."""
    if known.get(name) is cls and cls.__module__.startswith(__package__.partition(".")[0] + "."):
        return name
    return f"{source_of(cls)}:{cls.__qualname__}"


def source_of(cls: type) -> str:
    """Return what `find_type` finds the code of a class by: the path of a user's file, or the name of a module."""
    module = sys.modules[cls.__module__]
    return str(module.__file__) if module.__name__.startswith(_PREFIX) else module.__name__


def _load(source: str, where: str, folder: Path | None) -> ModuleType:
    permit, in_file = _permit.get(), source.endswith(".py")
    if permit is not None:
        permit(source, ((folder or Path()) / Path(source).expanduser()).resolve() if in_file else None)
    if not in_file:
        try:
            return importlib.import_module(source)
        except (ImportError, ValueError) as error:
            raise ScenarioError(f"{where}: cannot import {source!r}: {error}") from error
    path = ((folder or Path()) / Path(source).expanduser()).resolve()
    if not path.is_file():
        raise ScenarioError(f"{where}: there is no file {path}")
    # One module a path, whatever the file is called, so that two users' files never shadow each other; and a new one when
    # the file has been edited, so that what runs is what stands there.
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ScenarioError(f"{where}: {path} cannot be read: {error.strerror or error}") from None
    name = f"{_PREFIX}{path.stem}_{hashlib.blake2b(bytes(path) + text, digest_size=8).hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ScenarioError(f"{where}: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ScenarioError(f"{where}: {path} cannot be run: {type(error).__name__}: {error}") from error
    return module

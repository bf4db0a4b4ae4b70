"""Types by name: built in, in a user's own file (``heat_pump.py:HeatPump``) or in an installed module."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from .errors import ScenarioError, did_you_mean
from .files import expanded, is_file
from .plugin_files import PREFIX, load_file

__all__ = ["OtherSortError", "Permit", "find_type", "own_file", "permitting", "source_of", "type_name"]

T = TypeVar("T")

Permit = Callable[[str, Path | None], None]
"""Is asked before a user's code is run: with its source as it is named, and its file; None for an installed module."""

_permit: ContextVar[Permit | None] = ContextVar("permit", default=None)


@contextmanager
def permitting(permit: Permit | None) -> Iterator[None]:
    """Ask before a user's code is run within: `permit` raises where it must not be; None: all of it may."""
    before = _permit.set(permit)
    try:
        yield
    finally:
        _permit.reset(before)


class OtherSortError(ScenarioError):
    """A name that stands for something else than a class of the sort that is wanted."""


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
    except Exception as error:  # of a __getattr__ of the module's own
        raise ScenarioError(f"{where} = {name!r}: {source} raised {_told(error)}") from error
    if not (isinstance(found, type) and issubclass(found, base)):
        raise OtherSortError(f"{where} = {name!r}: {attribute} is not a subclass of {base.__name__}")
    _check_type(found, base, f"{where} = {name!r}")
    return found


def _check_type(found: type, base: type, where: str) -> None:
    """Refuse a user's type that no agent, protocol or fault can be made of.

    Raises
    ------
    ScenarioError
        It is the base itself, abstract, or has an `__init__`: what is built of columns or a checkpoint never calls that.
    """
    if found is base:
        raise ScenarioError(f"{where}: {base.__name__} itself says nothing; wanted a subclass")
    said = {name: value for cls in reversed(found.__mro__) for name, value in vars(cls).items()}
    if lacking := [name for name, value in said.items() if getattr(value, "__isabstractmethod__", False)]:
        raise ScenarioError(f"{where}: {found.__name__} is abstract; it does not say {', '.join(lacking)}")
    ours = [cls.__module__.startswith(f"{__package__.partition('.')[0]}.") for cls in found.__mro__]
    for cls in found.__mro__[: ours.index(True)] if any(ours) else ():
        if "__init__" in vars(cls):
            raise ScenarioError(
                f"{where}: {cls.__name__} has an __init__ of its own; wanted annotated fields alone, as in "
                "'power_max: float', from which it is built"
            )


def own_file(text: str, folder: Path | None) -> tuple[Path, str] | None:
    """Return the file and the class that a text such as ``heat_pump.py:HeatPump`` names, None where it names none."""
    source, colon, name = text.rpartition(":")
    if not (colon and source.endswith(".py") and name.isidentifier()):
        return None
    path = ((folder or Path()) / expanded(source)).resolve()
    return (path, name) if is_file(path) else None


def type_name(cls: type[T], known: Mapping[str, type[T]], name: str) -> str:
    """Return what `find_type` finds a class by, from any folder and in any process: its `name` where it is built in."""
    if known.get(name) is cls and cls.__module__.startswith(__package__.partition(".")[0] + "."):
        return name
    return f"{source_of(cls)}:{cls.__qualname__}"


def source_of(cls: type) -> str:
    """Return what `find_type` finds the code of a class by: the path of a user's file, or the name of a module."""
    module = sys.modules[cls.__module__]
    return str(module.__file__) if module.__name__.startswith(PREFIX) else module.__name__


def _load(source: str, where: str, folder: Path | None) -> ModuleType:
    permit, in_file = _permit.get(), source.endswith(".py")
    path = ((folder or Path()) / expanded(source)).resolve() if in_file else None
    if permit is not None:
        permit(source, path)
    if path is None:
        return _import(source, where)
    if not is_file(path):
        raise ScenarioError(f"{where}: there is no file {path}")
    try:
        path.read_bytes()
    except OSError as error:
        raise ScenarioError(f"{where}: {path} cannot be read: {error.strerror or error}") from None
    try:
        return load_file(path)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a file that ends the process when it is imported
        raise ScenarioError(f"{where}: {path} cannot be run: {_told(error, path)}") from error


def _import(source: str, where: str) -> ModuleType:
    if source.startswith("."):
        raise ScenarioError(
            f"{where}: {source!r} begins with a dot; wanted a file, as in my_file.py:Name, or the whole name of a module"
        )
    try:
        return importlib.import_module(source)
    except KeyboardInterrupt:
        raise
    except (ImportError, ValueError) as error:
        raise ScenarioError(f"{where}: cannot import {source!r}: {error}") from error
    except BaseException as error:
        raise ScenarioError(f"{where}: importing {source!r} raised {_told(error)}") from error


def _told(error: BaseException, path: Path | None = None) -> str:
    """Return an error in words, with the line of the file where it was met last."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    text = f": {error}" if str(error) else ""
    return f"{type(error).__name__}{text}" + (f" (line {lines[-1]})" if lines else "")

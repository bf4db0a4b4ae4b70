"""Snapshots: the state of objects as plain data and arrays, taken and put back without any code of theirs.

What is state? Every attribute of an object, and what it holds: numbers, texts, arrays, lists, tuples, dicts, deques, and
objects in turn. So a role, a fault or an agent in a user's own file needs no code to be saved. What a run never changes is
left out and stays what it is in the world that a snapshot is put into: topology, market, protocol, functions, caches.
Two names for one thing stay two names for one thing, arrays that share memory included.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, deque
from collections.abc import Callable, Sequence
from enum import Enum
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from ....environment import Journal, Kind, Topology
from ....environment.faults import Fault
from ....environment.remembered import Remembered
from ....protocols import Market
from ...common.errors import RunError
from ...common.plugin_files import PREFIX

__all__ = ["SnapshotError", "put_back", "take"]

AnyArray = npt.NDArray[Any]

_PLAIN = (bool, int, float, str, type(None))
_KEPT = (Topology, Market, Journal, Remembered, np.dtype, FunctionType, BuiltinFunctionType, MethodType, type)
_CONTAINERS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_LEFT_OUT = ("_names", "_which", "_counted", "last_ask")
"""Attributes of societies that identify the agents, what labels counted last, and where roles tell their asks; no state."""


class SnapshotError(RunError):
    """Something holds what cannot be saved or put back: says where."""


def take(world: dict[str, Any]) -> tuple[Any, list[AnyArray]]:
    """Return the state of everything in a world: JSON, and the arrays that it refers to by their place.

    Raises
    ------
    SnapshotError
    """
    taker = _Taker()
    try:
        return taker.saved(world, ""), taker.arrays
    except RecursionError:
        raise SnapshotError("the world's objects are nested too deeply to be saved") from None


class _Taker:
    def __init__(self) -> None:
        self.arrays: list[AnyArray] = []
        self._places: dict[int, int] = {}
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []  # so that no id is used again meanwhile

    def saved(self, value: Any, where: str) -> Any:
        if type(value) in _PLAIN:
            return value
        if isinstance(value, np.generic):
            return ["scalar", value.dtype.str, value.item()]
        if isinstance(value, Enum):
            return ["enum", _class(value), value.name]
        if isinstance(value, Kind):
            return ["kind", value.name]
        if isinstance(value, Fault):
            return ["fault", value.name]
        if isinstance(value, _KEPT) or (isinstance(value, BaseModel) and value.model_config.get("frozen")):
            return ["kept", _label(value)]
        if id(value) in self._numbers:
            return ["seen", self._numbers[id(value)]]
        self._numbers[id(value)] = len(self._numbers)
        self._alive.append(value)
        return self._new(value, where)

    def _new(self, value: Any, where: str) -> list[Any]:
        if isinstance(value, np.ndarray):
            return self._array(value, where)
        if isinstance(value, dict):
            pairs = [
                [self.saved(k, where), self.saved(v, f"{where}[{k!r}]" if where else str(k))] for k, v in value.items()
            ]
            return ["counter" if isinstance(value, Counter) else "dict", pairs]
        if isinstance(value, deque):
            return ["deque", value.maxlen, [self.saved(v, f"{where}[{k}]") for k, v in enumerate(value)]]
        if type(value) in _CONTAINERS.values():
            found = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
            return [type(value).__name__, [self.saved(v, f"{where}[{k}]") for k, v in enumerate(found)]]
        if isinstance(value, Sequence) or not hasattr(value, "__dict__") or _slots(type(value)):
            raise SnapshotError(f"{where or 'the world'} is a {type(value).__name__}, which cannot be saved")
        saved = {k: self.saved(v, f"{where}.{k}") for k, v in vars(value).items() if k not in _LEFT_OUT}
        return ["object", _class(value), saved]

    def _array(self, value: AnyArray, where: str) -> list[Any]:
        if value.dtype.hasobject:
            raise SnapshotError(f"{where} is an array of objects, which cannot be saved")
        owner = value
        while value.size and isinstance(owner.base, np.ndarray):
            owner = owner.base
        if not owner.flags.c_contiguous:
            owner = owner.T
        if not (owner.flags.c_contiguous and np.may_share_memory(owner, value)):
            writeable = value.flags.writeable
            owner = value = value.copy(order="C")
            value.setflags(write=writeable)
        start = owner.__array_interface__["data"][0]
        if start not in self._places or self.arrays[self._places[start]].nbytes < owner.nbytes:
            self._places[start] = len(self.arrays)
            self.arrays.append(owner)
            self._alive.append(owner)
        offset = value.__array_interface__["data"][0] - start
        place = self._places[start]
        return ["array", place, value.dtype.str, offset, value.shape, value.strides, value.flags.writeable]


def put_back(
    world: dict[str, Any], saved: Any, arrays: list[AnyArray], kinds: dict[str, Kind], faults: dict[str, Fault]
) -> None:
    """Make a world, just built from the same scenario, what it was when the snapshot was taken.

    Parameters
    ----------
    world
    saved, arrays : from `take`
    kinds, faults : by name

    Raises
    ------
    SnapshotError
        The world was built otherwise.
    """
    giver = _Giver([np.frombuffer(bytearray(array.tobytes()), dtype=np.uint8) for array in arrays], kinds, faults)
    giver.number(world)
    for key, value in saved[1]:
        world[key] = giver.given(world[key], value, key)


class _Giver:
    def __init__(self, memory: list[AnyArray], kinds: dict[str, Kind], faults: dict[str, Fault]) -> None:
        self._memory, self._kinds, self._faults = memory, kinds, faults
        self._values: list[Any] = []
        self._makers: dict[str, Callable[..., Any]] = {
            "array": self._array,
            "dict": self._dict,
            "counter": self._dict,
            "deque": self._deque,
            "object": self._object,
        }

    def number(self, value: Any) -> int:
        self._values.append(value)
        return len(self._values) - 1

    def given(self, now: Any, saved: Any, where: str) -> Any:
        """Return what was saved; `now` is what stands there in a world just built, None where there is nothing."""
        if not isinstance(saved, list):
            return saved
        match saved:
            case ["scalar", dtype, item]:
                return np.dtype(dtype).type(item)
            case ["enum", name, member]:
                return _found(name, where)[member]
            case ["kind", name]:
                return self._kinds[name]
            case ["fault", name]:
                return self._faults[name]
            case ["seen", number]:
                return self._values[number]
            case ["kept", label]:
                if now is None or _label(now) != label:
                    raise SnapshotError(f"{where} was {label}, and is not that in a world just built")
                return now
            case [("list" | "tuple" | "set" | "frozenset") as name, _]:
                return self._sequence(now, saved[1], name, where)
        return self._makers[saved[0]](now, saved, where)

    def _array(self, now: Any, saved: Any, where: str) -> AnyArray:
        array = self._view(saved)
        self.number(array)
        return array

    def _view(self, saved: Any) -> AnyArray:
        _, place, dtype, offset, shape, strides, writeable = saved
        array: AnyArray = np.ndarray(
            tuple(shape), dtype=dtype, buffer=self._memory[place].data, offset=offset, strides=tuple(strides)
        )
        array.setflags(write=writeable)
        return array

    def _dict(self, now: Any, saved: Any, where: str) -> dict[Any, Any]:
        before = dict(now) if isinstance(now, dict) else {}
        # The same dict as before, for others may hold it too.
        found = now if isinstance(now, dict) else Counter() if saved[0] == "counter" else {}
        self.number(found)
        items = []
        for key, value in saved[1]:
            known = self.given(None, key, where)
            items.append((known, self.given(before.get(known), value, f"{where}[{known!r}]")))
        found.clear()
        found.update(items)
        return found

    def _deque(self, now: Any, saved: Any, where: str) -> deque[Any]:
        found: deque[Any] = deque(maxlen=saved[1])
        self.number(found)
        found.extend(self.given(None, value, where) for value in saved[2])
        return found

    def _sequence(self, now: Any, saved: Any, name: str, where: str) -> Any:
        before = list(now) if isinstance(now, list | tuple) else []
        before += [None] * (len(saved) - len(before))
        if name == "list":
            found: list[Any] = now if isinstance(now, list) else []
            self.number(found)
            found[:] = [self.given(b, v, f"{where}[{k}]") for k, (b, v) in enumerate(zip(before, saved, strict=False))]
            return found
        number = self.number(None)
        values = [self.given(b, v, f"{where}[{k}]") for k, (b, v) in enumerate(zip(before, saved, strict=False))]
        self._values[number] = _CONTAINERS[name](values)
        return self._values[number]

    def _object(self, now: Any, saved: Any, where: str) -> Any:
        cls, attributes = _found(saved[1], where), saved[2]
        if type(now) is not cls:
            if saved[1].partition(":")[0].partition(".")[0] in sys.stdlib_module_names:
                # A file from elsewhere could make one whose end closes or deletes what it names.
                raise SnapshotError(f"{where} is a {saved[1]}, which is not there in a world just built")
            now = object.__new__(cls)  # one that a world just built has not
        self.number(now)
        for name in [name for name in vars(now) if name not in attributes and name not in _LEFT_OUT]:
            del vars(now)[name]
        for name, value in attributes.items():
            # Past any __setattr__: frozen objects are put back too.
            vars(now)[name] = self.given(vars(now).get(name), value, f"{where}.{name}")
        return now


_LOADED = re.compile(rf"^({PREFIX}[0-9a-f]+)_(\d+)")
"""A package of a user's files; its number says which loading of this process it is."""


def _unnumbered(module: str) -> str:
    return _LOADED.sub(r"\1", module)


def _class(value: Any) -> str:
    return f"{_unnumbered(type(value).__module__)}:{type(value).__qualname__}"


def _module(name: str) -> Any:
    """Return a module that is loaded; of a user's files the one that was loaded last."""
    loaded = [known for known in sys.modules if known.startswith(PREFIX) and _unnumbered(known) == name]
    number = {known: int(match[2]) for known in loaded if (match := _LOADED.match(known))}
    return sys.modules.get(max(number, key=lambda known: number[known])) if number else sys.modules.get(name)


def _label(value: Any) -> str:
    return str(value) if isinstance(value, np.dtype) else getattr(value, "__qualname__", type(value).__qualname__)


def _slots(cls: type) -> bool:
    return any(vars(base).get("__slots__") for base in cls.__mro__)


def _found(name: str, where: str) -> Any:
    """Return a class that is loaded already: a file must never make anything be imported."""
    module, _, path = name.partition(":")
    found: Any = _module(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise SnapshotError(f"{where} is a {name}, which is not there in a world just built")
    return found

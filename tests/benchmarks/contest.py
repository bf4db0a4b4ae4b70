"""Contestants take turns, each in a process of its own.

In one process they would share a heap: whether a loop's temporaries are fresh pages from the system or warm ones from the
heap then depends on what another contestant allocated before, and moves its time by a factor of three.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Self, TypeVar

__all__ = ["Chunk", "Contest", "apart"]

Result = TypeVar("Result")
Chunk = Callable[[], tuple[float, int]]
"""Runs for a while and returns seconds and messages."""

_fork = get_context("fork")  # the market is built once and shared


class Contest:
    """Runs a chunk of one contestant at a time.

    Parameters
    ----------
    makers : by name, what makes a contestant's chunk; called in the contestant's own process
    """

    def __init__(self, makers: Mapping[str, Callable[[], Chunk]]) -> None:
        self._ends: dict[str, Connection] = {}
        self._processes = []
        for name, make in makers.items():
            mine, theirs = _fork.Pipe()
            process = _fork.Process(target=_contestant, args=(theirs, make), daemon=True, name=name)
            process.start()
            theirs.close()
            mine.recv()  # it is warm
            self._ends[name] = mine
            self._processes.append(process)

    def turn(self, name: str) -> tuple[float, int]:
        """Let one contestant run a chunk; return seconds and messages."""
        self._ends[name].send(True)
        seconds, messages = self._ends[name].recv()
        return float(seconds), int(messages)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._ends.values():
            with suppress(OSError):  # gone already
                end.send(False)
        for process in self._processes:
            process.join()


def _contestant(end: Connection, make: Callable[[], Chunk]) -> None:
    chunk = make()
    chunk()
    end.send(None)
    while end.recv():
        end.send(chunk())


def apart(work: Callable[[], Result]) -> Result:
    """Return what a function returns, called in a process of its own."""
    mine, theirs = _fork.Pipe()
    process = _fork.Process(target=_once, args=(theirs, work))
    process.start()
    theirs.close()
    try:
        result: Any = mine.recv()
    except EOFError:
        raise RuntimeError(f"{work} ended its process") from None
    finally:
        process.join()
    return result  # type: ignore[no-any-return]


def _once(end: Connection, work: Callable[[], Any]) -> None:
    end.send(work())

"""Failures of users' code: which type and method of theirs failed, at which tick and ask, in which line."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Iterable
from typing import Any

from ...agents import Society
from ...environment.code import Culprit, ended_from_outside, raised
from ...environment.faults import Fault
from ...protocols import Protocol, Role
from ...protocols.errors import AskError
from .errors import USER_ERRORS, RunError

__all__ = ["FailedError", "failure_of", "is_own", "kit_command"]

_BASES = (Society, Protocol, Fault, Role)


class FailedError(RunError):
    """A run that ended because the code of a type that takes part failed: the outcome FAILED.

    Attributes
    ----------
    culprit : the method of the type
    tick : during which it failed; None before the first or after the last
    """

    def __init__(self, text: str, culprit: Culprit, tick: int | None) -> None:
        when = "" if tick is None else f" in tick {tick}"
        super().__init__(f"FAILED{when}: {text} ({culprit.place})")
        self.text, self.culprit, self.tick = text, culprit, tick

    def to_dict(self) -> dict[str, Any]:
        """Return what failed as plain data: tick, type, method, who, asked, what, file, line."""
        told = vars(self.culprit) | {"kind": self.culprit.kind.__name__}
        return {"tick": self.tick, "type": told.pop("kind"), **told, "what": self.text}

    @property
    def kit(self) -> str:
        """The command that tries the type by itself; "" where there is none."""
        return kit_command([self.culprit.kind])


def failure_of(error: BaseException, tick: int | None = None, protocol: Protocol | None = None) -> FailedError | None:
    """Return the failure of a type's code that an error tells of; None where it is something else.

    Parameters
    ----------
    error : as it came out of a run
    tick : during which it did
    protocol : of the run, which makes what agents are asked
    """
    if isinstance(error, FailedError):
        return error
    if ended_from_outside(error):
        return None
    culprit = getattr(error, "culprit", None)
    if isinstance(culprit, Culprit):
        return FailedError(str(error), culprit, tick)
    if isinstance(error, AskError) and protocol is not None:
        kind = type(protocol)
        return FailedError(f"{kind.__name__}.update: {error}", Culprit.of(kind, "update", protocol.name), tick)
    found = None if tick is None and isinstance(error, USER_ERRORS) else _last_own(error)
    if found is None:
        return None
    thing, method = found
    kind = thing if isinstance(thing, type) else type(thing)
    culprit = Culprit.of(kind, method, _called(thing), error=error)
    who = "" if culprit.who == kind.__name__ else f" of {culprit.who}"
    return FailedError(f"{kind.__name__}.{method}{who} {raised(error)}", culprit, tick)


def kit_command(kinds: Iterable[type]) -> str:
    """Return the command by which the conformance kit tries some types, "" where it knows none of them.

    A type that is built in goes by its name, one of a user's by its file.
    """
    named = [kind for kind in kinds if issubclass(kind, _BASES[:3]) and "<locals>" not in kind.__qualname__]
    words = [
        shlex.quote(f"{inspect.getfile(kind)}:{kind.__qualname__}" if is_own(kind) else kind.__name__) for kind in named
    ]
    return f"gridparley conform {' '.join(words)}" if words else ""


def is_own(kind: type) -> bool:
    """Tell whether a type is a user's own, and not one that comes with the package."""
    return kind.__module__.partition(".")[0] != __name__.partition(".")[0]


def _last_own(error: BaseException) -> tuple[Any, str] | None:
    """Return the object, or class, of a user's own type in whose method an error was last, and the method's name."""
    found, trace = None, error.__traceback__
    while trace is not None:
        code, held = trace.tb_frame.f_code, trace.tb_frame.f_locals
        first = held.get(code.co_varnames[0]) if code.co_argcount else None
        kind = first if isinstance(first, type) else type(first)
        if issubclass(kind, _BASES) and any(
            is_own(base) and _code_of(base, code.co_name) is code for base in kind.__mro__
        ):
            found = first, code.co_name
        trace = trace.tb_next
    return found


def _code_of(kind: type, method: str) -> Any:
    body = vars(kind).get(method)
    return getattr(inspect.unwrap(body), "__code__", None) if callable(body) else None


def _called(thing: Any) -> str:
    if isinstance(thing, Society) and "port_count" in vars(thing):  # else it is not built yet
        return thing.names[0] if len(thing) == 1 else f"{len(thing)} agents"
    if isinstance(thing, Fault):
        return f"fault {thing.name!r}"
    return thing.__name__ if isinstance(thing, type) else type(thing).__name__

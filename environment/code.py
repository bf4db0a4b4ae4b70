"""Code of others: which of their lines an error comes from, and whether it is an error of theirs at all."""

from __future__ import annotations

import dis
import inspect
import signal
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, TracebackType
from typing import Any

__all__ = ["Culprit", "ended_from_outside", "line_of", "raised"]


@dataclass(frozen=True)
class Culprit:
    """The method of a type that failed.

    Attributes
    ----------
    kind, method : the type, and the name of its method
    who : the agent, protocol or fault
    asked : what it was given, in words; "" where that says nothing
    file, line : where in its code; of an error the line that it came from, of a wrong answer the first of the method
    """

    kind: type
    method: str
    who: str
    asked: str
    file: str
    line: int

    @classmethod
    def of(cls, kind: type, method: str, who: str, asked: str = "", error: BaseException | None = None) -> Culprit:
        """Return the method of a class, and where in it an error came from."""
        return cls(kind, method, who, asked, *line_of(kind, method, error))

    @property
    def place(self) -> str:
        """File and line, as in ``heat_pump.py, line 17``."""
        return f"{self.file}, line {self.line}"


def line_of(kind: type, method: str, error: BaseException | None = None) -> tuple[str, int]:
    """Return file and line of a method, or the last line in files beside it that an error passed through."""
    body: Any = inspect.unwrap(inspect.getattr_static(kind, method, None) or kind)
    code = getattr(body, "__code__", None)
    if not isinstance(code, CodeType):
        return inspect.getfile(kind), 1
    found = code.co_filename, code.co_firstlineno
    trace = None if error is None else error.__traceback__
    while trace is not None:
        if _beside(trace.tb_frame.f_code.co_filename, code.co_filename):
            found = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return found


def _beside(file: str, own: str) -> bool:
    """Tell whether a file is a user's own, or one that it imports from the same folder."""
    return file == own or (Path(own).is_file() and Path(file).parent == Path(own).parent)


def raised(error: BaseException) -> str:
    """Return what happened, in words: ``raised ZeroDivisionError: division by zero``."""
    words = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1] if not str(error) else ""
    return f"raised {words or f'{type(error).__name__}: {error}'}"


def ended_from_outside(error: BaseException) -> bool:
    """Tell whether an error is no failure of the code that it passed through: Ctrl-C, or a signal's handler.

    A ``raise KeyboardInterrupt`` in that code is one.
    """
    if isinstance(error, Exception):
        return False
    handlers = (signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, *_MORE_SIGNALS))
    codes = [handler.__code__ for handler in handlers if isinstance(handler, FunctionType)]
    trace, last = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code in codes:
            return True
        trace, last = trace.tb_next, trace
    return isinstance(error, KeyboardInterrupt) and not (last is not None and _raises(last))


def _raises(trace: TracebackType) -> bool:
    """Tell whether the line that an error came from said ``raise``; Python interrupts between other instructions."""
    code = trace.tb_frame.f_code.co_code
    return dis.opname[code[trace.tb_lasti]] == "RAISE_VARARGS" if 0 <= trace.tb_lasti < len(code) else False


_MORE_SIGNALS = [getattr(signal, name) for name in ("SIGHUP",) if hasattr(signal, name)]

"""All checks of one type, one after the other, each with what it found: what `gridparley conform` prints."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..environment.code import ended_from_outside, line_of
from ..runs.common.failure import failure_of
from .agents.agent import AGENT_CHECKS
from .agents.questions import AgentSubject
from .error import ConformanceError
from .fault import FAULT_CHECKS
from .fault_subject import FaultSubject
from .protocols.protocol import PROTOCOL_CHECKS
from .protocols.protocol_runs import ProtocolSubject

__all__ = ["Finding", "checks_of", "examine"]

Subject = AgentSubject | FaultSubject | ProtocolSubject
Verdict = Literal["passed", "failed", "left out", "not reached"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    check : its name
    about : the rule, in a sentence
    verdict : "left out" where the type has nothing to check, "not reached" where what failed stands above already
    got, given, wanted : of a check that failed: what came, on what, and what should have
    file, line : where the method is that failed
    trace : the whole error, of code that raised
    """

    check: str
    about: str
    verdict: Verdict
    got: str = ""
    given: str = ""
    wanted: str = ""
    file: str = ""
    line: int = 0
    trace: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def checks_of(subject: Subject) -> Sequence[Callable[[Any], bool]]:
    """Return the checks of a subject, in their order."""
    if isinstance(subject, AgentSubject):
        return AGENT_CHECKS
    return FAULT_CHECKS if isinstance(subject, FaultSubject) else PROTOCOL_CHECKS


def examine(kind: type, subject: Subject, tell: Callable[[str, int], object] | None = None) -> list[Finding]:
    """Run all checks of a type, those after one that failed too.

    Parameters
    ----------
    kind : the type
    subject : what its checks are given
    tell : called before each check, with its name and its number
    """
    found: list[Finding] = []
    met: dict[int, str] = {}  # by place: the check that is about what this one met
    for number, check in enumerate(checks_of(subject)):
        name, about = check.__name__, inspect.cleandoc(check.__doc__ or "").splitlines()[0]
        if tell is not None:
            tell(name, number)
        try:
            found.append(Finding(name, about, "passed" if check(subject) else "left out"))
        except ConformanceError as error:
            found.append(_failed(kind, name, about, error))
            met[number] = error.check
        except BaseException as error:
            failure = None if ended_from_outside(error) else failure_of(error, 0)
            if failure is None:
                raise
            culprit = failure.culprit
            told = failure.text, culprit.asked, "an answer, and no error", culprit.file, culprit.line, _trace(error)
            met[number] = next((found[k].check for k in met if found[k].got == failure.text), name)
            found.append(Finding(name, about, "failed", *told))
    failed = {found[number].check for number in met}
    for number, about_what in met.items():
        one = found[number]
        if about_what != one.check and about_what in failed:
            found[number] = Finding(one.check, one.about, "not reached")
    return found


def _failed(kind: type, name: str, about: str, error: ConformanceError) -> Finding:
    method = error.who.rpartition(".")[2]
    if callable(getattr(kind, method, None)):
        file, line = line_of(kind, method, error.__cause__)
    else:
        file, line = inspect.getfile(kind), inspect.getsourcelines(kind)[1]
    trace = "" if error.__cause__ is None else _trace(error.__cause__)
    return Finding(name, about, "failed", error.got, error.given, error.wanted, file, line, trace)


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))

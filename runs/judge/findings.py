"""Findings: what is wrong with answers or costs, by agent, row and period, and the sentence that says so."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ...agents import Society

__all__ = ["FINDINGS_MAX", "Fault", "Finding", "Probe", "kit_hint"]

Fault = Literal["better", "outside", "bend", "hole", "error", "reference"]

FINDINGS_MAX = 20
"""Agents that are named; the others are counted."""


@dataclass(frozen=True)
class Finding:
    """What is wrong with the answers of an agent, or with its cost.

    Attributes
    ----------
    agent, type : its name, and that of its type
    fault : "better": another answer would have cost it less; "outside": its own cost is +inf at its answer; "bend" and
        "hole": its cost is not convex; "error": its cost raised, or is no number; "reference": that says something else
    when : the answer that was tried, as a clause of which the agent is the subject
    balance, period : of the step that shows it, the row that moves most, by the balance it is in; None in a single period
    gain : $/h by which it could do better; of a bend, by which its cost lies above a straight line
    step : kW by which that row moves
    detail : what the type raised, or how its reference differs
    hint : how to look closer at a type of the user's own; empty for a built-in type
    """

    agent: str
    type: str
    fault: Fault
    when: str
    balance: str = ""
    period: int | None = None
    gain: float = 0.0
    step: float = 0.0
    detail: str = ""
    hint: str = ""

    @property
    def words(self) -> str:
        """What is wrong, in a clause."""
        who = f"{self.agent} ({self.type})"
        where = (f"at {self.balance}" if self.balance else "in a row that is in no balance") + (
            "" if self.period is None else f" in period {self.period}"
        )
        if self.fault == "better":
            return (
                f"by its own `cost` {who} could do better by {self.gain:.2g} $/h than it {self.when}: "
                f"{self.step:+.2g} kW {where}"
            )
        if self.fault == "outside":
            return f"by its own `cost` {who} is outside its limits with what it {self.when}"
        if self.fault == "bend":
            return f"the `cost` of {who} is not convex: {self.gain:.2g} $/h above a straight line {where}"
        if self.fault == "hole":
            return f"the `cost` of {who} is not convex: +inf between two points that it allows, {where}"
        return f"{self.detail}"

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data, ready for JSON."""
        return {
            "agent": self.agent,
            "type": self.type,
            "fault": self.fault,
            "balance": self.balance or None,
            "period": self.period,
            "gain": self.gain,
            "step": self.step,
            "words": self.words,
        }


@dataclass(frozen=True)
class Probe:
    """What trying the answers of all agents has found.

    Attributes
    ----------
    findings : the worst first, one an agent, at most `FINDINGS_MAX`
    count : agents that something is wrong with
    strategic : names of the agents whose type declares that they do not answer their interest
    """

    findings: tuple[Finding, ...] = ()
    count: int = 0
    strategic: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether some answer is not, or need not be, the minimum of a convex cost, so that none proves an optimum."""
        return bool(self.findings or self.strategic)

    def joined(self, other: Probe) -> Probe:
        """Return what both have found."""
        known = {finding.agent for finding in self.findings}
        more = [finding for finding in other.findings if finding.agent not in known]
        both = (*self.findings, *more)[:FINDINGS_MAX]
        return replace(
            self,
            findings=both,
            count=max(self.count, other.count, len(both)),
            strategic=self.strategic or other.strategic,
        )

    @property
    def words(self) -> str:
        """What was found, in a clause: who is wrong first, then who declares something else than its interest."""
        told = []
        if self.findings:
            more = self.count - 1
            told.append(
                self.findings[0].words + (f", and {more} more {'agents' if more > 1 else 'agent'}" if more else "")
            )
        if self.strategic:
            told.append(f"{_listed(self.strategic)} by declaration, not by interest")
        return "; ".join(told)

    @property
    def hint(self) -> str:
        """How to look closer at the first type of the user's own that is wrong, to end a sentence with; or nothing."""
        return next((f"; {finding.hint}" for finding in self.findings if finding.hint), "")

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, ready for JSON."""
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "agents": self.count,
            "strategic": list(self.strategic),
        }


def _listed(names: Sequence[str]) -> str:
    """Return some names and their verb."""
    if len(names) == 1:
        return f"{names[0]} answers"
    shown = list(names[:3]) if len(names) <= 3 else [*names[:2], f"{len(names) - 2} more"]
    return f"{', '.join(shown[:-1])} and {shown[-1]} answer"


def kit_hint(kind: type[Society]) -> str:
    """Return how to look closer at a type, by the conformance kit; nothing for a built-in one.

    >>> from gridparley.agents import LogLoad
    >>> kit_hint(LogLoad)
    ''
    """
    package = __name__.partition(".")[0]
    if kind.__module__.startswith(package + "."):
        return ""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file and "<" not in kind.__qualname__:
        return f"`gridparley conform {Path(file).name}:{kind.__qualname__}` says more"
    return f"`check_agent` of gridparley.conformance says more about {kind.__name__}"

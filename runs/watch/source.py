"""What a page that comes to the server is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from ..scenario.scenario import Scenario

__all__ = ["Outbox", "Source"]


class Outbox(Protocol):
    """What is said to a page."""

    def put(self, message: str | bytes) -> None:
        """Send a message when its turn comes."""

    def full(self) -> bool:
        """Tell whether so much waits that no more should be made."""


@dataclass(frozen=True)
class Source:
    """What a new page shows.

    Attributes
    ----------
    scenario : to start; None: the page offers those that there are
    run : a recording to look at
    command : the command line that runs the scenario, without its faults
    faults : what the command line adds to give it faults
    out : the folder that keeps the run; None: nothing is kept
    trust : of a recording: run the user's code that it names
    lesson : that walks through the recording, as `filled_lesson` returns it
    traceback : whether all of an error that ends the run goes to stderr too
    """

    scenario: Scenario | None = None
    run: Path | None = None
    command: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    out: Path | None = None
    trust: bool = False
    lesson: Mapping[str, Any] | None = None
    traceback: bool = False

    def numbered(self, number: int) -> Source:
        """Return the same for the second, third, ... page: each writes to a folder of its own, DIR-2, DIR-3, ..."""
        if self.out is None or number == 1:
            return self
        return replace(self, out=self.out.with_name(f"{self.out.name}-{number}"))

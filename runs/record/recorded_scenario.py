"""The scenario that a record holds: built like any other, but that it runs no more of the user's code than it may."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...environment.faults import Fault
from ...protocols import Market, Protocol
from ..common.errors import RunError
from ..common.plugins import Permit, permitting
from ..scenario.scenario import Scenario
from ..scenario.schema import ScenarioSpec
from ..scenario.settings.changes import Change

__all__ = ["RecordedScenario", "scenario_of"]


@dataclass(frozen=True)
class RecordedScenario(Scenario):
    """The scenario in a record: the same as any other, but that it runs no more of the user's code than it may.

    Attributes
    ----------
    permit : from `permit_of`, called when something is built
    """

    permit: Callable[[], Permit | None] = lambda: None

    def market(self) -> Market:
        """Build all agents; see `Scenario.market`."""
        with permitting(self.permit()):
            return super().market()

    def protocol(self) -> Protocol:
        """Build the protocol; see `Scenario.protocol`."""
        with permitting(self.permit()):
            return super().protocol()

    def faults(self) -> list[Fault]:
        """Build the faults; see `Scenario.faults`."""
        with permitting(self.permit()):
            return super().faults()


def scenario_of(
    path: Path, header: Mapping[str, Any], document: Mapping[str, Any], permit: Callable[[], Permit | None]
) -> RecordedScenario:
    """Return the scenario of a recorded run.

    Parameters
    ----------
    path : of the record, for errors
    header, document : of the record; the document is the scenario as plain data
    permit : as `RecordedScenario` has it

    Raises
    ------
    RunError
        It does not fit this release, or the header's settings are damaged.
    """
    try:
        spec = ScenarioSpec.model_validate(document)
    except ValueError as error:
        raise RunError(f"{path}: the scenario in it does not fit this release: {error}") from None
    try:
        changes = tuple(map(Change.from_dict, header.get("settings", [])))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise RunError(f"{path}: is damaged, and was left as it is (header settings: {error!r})") from None
    # The run has begun already, with the size that it has.
    return RecordedScenario(header["name"], spec, size_limit=math.inf, changes=changes, permit=permit)

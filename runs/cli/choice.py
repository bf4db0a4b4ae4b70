"""What the command line asks of a scenario, and the options with which commands ask it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import Faults, FaultsFile, Protocol, ScenarioName, Seed, Settings, SizeLimit, Ticks

if TYPE_CHECKING:
    from ..scenario.scenario import Scenario

__all__ = ["Choice", "choosing"]


@dataclass(frozen=True)
class Choice:
    """A scenario as the command line asks for it; the fields are the options that a command with `choosing` has."""

    scenario: ScenarioName
    protocol: Protocol = None
    settings: Settings = None
    fault: Faults = None
    faults: FaultsFile = None
    seed: Seed = None
    ticks: Ticks = None
    size_limit: SizeLimit = None

    def load(self, *, quiet: bool = False) -> Scenario:
        """Load it, and say what settings changed. Seed and ticks become settings, so that the scenario says all there is.

        Parameters
        ----------
        quiet : do not say what settings changed, since the result does

        Raises
        ------
        ScenarioError
            Anything in it is unknown or not allowed.
        """
        import typer

        from ..scenario.fault_text import read_fault_file
        from ..scenario.scenario import load_scenario
        from ..scenario.settings.changes import change_lines

        given = [
            f"run.{key}={value}" for key, value in (("seed", self.seed), ("ticks", self.ticks)) if value is not None
        ]
        from_file = [] if self.faults is None else read_fault_file(self.faults)
        faults: list[str | Mapping[str, Any]] = [*from_file, *(self.fault or [])]
        settings = [*(self.settings or []), *given]
        scenario = load_scenario(
            self.scenario, settings, protocol=self.protocol, faults=faults, size_limit=self.size_limit
        )
        told = {f"setting {setting}" for setting in given}  # the options themselves say what they change
        scenario = replace(scenario, changes=tuple(one for one in scenario.changes if one.by not in told))
        for line in [] if quiet else change_lines(scenario.changes):
            typer.echo(line, err=True)
        return scenario

    @property
    def changes(self) -> bool:
        """Whether anything but the name is asked for."""
        return bool(self.settings or self.fault) or any(
            each is not None for each in (self.protocol, self.faults, self.seed, self.ticks)
        )

    def command(self) -> list[str]:
        """Return the command line that asks for the same from any folder."""
        from ..scenario.scenario import scenario_names

        built_in = self.scenario in scenario_names()
        words = ["gridparley", "run", self.scenario if built_in else str(Path(self.scenario).resolve())]
        words += [] if self.protocol is None else ["--protocol", self.protocol]
        words += [word for setting in self.settings or [] for word in ("--set", setting)]
        words += [] if self.faults is None else ["--faults", str(self.faults.resolve())]
        words += [word for fault in self.fault or [] for word in ("--fault", fault)]
        numbers = (("--seed", self.seed), ("--ticks", self.ticks), ("--size-limit", self.size_limit))
        return words + [word for option, value in numbers if value is not None for word in (option, str(value))]


def choosing(command: Callable[..., None], scenario: Any = None) -> Callable[..., None]:
    """Give a command options for the fields of each of its parameters that is a dataclass, such as `Choice`.

    Parameters
    ----------
    command
    scenario : how the scenario is asked for instead, where it may be left out; it is None then
    """
    own = inspect.signature(command, eval_str=True).parameters
    groups = {name: _fields(each.annotation) for name, each in own.items() if is_dataclass(each.annotation)}
    if scenario is not None:
        asked = next(fields for fields in groups.values() if "scenario" in fields)
        asked["scenario"] = asked["scenario"].replace(annotation=scenario, default=None)

    def chosen(**given: Any) -> None:
        grouped = {
            group: own[group].annotation(**{name: given.pop(name) for name in fields})
            for group, fields in groups.items()
        }
        command(**grouped, **given)

    options = [option for name, each in own.items() for option in (groups[name].values() if name in groups else [each])]
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in options]
    chosen.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    chosen.__annotations__ = {each.name: each.annotation for each in parameters}
    chosen.__name__, chosen.__doc__ = command.__name__, command.__doc__
    return chosen


def _fields(group: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(group, eval_str=True).parameters)

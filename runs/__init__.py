"""What people run: scenarios, the simulation, certificates and references, figures, and the command line."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .common.errors import RunError, ScenarioError
    from .driver.run import run_scenario
    from .judge.outcome import Outcome
    from .record.reading import Record
    from .result.result import Result
    from .scenario.scenario import Scenario, load_scenario, scenario_names
    from .simulation.simulation import Simulation

__all__ = [
    "Outcome",
    "Record",
    "Result",
    "RunError",
    "Scenario",
    "ScenarioError",
    "Simulation",
    "load_scenario",
    "run_scenario",
    "scenario_names",
]

# Imported when first asked for: the command line is on this floor's top, and its help needs none of it.
_FROM = {
    "Outcome": ".judge.outcome",
    "Record": ".record.reading",
    "Result": ".result.result",
    "RunError": ".common.errors",
    "Scenario": ".scenario.scenario",
    "ScenarioError": ".common.errors",
    "Simulation": ".simulation.simulation",
    "load_scenario": ".scenario.scenario",
    "run_scenario": ".driver.run",
    "scenario_names": ".scenario.scenario",
}


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_FROM[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

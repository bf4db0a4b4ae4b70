"""What people run: scenarios, the simulation, certificates and references, figures, and the command line."""

from .errors import RunError, ScenarioError
from .outcome import Outcome
from .reading import Record
from .result import Result, run_scenario
from .scenario import Scenario, load_scenario, scenario_names
from .simulation import Simulation

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

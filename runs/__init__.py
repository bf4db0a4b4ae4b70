"""What people run: scenarios, the simulation, certificates and references, figures, and the command line."""

from .common.errors import RunError, ScenarioError
from .judge.outcome import Outcome
from .record.reading import Record
from .result.result import Result, run_scenario
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

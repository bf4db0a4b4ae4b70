"""GridParley: watch energy agents negotiate by message, break the network under them, add agents and protocols of your own.

>>> from gridparley import load_scenario, run_scenario
>>> result = run_scenario(load_scenario("three-microgrids"))
>>> print(result.outcome, round(result.total_cost, 4))
CONVERGED -16.3544
"""

from importlib.metadata import version

from .agents import Array, MicrogridOperator, Prosumer, Society, VirtualAgent, batched, within
from .environment import Topology
from .environment.faults import Fault
from .protocols import Market, Population, Protocol
from .runs import Outcome, Record, Result, Scenario, Simulation, load_scenario, run_scenario, scenario_names

__all__ = [
    "Array",
    "Fault",
    "Market",
    "MicrogridOperator",
    "Outcome",
    "Population",
    "Prosumer",
    "Protocol",
    "Record",
    "Result",
    "Scenario",
    "Simulation",
    "Society",
    "Topology",
    "VirtualAgent",
    "__version__",
    "batched",
    "load_scenario",
    "run_scenario",
    "scenario_names",
    "within",
]

__version__ = version("gridparley")

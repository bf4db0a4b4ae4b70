"""GridParley: watch energy agents negotiate by message, break the network under them, add agents and protocols of your own.

>>> from gridparley import load_scenario, run_scenario
>>> result = run_scenario(load_scenario("three-microgrids"))
>>> print(result.outcome, round(result.total_cost, 4))
CONVERGED -16.3544
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agents import Array, MicrogridOperator, Prosumer, Society, VirtualAgent, batched, fact, within
    from .environment import Topology
    from .environment.faults import Fault
    from .protocols import Balances, Column, Market, Population, Protocol
    from .runs import Outcome, Record, Result, Scenario, Simulation, load_scenario, run_scenario, scenario_names

    __version__: str

__all__ = [
    "Array",
    "Balances",
    "Column",
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
    "fact",
    "load_scenario",
    "run_scenario",
    "scenario_names",
    "within",
]

# A room is loaded when something of it is first asked for, so that what needs none of it, as the command's help, is quick.
_FROM = {
    ".agents": ("Array", "MicrogridOperator", "Prosumer", "Society", "VirtualAgent", "batched", "fact", "within"),
    ".environment": ("Topology",),
    ".environment.faults": ("Fault",),
    ".protocols": ("Balances", "Column", "Market", "Population", "Protocol"),
    ".runs": (
        "Outcome",
        "Record",
        "Result",
        "Scenario",
        "Simulation",
        "load_scenario",
        "run_scenario",
        "scenario_names",
    ),
}
_ROOM = {name: room for room, names in _FROM.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version(__name__)
    elif name in _ROOM:
        value = getattr(import_module(_ROOM[name], __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

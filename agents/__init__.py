"""What agents know: private facts in columns, and one local solve each. No message, no tick and no sender is known here."""

from .errors import AgentError
from .facts import Array, AtLeast, Column, MoreThan, NonNegative, PortArray, Ports, Positive
from .log_load import LogLoad
from .microgrid_operator import MicrogridOperator
from .prosumer import Prosumer
from .society import Society, batched, within
from .square_root_load import SquareRootLoad
from .tiles import tiles
from .virtual_agent import VirtualAgent

__all__ = [
    "AgentError",
    "Array",
    "AtLeast",
    "Column",
    "LogLoad",
    "MicrogridOperator",
    "MoreThan",
    "NonNegative",
    "PortArray",
    "Ports",
    "Positive",
    "Prosumer",
    "Society",
    "SquareRootLoad",
    "VirtualAgent",
    "batched",
    "tiles",
    "within",
]

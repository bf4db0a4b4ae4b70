"""What agents know: private facts in columns, and one local solve each. No message, no tick and no sender is known here."""

from .cbd import CBD
from .dispatch_operator import DispatchOperator, Schedule
from .errors import AgentError
from .ev import EV
from .facts import Array, AtLeast, AtMost, Column, MoreThan, NonNegative, PortArray, Ports, Positive
from .hospital import Hospital
from .log_load import LogLoad
from .microgrid_operator import MicrogridOperator
from .middle_operator import MiddleOperator
from .network_operator import NetworkOperator
from .peer_prosumer import PeerProsumer
from .period import Period
from .prosumer import Prosumer
from .resident import Resident
from .society import Society, batched, within
from .square_root_load import SquareRootLoad
from .storage_operator import LiteralStorageOperator, StorageOperator
from .supply import Dispatch
from .tiles import tiles
from .virtual_agent import VirtualAgent

__all__ = [
    "CBD",
    "EV",
    "AgentError",
    "Array",
    "AtLeast",
    "AtMost",
    "Column",
    "Dispatch",
    "DispatchOperator",
    "Hospital",
    "LiteralStorageOperator",
    "LogLoad",
    "MicrogridOperator",
    "MiddleOperator",
    "MoreThan",
    "NetworkOperator",
    "NonNegative",
    "PeerProsumer",
    "Period",
    "PortArray",
    "Ports",
    "Positive",
    "Prosumer",
    "Resident",
    "Schedule",
    "Society",
    "SquareRootLoad",
    "StorageOperator",
    "VirtualAgent",
    "batched",
    "tiles",
    "within",
]

"""What agents know: private facts in columns, and one local solve each. No message, no tick and no sender is known here."""

from .batch import batched
from .bounds import within
from .errors import AgentError, FeederError
from .facts import Array, Column, NonNegative, PortArray, Ports, Positive, fact
from .operators.community_manager import CommunityManager
from .operators.dispatch_operator import DispatchOperator, Schedule
from .operators.microgrid_operator import MicrogridOperator
from .operators.middle_operator import MiddleOperator
from .operators.network_operator import NetworkOperator
from .operators.storage_operator import LiteralStorageOperator, StorageOperator
from .period import Period
from .prosumer import Prosumer
from .prosumers.cbd import CBD
from .prosumers.ev import EV
from .prosumers.hospital import Hospital
from .prosumers.log_load import LogLoad
from .prosumers.peer_prosumer import PeerProsumer
from .prosumers.peer_trader import PeerTrader
from .prosumers.resident import Resident
from .prosumers.square_root_load import SquareRootLoad
from .prosumers.trader import Trader
from .society import Society
from .solve.supply import Dispatch
from .tiles import tiles
from .virtual_agent import VirtualAgent

__all__ = [
    "CBD",
    "EV",
    "AgentError",
    "Array",
    "Column",
    "CommunityManager",
    "Dispatch",
    "DispatchOperator",
    "FeederError",
    "Hospital",
    "LiteralStorageOperator",
    "LogLoad",
    "MicrogridOperator",
    "MiddleOperator",
    "NetworkOperator",
    "NonNegative",
    "PeerProsumer",
    "PeerTrader",
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
    "Trader",
    "VirtualAgent",
    "batched",
    "fact",
    "tiles",
    "within",
]

"""What roles say, to whom and when, and how long they wait: one file per protocol."""

from .atc import ATC
from .dlmp_admm import DlmpADMM
from .dual_decomposition import DualDecomposition
from .errors import ProtocolError
from .exchange_admm import ExchangeADMM
from .incentive import Incentive
from .machinery.coordination.balances import Balances
from .machinery.coordination.coordinator import Coordinator
from .machinery.market import Market, Population
from .machinery.memory import Memory
from .machinery.options import Column
from .machinery.participant import Participant
from .machinery.protocol import Protocol, protocol_types
from .machinery.role import Role
from .machinery.state import MarketState

__all__ = [
    "ATC",
    "Balances",
    "Column",
    "Coordinator",
    "DlmpADMM",
    "DualDecomposition",
    "ExchangeADMM",
    "Incentive",
    "Market",
    "MarketState",
    "Memory",
    "Participant",
    "Population",
    "Protocol",
    "ProtocolError",
    "Role",
    "protocol_types",
]

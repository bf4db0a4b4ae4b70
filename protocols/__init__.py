"""What roles say, to whom, when, and when they stop waiting: one file per protocol."""

from .atc import ATC
from .dlmp_admm import DlmpADMM
from .dual_decomposition import DualDecomposition
from .errors import ProtocolError
from .exchange_admm import ExchangeADMM
from .incentive import Incentive
from .keeper import Keeper
from .market import Market, Population
from .memory import Memory
from .protocol import Protocol, protocol_types
from .responder import Responder
from .role import Role
from .state import MarketState

__all__ = [
    "ATC",
    "DlmpADMM",
    "DualDecomposition",
    "ExchangeADMM",
    "Incentive",
    "Keeper",
    "Market",
    "MarketState",
    "Memory",
    "Population",
    "Protocol",
    "ProtocolError",
    "Responder",
    "Role",
    "protocol_types",
]

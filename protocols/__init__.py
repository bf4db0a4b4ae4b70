"""What roles say, to whom, when, and when they stop waiting: one file per protocol."""

from .atc import ATC
from .dlmp_admm import DlmpADMM
from .dual_decomposition import DualDecomposition
from .errors import ProtocolError
from .exchange_admm import ExchangeADMM
from .incentive import Incentive
from .machinery.keeper import Keeper
from .machinery.market import Market, Population
from .machinery.memory import Memory
from .machinery.protocol import Protocol, protocol_types
from .machinery.responder import Responder
from .machinery.role import Role
from .machinery.state import MarketState

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

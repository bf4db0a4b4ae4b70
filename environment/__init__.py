"""What carries messages: topology, message columns, transport, faults and the journal. It knows no energy and no money."""

from .envelopes import Envelopes
from .errors import FaultError, MessageError, TopologyError
from .journal import Fate, Journal
from .messages import Field, Kind, MessageBatch, Outbox
from .topology.balances import BALANCE_KINDS, BalanceKind
from .topology.topology import Topology
from .transport import Transport

__all__ = [
    "BALANCE_KINDS",
    "BalanceKind",
    "Envelopes",
    "Fate",
    "FaultError",
    "Field",
    "Journal",
    "Kind",
    "MessageBatch",
    "MessageError",
    "Outbox",
    "Topology",
    "TopologyError",
    "Transport",
]

"""What carries messages: topology, message columns, transport, faults and the journal. It knows no energy and no money.

Beside that it holds the world as data: profiles, which are read here and understood elsewhere.
"""

from .errors import FaultError, MessageError, ProfileError, TopologyError
from .journal import Fate, Journal
from .messages import Field, Kind, MessageBatch, Outbox
from .profiles import Profiles, read_profiles
from .topology import Topology
from .transport import Transport

__all__ = [
    "Fate",
    "FaultError",
    "Field",
    "Journal",
    "Kind",
    "MessageBatch",
    "MessageError",
    "Outbox",
    "ProfileError",
    "Profiles",
    "Topology",
    "TopologyError",
    "Transport",
    "read_profiles",
]

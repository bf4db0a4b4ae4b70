"""What carries messages: topology, message columns, transport, faults and the journal. It knows no energy and no money.

Beside that it holds the world as data: profiles and feeders, which are read here and understood elsewhere.
"""

from .errors import FaultError, FeederError, MessageError, ProfileError, TopologyError
from .feeder import Feeder, FeederLine
from .feeder_read import FEEDERS, from_pandapower, load_feeder, read_feeder
from .journal import Fate, Journal
from .messages import Field, Kind, MessageBatch, Outbox
from .profiles import Profiles, read_profiles
from .topology import Topology
from .transport import Transport

__all__ = [
    "FEEDERS",
    "Fate",
    "FaultError",
    "Feeder",
    "FeederError",
    "FeederLine",
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
    "from_pandapower",
    "load_feeder",
    "read_feeder",
    "read_profiles",
]

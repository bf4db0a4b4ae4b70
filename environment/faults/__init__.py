"""Faults: what a network does to messages. A fault takes envelopes and returns envelopes; a new one is one class."""

from .base import Fault, Stage, fault_types
from .burst_loss import BurstLoss
from .chance import Chance
from .corrupt import Corrupt
from .crash import Crash, Slow
from .delay import Delay
from .duplicate import Duplicate
from .loss import Loss
from .partition import Partition
from .rate_limit import RateLimit
from .reorder import Reorder
from .schedule import FaultSchedule
from .spans import Span

__all__ = [
    "BurstLoss",
    "Chance",
    "Corrupt",
    "Crash",
    "Delay",
    "Duplicate",
    "Fault",
    "FaultSchedule",
    "Loss",
    "Partition",
    "RateLimit",
    "Reorder",
    "Slow",
    "Span",
    "Stage",
    "fault_types",
]

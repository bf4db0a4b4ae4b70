"""Faults: what a network does to messages. A fault takes a batch and returns a batch; a new one is one class."""

from .base import Fault, Stage, fault_types
from .delay import Delay
from .duplicate import Duplicate
from .loss import Loss
from .schedule import FaultSchedule
from .spans import Span

__all__ = ["Delay", "Duplicate", "Fault", "FaultSchedule", "Loss", "Span", "Stage", "fault_types"]

"""What a feeder is, and what an operator of one needs to know about it."""

from .feeder import Feeder, FeederLine
from .feeder_read import FEEDERS, from_pandapower, load_feeder, read_feeder

__all__ = ["FEEDERS", "Feeder", "FeederLine", "from_pandapower", "load_feeder", "read_feeder"]

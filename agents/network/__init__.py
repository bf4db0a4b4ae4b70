"""What a feeder is, and what an operator of one needs to know about it."""

from .feeder import Feeder, FeederLine

__all__ = ["Feeder", "FeederLine"]

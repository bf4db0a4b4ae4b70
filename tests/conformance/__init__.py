"""The conformance kit: proves that an agent, a protocol or a fault that a user wrote keeps the contract of its room."""

from .agents.agent import check_agent
from .error import ConformanceError
from .fault import check_fault
from .protocols.protocol import check_protocol

__all__ = ["ConformanceError", "check_agent", "check_fault", "check_protocol"]

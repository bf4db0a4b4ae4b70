"""Multi-agent message-passing simulator of energy negotiations."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("gridparley")

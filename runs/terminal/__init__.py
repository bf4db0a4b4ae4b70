"""The terminal view: a run tick by tick, for a console far away."""

from .view import watch_terminal

__all__ = ["watch_terminal"]

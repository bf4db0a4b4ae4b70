"""A period: one energy slot of the horizon, on the clock of the scenario."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Period"]


@dataclass(frozen=True)
class Period:
    """One energy slot.

    Attributes
    ----------
    number : its place in the profiles, from 0
    start : h, when it begins on the scenario's clock; the next morning is 24 and more
    hours : h, how long it lasts
    """

    number: int
    start: float = 0.0
    hours: float = 1.0

    @property
    def end(self) -> float:
        """When it ends, h."""
        return self.start + self.hours

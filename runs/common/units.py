"""Units in the headers of CSV files: ``pv_A [MW]`` is a name and a unit, and numbers come in kW."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["UNITS", "Heading", "heading_of", "unit_names"]

UNITS: Mapping[str, tuple[str, float]] = {
    "kW": ("kW", 1.0),
    "W": ("kW", 1e-3),
    "MW": ("kW", 1e3),
    "kWh": ("kWh", 1.0),
    "Wh": ("kWh", 1e-3),
    "MWh": ("kWh", 1e3),
    "$/kWh": ("$/kWh", 1.0),
    "$/MWh": ("$/kWh", 1e-3),
    "ct/kWh": ("$/kWh", 1e-2),
    "$/kW²h": ("$/kW²h", 1.0),
    "$/kW2h": ("$/kW²h", 1.0),
    "$/MW²h": ("$/kW²h", 1e-6),
    "$/MW2h": ("$/kW²h", 1e-6),
    "$/h": ("$/h", 1.0),
    "h": ("h", 1.0),
    "min": ("h", 1.0 / 60.0),
    "pu": ("pu", 1.0),
    "1": ("1", 1.0),
    "%": ("1", 1e-2),
}
"""What may stand in a header, and which unit it is turned into, by which factor. A fact may have a unit of its own besides."""

_HEADING = re.compile(r"(?P<name>[^\[\]]*[^\[\]\s])\s*\[(?P<unit>[^\[\]]*)\]")


@dataclass(frozen=True)
class Heading:
    """The header of a column.

    Attributes
    ----------
    name : without the unit
    written : the unit as it stands there
    unit : one of those of facts, into which it is turned
    factor : by which numbers are multiplied
    """

    name: str
    written: str
    unit: str
    factor: float

    def serves(self, wanted: str) -> bool:
        """Tell whether numbers below it may be a fact in this unit; one that says no unit takes any."""
        return not wanted or self.unit == wanted


def heading_of(header: str, where: str, error: Callable[[str], Exception], example: str) -> Heading:
    """Return what a header says.

    Raises
    ------
    error
        It has no unit.
    """
    found = _HEADING.fullmatch(header)
    if found is None:
        raise error(f"{where}: column {header!r} has no unit; wanted {example}")
    unit = found["unit"].strip()
    return Heading(found["name"].strip(), unit, *UNITS.get(unit, (unit, 1.0)))


def unit_names(wanted: str) -> str:
    """Return the units that may be written for a fact in this one.

    >>> unit_names("kW")
    'kW, W or MW'
    """
    names = [name for name, (unit, _) in UNITS.items() if unit == wanted] or [wanted]
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))

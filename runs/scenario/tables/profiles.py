"""Profiles: series of power, price and the like over the periods of a day, read from a CSV file and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...common.csv_table import CsvTable, read_table
from ...common.errors import ProfileError
from ...common.units import UNITS, Heading, heading_of, unit_names

__all__ = ["Profiles", "read_profiles"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Profiles:
    """Series over the same periods.

    Attributes
    ----------
    source : where they were read from
    start : h, clock time at which the first period begins, 0 to 24
    hours : h, length of a period
    values : (periods,) by name, in units of facts, such as kW; read-only
    headings : of each, with its unit
    """

    source: str
    start: float
    hours: float
    values: Mapping[str, Floats]
    headings: Mapping[str, Heading]

    @property
    def periods(self) -> int:
        """How many periods there are."""
        return len(next(iter(self.values.values())))

    def series(self, name: str, unit: str) -> Floats:
        """Return one series, (periods,), read-only.

        Raises
        ------
        ProfileError
            There is none of this name, or it is of another unit.
        """
        if name not in self.values:
            raise ProfileError(f"{self.source}: no column {name!r}; there is {', '.join(self.values)}")
        heading = self.headings[name]
        if not heading.serves(unit):
            raise ProfileError(f"{self.source}: column {name!r} is in {heading.written!r}; wanted {unit_names(unit)}")
        return self.values[name]


def read_profiles(path: str | PathLike[str], *, periods: int | None = None, hours: float | None = None) -> Profiles:
    """Read a CSV file: a column `start` with the time at which each period begins, and others with their unit, `PV_A [kW]`.

    Times are ISO 8601, such as 2023-06-21T06:00+02:00; values are means over a period. Units are those of `UNITS`.

    Parameters
    ----------
    path
    periods, hours : how many periods there must be, and how long each; by default as the file has it

    Raises
    ------
    ProfileError
        The file cannot be read; a header has no unit, an unknown one, or comes twice; a time is no time, or does not follow
        the one before by the time step; a value is missing or no finite number; another number of periods, or another time
        step, than wanted. Names the file, the line, the column and the time.
    """
    file = Path(path)
    table = read_table(file, ProfileError, where=file.name)
    if not len(table):
        raise ProfileError(f"{table.where}: a header and no periods; wanted one line a period")
    if "start" not in table.cells:
        raise ProfileError(f"{table.where}: no column 'start'; there is {', '.join(table.cells)}")
    start, step = _times(table, hours)
    if periods is not None and len(table) != periods:
        raise ProfileError(f"{table.where}: {len(table)} periods; wanted {periods}")
    values: dict[str, Floats] = {}
    headings: dict[str, Heading] = {}
    for header in table.cells:
        if header == "start":
            continue
        heading = _heading(header, table.where)
        name = heading.name
        if name in values:
            raise ProfileError(f"{table.where}: two columns are called {name!r}; give each a name of its own")
        headings[name] = heading
        values[name] = table.numbers(header, beside="start") * heading.factor
        values[name].flags.writeable = False
    if not values:
        raise ProfileError(f"{table.where}: no column beside 'start'; wanted at least one, such as 'load [kW]'")
    return Profiles(str(file), start, step, values, headings)


def _times(table: CsvTable, hours: float | None) -> tuple[float, float]:
    """Return when the first period begins, on its own clock, and how long each is, h."""
    told = table.cells["start"]
    times = [_time(table, row) for row in range(len(table))]
    # Times without a zone are all on one clock, whichever it is.
    absolute = [time if time.tzinfo else time.replace(tzinfo=UTC) for time in times]
    steps = np.array([(later - earlier).total_seconds() for earlier, later in pairwise(absolute)]) / 3600.0
    if not len(steps) and hours is None:
        raise ProfileError(f"{table.where}: one period only, whose length cannot be told; say how many hours it has")
    step = float(steps[0]) if len(steps) else float(hours or 0.0)
    if step <= 0.0:
        raise ProfileError(f"{table.place(1)}: start = {told[1]} after {told[0]}; wanted a later time")
    wrong = np.abs(steps - step) > 1e-9
    if wrong.any():
        row = int(wrong.argmax()) + 1
        what = "a gap" if steps[row - 1] > step else "too early"
        raise ProfileError(
            f"{table.place(row)}: start = {told[row]} after {told[row - 1]} is {what}; wanted steps of {step:g} h"
        )
    if hours is not None and abs(step - hours) > 1e-9:
        raise ProfileError(f"{table.where}: steps of {step:g} h; wanted {hours:g} h")
    return times[0].hour + times[0].minute / 60.0 + times[0].second / 3600.0, step


def _time(table: CsvTable, row: int) -> datetime:
    cell = table.cells["start"][row]
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        raise ProfileError(
            f"{table.place(row)}: start = {cell!r}; wanted a time in ISO 8601, such as 2023-06-21T06:00+02:00"
        ) from None


def _heading(header: str, where: str) -> Heading:
    known = ", ".join(UNITS)
    heading = heading_of(header, where, ProfileError, f"a name and one of {known}: 'PV_A [kW]'")
    if heading.written not in UNITS:
        raise ProfileError(f"{where}: column {header!r} is in {heading.written!r}; wanted one of {known}")
    return heading

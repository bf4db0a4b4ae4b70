"""Profiles: series of power, price and the like over the periods of a day, read from a CSV file and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..common.errors import ProfileError

__all__ = ["UNITS", "Profiles", "read_profiles"]

Floats = npt.NDArray[np.float64]

UNITS: Mapping[str, tuple[str, float]] = {
    "kW": ("kW", 1.0),
    "W": ("kW", 1e-3),
    "MW": ("kW", 1e3),
    "$/kWh": ("$/kWh", 1.0),
    "$/MWh": ("$/kWh", 1e-3),
    "ct/kWh": ("$/kWh", 1e-2),
    "1": ("1", 1.0),
}
"""What may stand in a header, and which unit it is turned into, by which factor."""

_HEADER = re.compile(r"(?P<name>[^\[\]]*[^\[\]\s])\s*\[(?P<unit>[^\[\]]*)\]")


@dataclass(frozen=True)
class Profiles:
    """Series over the same periods.

    Attributes
    ----------
    source : where they were read from
    start : h, clock time at which the first period begins, 0 to 24
    hours : h, length of a period
    values : (periods,) by name, in kW, $/kWh or without a unit; read-only
    units : of each
    """

    source: str
    start: float
    hours: float
    values: Mapping[str, Floats]
    units: Mapping[str, str]

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
        if self.units[name] != unit:
            raise ProfileError(f"{self.source}: column {name!r} is in {self.units[name]}; wanted {unit}")
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
    path = Path(path)
    table = _table(path)
    where = path.name
    if "start" not in table:
        raise ProfileError(f"{where}: no column 'start'; there is {', '.join(map(str, table))}")
    start, step = _times(table["start"], where, hours)
    if periods is not None and len(table) != periods:
        raise ProfileError(f"{where}: {len(table)} periods; wanted {periods}")
    values: dict[str, Floats] = {}
    units: dict[str, str] = {}
    for header in table:
        if header == "start":
            continue
        name, unit = _header(str(header), where)
        if name in values:
            raise ProfileError(f"{where}: two columns are called {name!r}; give each a name of its own")
        units[name], factor = UNITS[unit]
        values[name] = _numbers(table[header], table["start"], where) * factor
        values[name].flags.writeable = False
    if not values:
        raise ProfileError(f"{where}: no column beside 'start'; wanted at least one, such as 'load [kW]'")
    return Profiles(str(path), start, step, values, units)


def _table(path: Path) -> Any:
    import pandas as pd  # here: loading it takes long, and many runs have no profiles

    try:
        raw = pd.read_csv(path, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig").fillna("")
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise ProfileError(f"{path}: cannot be read as a CSV file: {error}") from None
    table = raw.iloc[1:].reset_index(drop=True)
    table.columns = raw.iloc[0].str.strip()
    if table.columns.duplicated().any():
        twice = table.columns[table.columns.duplicated()][0]
        raise ProfileError(f"{path.name}: two columns are called {twice!r}; give each a name of its own")
    if not len(table):
        raise ProfileError(f"{path.name}: a header and no periods; wanted one line a period")
    return table


def _line(row: int) -> str:
    """Where a period stands in the file, whose first line is the header."""
    return f"line {row + 2}"


def _times(column: Any, where: str, hours: float | None) -> tuple[float, float]:
    """Return when the first period begins and how long each is, h."""
    import pandas as pd

    times = pd.to_datetime(column.str.strip(), format="ISO8601", utc=True, errors="coerce")
    if times.isna().any():
        row = int(times.isna().argmax())
        raise ProfileError(
            f"{where}, {_line(row)}: start = {column[row]!r}; wanted a time in ISO 8601, such as 2023-06-21T06:00+02:00"
        )
    steps = times.diff().dt.total_seconds().to_numpy()[1:] / 3600.0
    if not len(steps) and hours is None:
        raise ProfileError(f"{where}: one period only, whose length cannot be told; say how many hours it has")
    step = float(steps[0]) if len(steps) else float(hours or 0.0)
    if step <= 0.0:
        raise ProfileError(f"{where}, {_line(1)}: start = {column[1]} after {column[0]}; wanted a later time")
    wrong = np.abs(steps - step) > 1e-9
    if wrong.any():
        row = int(wrong.argmax()) + 1
        what = "a gap" if steps[row - 1] > step else "too early"
        raise ProfileError(
            f"{where}, {_line(row)}: start = {column[row]} after {column[row - 1]} is {what}; wanted steps of {step:g} h"
        )
    if hours is not None and abs(step - hours) > 1e-9:
        raise ProfileError(f"{where}: steps of {step:g} h; wanted {hours:g} h")
    clock = pd.Timestamp(column[0].strip())  # in its own zone
    return clock.hour + clock.minute / 60.0 + clock.second / 3600.0, step


def _header(header: str, where: str) -> tuple[str, str]:
    found = _HEADER.fullmatch(header)
    if found is None:
        raise ProfileError(
            f"{where}: column {header!r} has no unit; wanted a name and one of {', '.join(UNITS)}: 'PV_A [kW]'"
        )
    unit = found["unit"].strip()
    if unit not in UNITS:
        raise ProfileError(f"{where}: column {header!r} is in {unit!r}; wanted one of {', '.join(UNITS)}")
    return found["name"].strip(), unit


def _numbers(column: Any, times: Any, where: str) -> Floats:
    import pandas as pd

    numbers = pd.to_numeric(column.str.strip(), errors="coerce").to_numpy(dtype=np.float64).copy()
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        row = int(wrong.argmax())
        seen = column[row].strip() or "nothing"
        raise ProfileError(f"{where}, {_line(row)}: {column.name} = {seen} at {times[row]}; wanted a finite number")
    return np.asarray(numbers, dtype=np.float64)

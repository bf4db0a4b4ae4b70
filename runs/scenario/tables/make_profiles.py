"""Profiles made from a place, a date and a list of plants and consumers, with pvlib and demandlib."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from ...common.errors import RunError

__all__ = ["SLP", "Consumer", "Plant", "Span", "make_profiles"]

Floats = npt.NDArray[np.float64]

SLP = ("h0", "h0_dyn", *(f"g{k}" for k in range(7)), "l0", "l1", "l2")
"""Standard load profiles: households (static, and with the season's drift), business, farms."""

_MIDPOINTS = "5min"
"""Between looks at the sun; a mean over a period is that of the middles of these."""
_TEMPERATURE, _WIND = 22.0, 2.0
_PER_KELVIN, _LOSSES, _DC_OVER_AC, _EFFICIENCY = -0.0035, 0.14, 1.1, 0.96


@dataclass(frozen=True)
class Span:
    """The periods that profiles are made for.

    Attributes
    ----------
    start : such as "2023-06-21T06:00"
    zone : of that clock, such as "Europe/Berlin"
    hours : how long
    step : length of a period, such as "1h" or "15min": a multiple of 15 minutes
    latitude, longitude : degrees north and east
    altitude : m

    Raises
    ------
    RunError
        Says which of these is not allowed, and what is.
    """

    start: str
    latitude: float
    longitude: float
    altitude: float = 0.0
    zone: str = "Europe/Berlin"
    hours: float = 24.0
    step: str = "1h"

    def __post_init__(self) -> None:
        for name, value, most in (("latitude", self.latitude, 90.0), ("longitude", self.longitude, 180.0)):
            if not -most <= value <= most:
                raise RunError(f"{name} = {value:g}; wanted -{most:g} to {most:g} degrees")
        self.times()

    def times(self) -> Any:
        """Return when each period begins, as a pandas index with a time zone."""
        import pandas as pd

        try:
            step = pd.Timedelta(self.step)
        except ValueError:
            step = pd.Timedelta(0)
        quarter = pd.Timedelta("15min")
        if not step > pd.Timedelta(0) or step % quarter:
            raise RunError(f"step = {self.step!r}; wanted a multiple of 15 minutes, such as 15min or 1h")
        count = self.hours * pd.Timedelta("1h") / step if np.isfinite(self.hours) else 0.0
        if count < 1 or count != round(count):
            raise RunError(f"hours = {self.hours:g}; wanted a multiple of the step, {self.step}")
        try:
            first = pd.Timestamp(self.start, tz=self.zone)
        except (ValueError, KeyError) as error:
            raise RunError(
                f"start = {self.start!r} in {self.zone!r}; wanted a date and time such as 2023-06-21T06:00, and a time zone "
                f"such as Europe/Berlin: {error}"
            ) from None
        return pd.date_range(first, periods=round(count), freq=step)

    def parts(self, length: str) -> tuple[Any, int]:
        """Return when each part of a period begins, for parts of some length, and how many a period has."""
        import pandas as pd

        times, count = self.times(), round(pd.Timedelta(self.step) / pd.Timedelta(length))
        return pd.date_range(times[0], periods=len(times) * count, freq=length), count


@dataclass(frozen=True)
class Plant:
    """A PV plant.

    Attributes
    ----------
    name : of its column
    peak : kW
    tilt : degrees from level
    azimuth : degrees from north by east, 180 is south
    """

    name: str
    peak: float
    tilt: float = 30.0
    azimuth: float = 180.0

    def __post_init__(self) -> None:
        for name, value, most in (("tilt", self.tilt, 90.0), ("azimuth", self.azimuth, 360.0)):
            if not 0.0 <= value <= most:
                raise RunError(f"{self.name}: {name} = {value:g}; wanted 0 to {most:g} degrees")
        if not 0.0 < self.peak < np.inf:
            raise RunError(f"{self.name}: peak = {self.peak:g}; wanted more than 0 kW")


@dataclass(frozen=True)
class Consumer:
    """Consumer that uses what the German standard load profile of its kind says.

    Attributes
    ----------
    name : of its column
    energy : kWh a year
    profile : one of `SLP`
    """

    name: str
    energy: float
    profile: str = "h0_dyn"

    def __post_init__(self) -> None:
        if self.profile not in SLP:
            raise RunError(f"{self.name}: profile = {self.profile!r}; wanted one of {', '.join(SLP)}")
        if not 0.0 < self.energy < np.inf:
            raise RunError(f"{self.name}: energy = {self.energy:g}; wanted more than 0 kWh a year")


def make_profiles(span: Span, columns: Sequence[Plant | Consumer]) -> str:
    """Return profiles as the text of a CSV file, which `read_profiles` reads: `start`, then a column in kW for each.

    PV: clear sky after Ineichen with pvlib's turbidity table, isotropic diffuse light, cells after Faiman at 22 °C and
    2 m/s, and PVWatts with -0.35 %/K, 14 % losses and an inverter of 1/1.1 of the peak. Consumers: the BDEW's standard load
    profiles, of one quarter of an hour each, without holidays. Values are means over a period.

    Raises
    ------
    RunError
        A library is missing, there is nothing to make, or a name is no name for a column.
    """
    names = [column.name for column in columns]
    if not names:
        raise RunError("nothing to make profiles of; wanted a PV plant, a household or a business")
    for name in names:
        if not name.strip() or set(name) & set('[],"\n') or name == "start" or names.count(name) > 1:
            raise RunError(
                f"name {name!r}; wanted one that is there once, is not 'start', and has none of [ ] , \" in it"
            )
    with _their_warnings_are_theirs():
        # Both libraries first: nobody wants to hear of the second when the first is there at last.
        libraries = {name: _library(name) for name in dict.fromkeys(map(_needs, columns))}
        standard = _standard(libraries["demandlib.bdew"], span) if "demandlib.bdew" in libraries else None
        made = [
            _pv(libraries["pvlib"], span, column) if isinstance(column, Plant) else _used(standard, span, column)
            for column in columns
        ]
    starts = [time.isoformat(timespec="minutes") for time in span.times()]
    lines = [",".join(["start", *(f"{name} [kW]" for name in names)])]
    lines += [
        ",".join([start, *(f"{v:.5f}" for v in row)]) for start, row in zip(starts, np.transpose(made), strict=True)
    ]
    return "\n".join(lines) + "\n"


@contextmanager
def _their_warnings_are_theirs() -> Iterator[None]:
    """Let libraries use what pandas will drop one day, and leave the filters of warnings as they are.

    demandlib 0.2.2 turns all warnings into errors, for the whole process, and then stops at one of pandas' own.
    """
    with warnings.catch_warnings(), mock.patch.object(warnings, "simplefilter"):
        warnings.filterwarnings("ignore")
        yield


def _needs(column: Plant | Consumer) -> str:
    return "pvlib" if isinstance(column, Plant) else "demandlib.bdew"


def _library(name: str) -> Any:
    root = name.partition(".")[0]
    try:
        import_module(root)
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != root:
            raise
        what = "PV plants" if root == "pvlib" else "households and businesses"
        raise RunError(
            f"profiles of {what} need {root}, which is not installed; wanted: pip install pvlib demandlib"
        ) from None


def _pv(pvlib: Any, span: Span, plant: Plant) -> Floats:
    """(periods,) kW that a plant feeds in under a clear sky."""
    import pandas as pd

    starts, count = span.parts(_MIDPOINTS)
    middles = starts + pd.Timedelta(_MIDPOINTS) / 2
    place = pvlib.location.Location(span.latitude, span.longitude, altitude=span.altitude)
    sun = place.get_solarposition(middles)
    sky = place.get_clearsky(middles, model="ineichen", solar_position=sun)
    light = pvlib.irradiance.get_total_irradiance(
        plant.tilt, plant.azimuth, sun.apparent_zenith, sun.azimuth, sky.dni, sky.ghi, sky.dhi, model="isotropic"
    ).poa_global.fillna(0.0)
    cell = pvlib.temperature.faiman(light, _TEMPERATURE, _WIND)
    direct = pvlib.pvsystem.pvwatts_dc(light, cell, plant.peak, _PER_KELVIN) * (1.0 - _LOSSES)
    fed = pvlib.inverter.pvwatts(direct, plant.peak / _DC_OVER_AC / _EFFICIENCY)
    return np.asarray(fed, dtype=np.float64).reshape(-1, count).mean(axis=1)


def _standard(bdew: Any, span: Span) -> Any:
    """Shares of a year's energy by profile and quarter of an hour of local time: a table that covers all years touched."""
    import pandas as pd

    quarters, _ = span.parts("15min")
    return pd.concat([bdew.ElecSlp(year).get_profiles() for year in sorted(set(quarters.year))])


def _used(standard: Any, span: Span, consumer: Consumer) -> Floats:
    """(periods,) kW that a consumer uses."""
    quarters, count = span.parts("15min")
    share = standard[consumer.profile].reindex(quarters.tz_localize(None)).to_numpy(dtype=np.float64)
    return np.asarray(4.0 * consumer.energy * share.reshape(-1, count).mean(axis=1))

"""Series in scenarios: numbers a period, written out or named as a column of a CSV file, which they are then read from."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationInfo

from ..environment import ProfileError, read_profiles

__all__ = ["in_kw", "in_usd_per_kwh"]


def in_kw(value: Any, info: ValidationInfo) -> Any:
    """Return a series in kW: see `_numbers`."""
    return _numbers(value, info, "kW")


def in_usd_per_kwh(value: Any, info: ValidationInfo) -> Any:
    """Return a series in $/kWh: see `_numbers`."""
    return _numbers(value, info, "$/kWh")


def _numbers(value: Any, info: ValidationInfo, unit: str) -> Any:
    """Return one number a period; ``{ csv = "my.csv", column = "load" }`` is read, anything else passes.

    The file is one of the built-in scenarios' or lies in the folder of the scenario, `info.context["folder"]`; periods and
    hours are those of the table that the series is in. What is validated once holds numbers: a run does not hang on the
    file any more.

    Raises
    ------
    ValueError
        The file, or a line in it, is not what it should be.
    """
    if not isinstance(value, Mapping):
        if isinstance(value, list | tuple) and "periods" in info.data and len(value) != info.data["periods"]:
            raise ValueError(f"{len(value)} numbers; wanted one a period ({info.data['periods']})")
        return value
    if set(value) != {"csv", "column"} or not all(isinstance(name, str) for name in value.values()):
        raise ValueError('wanted numbers, or { csv = "FILE", column = "NAME" }')
    path = resources.files(__package__) / "scenarios" / value["csv"]
    if "/" in value["csv"] or not path.is_file():
        path = ((info.context or {}).get("folder") or Path()) / value["csv"]
    try:
        profiles = read_profiles(Path(str(path)), periods=info.data.get("periods"), hours=info.data.get("hours"))
        return profiles.series(value["column"], unit).tolist()
    except ProfileError as error:
        raise ValueError(str(error)) from None

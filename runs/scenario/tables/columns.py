"""Columns of CSV files in place of numbers: facts that name a column of the scenario's profiles, and series that name both."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationInfo

from ...common.errors import ProfileError, ScenarioError
from ...common.files import expanded, is_file
from ..known_types import TypeFinder
from ..schema import ScenarioSpec
from .profiles import Profiles, read_profiles

__all__ = ["in_kw", "in_usd_per_kwh", "profiles_file", "with_profiles"]


def profiles_file(name: str, folder: Path | None) -> Path:
    """Return where the profiles of a scenario lie: beside the scenario's file, or among the built-in ones."""
    path = expanded(name)
    if folder is not None and is_file(folder / path):
        return (folder / path).resolve()
    built_in = Path(str(resources.files(__package__.rpartition(".")[0]) / "data")) / path
    return built_in if is_file(built_in) else (folder or Path()) / path


def _read(name: str, folder: Path | None, periods: int | None, hours: float | None) -> Profiles:
    return read_profiles(profiles_file(name, folder), periods=periods, hours=hours)


def in_kw(value: Any, info: ValidationInfo) -> Any:
    """Return a series in kW: see `_series`."""
    return _series(value, info, "kW")


def in_usd_per_kwh(value: Any, info: ValidationInfo) -> Any:
    """Return a series in $/kWh: see `_series`."""
    return _series(value, info, "$/kWh")


def _series(value: Any, info: ValidationInfo, unit: str) -> Any:
    """Return one number a period; ``{ csv = "my.csv", column = "load" }`` is read, anything else passes.

    Periods and hours are those of the table that the series is in. What is validated once holds numbers: a run does not
    hang on the file any more.

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
    folder = (info.context or {}).get("folder")
    try:
        profiles = _read(value["csv"], folder, info.data.get("periods"), info.data.get("hours"))
        return profiles.series(value["column"], unit).tolist()
    except ProfileError as error:
        raise ValueError(str(error)) from None


def with_profiles(spec: ScenarioSpec, folder: Path | None, types: TypeFinder) -> ScenarioSpec:
    """Return a scenario in which every fact that is the name of a column is that column.

    Raises
    ------
    ScenarioError
        The file cannot be read, has another number of periods or another time step than the scenario, a gap or something
        that is no number, or no such column; or a column's unit is not one of its fact.
    """
    if spec.profiles is None:
        return spec
    hours = None if spec.clock is None else spec.clock.hours
    try:
        profiles = _read(spec.profiles, folder, spec.periods, hours)
    except ProfileError as error:
        raise ScenarioError(f"profiles = {spec.profiles!r}: {error}") from None

    def filled(where: str, sort: str, table: Any) -> Any:
        extra = dict(table.model_extra or {})
        cls = None
        for fact, value in extra.items():
            if not isinstance(value, str):
                continue
            if value not in profiles.values:
                raise ScenarioError(
                    f"{where}: {fact} = {value!r}; wanted numbers, or a column of {spec.profiles}: "
                    f"{', '.join(profiles.values)}"
                )
            cls = cls or types(sort, table.model_dump(exclude_none=True, exclude=set(extra)))
            unit = cls.facts[fact].unit if cls is not None and fact in cls.facts else ""
            try:
                extra[fact] = [profiles.series(value, unit).tolist()]
            except ProfileError as error:
                raise ScenarioError(f"{where}: {fact} = {value!r}: {error}") from None
        return type(table).model_validate({**table.model_dump(exclude=set(extra)), **extra})

    microgrids = [
        microgrid.model_copy(
            update={
                "operator": filled(f"{microgrid.name}.operator", "operator", microgrid.operator),
                "prosumer": [filled(f"{microgrid.name}.{p.name}", "prosumer", p) for p in microgrid.prosumer],
            }
        )
        for microgrid in spec.microgrid
    ]
    agents = [filled(agent.name, "agent", agent) for agent in spec.agent]
    return spec.model_copy(update={"microgrid": microgrids, "agent": agents})

"""Facts that name a column of the scenario's profiles, turned into the numbers of that column."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from ..environment import ProfileError, read_profiles
from .errors import ScenarioError
from .schema import ScenarioSpec

__all__ = ["profiles_file", "with_profiles"]


def profiles_file(name: str, folder: Path | None) -> Path:
    """Return where the profiles of a scenario lie: beside the scenario's file, or among the built-in ones."""
    path = Path(name).expanduser()
    if folder is not None and (folder / path).is_file():
        return (folder / path).resolve()
    built_in = Path(str(resources.files(__package__) / "scenarios")) / path
    return built_in if built_in.is_file() else (folder or Path()) / path


def with_profiles(spec: ScenarioSpec, folder: Path | None) -> ScenarioSpec:
    """Return a scenario in which every fact that is the name of a column is that column.

    Raises
    ------
    ScenarioError
        The file cannot be read, has another number of periods or another time step than the scenario, a gap or something
        that is no number, or no such column.
    """
    if spec.profiles is None:
        return spec
    hours = None if spec.clock is None else spec.clock.hours
    try:
        profiles = read_profiles(profiles_file(spec.profiles, folder), periods=spec.periods, hours=hours)
    except ProfileError as error:
        raise ScenarioError(f"profiles = {spec.profiles!r}: {error}") from None

    def filled(where: str, table: Any) -> Any:
        extra = dict(table.model_extra or {})
        for fact, value in extra.items():
            if not isinstance(value, str):
                continue
            if value not in profiles.values:
                raise ScenarioError(
                    f"{where}: {fact} = {value!r}; wanted numbers, or a column of {spec.profiles}: "
                    f"{', '.join(profiles.values)}"
                )
            extra[fact] = [profiles.values[value].tolist()]
        return type(table).model_validate({**table.model_dump(exclude=set(extra)), **extra})

    microgrids = [
        microgrid.model_copy(
            update={
                "operator": filled(f"{microgrid.name}.operator", microgrid.operator),
                "prosumer": [filled(f"{microgrid.name}.{p.name}", p) for p in microgrid.prosumer],
            }
        )
        for microgrid in spec.microgrid
    ]
    return spec.model_copy(update={"microgrid": microgrids})

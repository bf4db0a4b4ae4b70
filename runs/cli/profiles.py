"""The command that makes a CSV file of profiles for a scenario of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from . import epilogs

__all__ = ["add_profiles"]

Column = TypeVar("Column")


def add_profiles(app: typer.Typer) -> None:
    """Add it to the command line."""
    app.command(epilog=epilogs.PROFILES)(profiles)


def profiles(
    out: Annotated[Path, typer.Argument(metavar="OUT.csv", help="The file to write.")],
    latitude: Annotated[float, typer.Option("--lat", help="Degrees north.")],
    longitude: Annotated[float, typer.Option("--lon", help="Degrees east.")],
    date: Annotated[str, typer.Option(help="Of the first period, such as 2023-06-21.")],
    altitude: Annotated[float, typer.Option(help="m above the sea.")] = 0.0,
    start: Annotated[str, typer.Option(help="Clock time of the first period.")] = "00:00",
    zone: Annotated[str, typer.Option(help="Time zone of that clock.")] = "Europe/Berlin",
    hours: Annotated[float, typer.Option(help="How long in all.")] = 24.0,
    step: Annotated[str, typer.Option(help="Length of a period: a multiple of 15min.")] = "1h",
    pv: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:KWP[:TILT[:AZIMUTH]]", help="A PV plant; tilt 30 and azimuth 180 (south) by default."
        ),
    ] = None,
    household: Annotated[
        list[str] | None, typer.Option(metavar="NAME:KWH", help="A household and what it uses in a year.")
    ] = None,
    business: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:KWH[:PROFILE]", help="A business, by default g0; g1 works by day, g3 all round."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also over a file that is there.")] = False,
) -> None:
    """Make profiles of PV plants, households and businesses for a scenario of your own.

    Needs pvlib for plants and demandlib for the others, the extra gridparley[profiles]: pip install pvlib demandlib.
    """
    from ..common.errors import RunError
    from ..common.files import write_whole
    from ..scenario.tables.make_profiles import Consumer, Plant, Span, make_profiles

    def of_business(name: str, energy: float, profile: str = "g0") -> Consumer:
        return Consumer(name, energy, profile)

    if out.exists() and not force:
        raise RunError(f"{out}: is there already; choose another name, or say --force")
    span = Span(f"{date}T{start}", latitude, longitude, altitude, zone, hours, step)
    columns = [_read(text, "--pv NAME:KWP[:TILT[:AZIMUTH]]", Plant, 3) for text in pv or []]
    consumers = [_read(text, "--household NAME:KWH", Consumer, 1) for text in household or []]
    consumers += [_read(text, "--business NAME:KWH[:PROFILE]", of_business, 1, words=1) for text in business or []]
    write_whole(out, make_profiles(span, [*columns, *consumers]))
    typer.echo(str(out))


def _read(text: str, wanted: str, make: Callable[..., Column], numbers: int, words: int = 0) -> Column:
    """Read NAME:NUMBER..., with so many numbers and then so many words at most."""
    from ..common.errors import RunError

    name, *parts = text.split(":")
    try:
        values = [float(part) for part in parts[:numbers]]
    except ValueError:
        values = []
    if not values or len(parts) > numbers + words:
        raise RunError(f"{text!r}; wanted {wanted}")
    return make(name, *values, *parts[numbers:])

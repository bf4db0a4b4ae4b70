"""Tables of what there is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from .plain import plain_table

__all__ = ["print_catalog"]

_FIELDS = {"scenarios": "parameters", "protocols": "options", "agents": "facts", "faults": "parameters"}
_LEGEND = {
    "scenarios": "gridparley run NAME, or a TOML file of your own; gridparley show NAME prints one to start from",
    "protocols": "--protocol NAME, and --set OPTION=VALUE",
    "agents": "type = NAME in a scenario file, or your own my_file.py:MyAgent; --set A.load.beta=VALUE",
    "faults": "--fault KIND=VALUE[,PARAM=VALUE...], or [[fault]] tables in a file",
}


def print_catalog(catalog: Mapping[str, Sequence[Mapping[str, Any]]], console: Console) -> None:
    """Print the sections of a catalogue, each entry with its fields."""
    for number, (section, entries) in enumerate(catalog.items()):
        if number:
            console.print()
        console.print(Text(section.upper(), style="bold"), Text(_LEGEND[section], style="dim"), sep="  ")
        for entry in entries:
            console.print()
            console.print(_title(entry))
            if entry[_FIELDS[section]]:
                console.print(Padding(_fields(entry[_FIELDS[section]]), (0, 0, 0, 4), expand=False))
        if section == "faults" and entries:
            console.print()
            console.print("  Every fault may also say on which messages it acts, and when:")
            console.print(Padding(_fields(entries[0]["scope"]), (0, 0, 0, 4), expand=False))


def _title(entry: Mapping[str, Any]) -> Padding:
    about = entry.get("about") or entry.get("title", "")
    place = entry.get("form") or entry.get("place") or ""
    title = Text.assemble((entry["name"], "bold cyan"), f"  {about}", (f"  {place}" if place else "", "dim"))
    return Padding(title, (0, 0, 0, 2), expand=False)


def _fields(fields: Iterable[Mapping[str, Any]]) -> Any:
    table = plain_table([("", "left"), ("default", "left"), ("", "left")])
    for field in fields:
        # Shapes of columns matter to authors of a type, not to users who set its facts.
        about = re.sub(r"^\([a-z]\w*, \w+\) ", "", str(field["about"]).replace("``", ""))
        if field["allowed"] and field["allowed"] not in about:
            about = f"{about}; {field['allowed']}" if about else field["allowed"]
        table.add_row(field["name"], _default(field["default"]), Text(about))
    return table


def _default(value: Any) -> str:
    """Return a default as one writes it in TOML; nothing where there is none."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)

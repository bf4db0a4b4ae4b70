"""What there is: scenarios, protocols, agent types and faults, as data that a table or a machine can show."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ...agents import CommunityManager, PeerTrader, Prosumer, Society, VirtualAgent
from ...environment.faults import Fault, Span, fault_types
from ...protocols import protocol_types
from .generators.microgrids import generators
from .known_types import agent_types
from .scenario import scenario_names, scenario_outline

__all__ = ["SECTIONS", "catalog"]

SECTIONS = ("scenarios", "protocols", "agents", "faults")


def catalog() -> dict[str, list[dict[str, Any]]]:
    """Return, by section, what can be named in a scenario or on the command line."""
    return {"scenarios": _scenarios(), "protocols": _protocols(), "agents": _agents(), "faults": _faults()}


def _scenarios() -> list[dict[str, Any]]:
    found = []
    for name in scenario_names():
        spec = scenario_outline(name)
        made = generators().get(spec.generate.generator) if spec.generate else None
        found.append(
            {
                "name": name,
                "title": spec.title,
                "protocol": spec.run.protocol,
                "parameters": _options(made) if made else [],
            }
        )
    return found


def _protocols() -> list[dict[str, Any]]:
    return [
        {"name": name, "about": first_sentence(cls), "options": _options(cls)} for name, cls in protocol_types().items()
    ]


def _agents() -> list[dict[str, Any]]:
    found = []
    for name, cls in agent_types(Society).items():
        if cls is Prosumer:
            continue
        told = attribute_texts(cls)
        facts = [
            {
                "name": fact.name,
                "default": _finite(fact.default),
                "about": fact.about or told.get(fact.name, ""),
                "allowed": fact.allowed,
            }
            for fact in cls.facts.values()
        ]
        found.append({"name": name, "about": first_sentence(cls), "place": _place(cls), "facts": facts})
    return found


def _finite(default: float | None) -> float | str | None:
    """A number as JSON knows it, which has no infinity."""
    return default if default is None or math.isfinite(default) else str(default)


def _place(cls: type[Society]) -> str:
    """Where a scenario file names a type, or sets its facts."""
    if issubclass(cls, Prosumer):
        return "[[microgrid.prosumer]] or [[agent]]"
    if issubclass(cls, PeerTrader | CommunityManager):
        return "[[agent]]"
    return "[[microgrid]] and [[tie_line]]" if issubclass(cls, VirtualAgent) else "[microgrid.operator] or [[agent]]"


def _faults() -> list[dict[str, Any]]:
    found = []
    for kind, cls in fault_types().items():
        shared = {info.alias or name for name, info in Fault.model_fields.items()}
        options = _options(cls)
        found.append(
            {
                "name": kind,
                "about": first_sentence(cls),
                "form": f"--fault {kind}={cls.value.upper()}" if cls.value else f"--fault {kind}",
                "parameters": [option for option in options if option["name"] not in shared],
                "scope": [option for option in options if option["name"] in shared],
            }
        )
    return found


def _options(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Fields of a pydantic model: name as it is written, default (None where it must be given), and what it is."""
    told = attribute_texts(model)
    schema = model.model_json_schema()["properties"]
    options = []
    for name, info in model.model_fields.items():
        default = None if info.default is PydanticUndefined else info.default
        about = info.description or told.get(name, "")
        plain = default is None or isinstance(default, str | int | float | bool)
        options.append(
            {
                "name": info.alias or name,
                "default": default if plain else str(default),
                "about": about,
                "allowed": _allowed(info.annotation, schema[info.alias or name]),
            }
        )
    return options


def _allowed(annotation: Any, schema: Mapping[str, Any]) -> str:
    """What a field may hold, in words, as far as its JSON schema tells."""
    if annotation is get_args(Span)[0]:
        return "a whole number or a range such as 0..5"
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    limits = [
        f"{word} {schema[key]:g}"
        for key, word in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "more than"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "less than"),
        )
        if key in schema
    ]
    return ", ".join(limits)


def first_sentence(cls: type) -> str:
    """Return the first sentence of a docstring, on one line."""
    text = " ".join(inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0].split())
    return re.split(r"(?<=[.:]) (?=[A-Z])", text.replace("`", ""))[0]


def attribute_texts(cls: type) -> dict[str, str]:
    """Return what docstrings say about attributes, by name; a class's own words before its bases'."""
    told: dict[str, str] = {}
    for base in cls.__mro__:
        _, _, section = inspect.cleandoc(base.__dict__.get("__doc__") or "").partition("Attributes\n----------\n")
        names: list[str] = []
        for line in section.split("\n"):
            head = re.match(r"(\w+(?:, \w+)*)(?: : (.*))?$", line)
            if head:
                names = [name for name in head[1].split(", ") if name not in told]
                told |= dict.fromkeys(names, head[2] or "")
            elif line.startswith(" ") and names:
                told |= {name: f"{told[name]} {line.strip()}" for name in names}
            else:
                names = []
    return told

"""Facts: how a type's annotations become columns, and what each column may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from .errors import AgentError, did_you_mean

__all__ = [
    "Array",
    "AtLeast",
    "AtMost",
    "Column",
    "Fact",
    "MoreThan",
    "NonNegative",
    "PortArray",
    "Ports",
    "Positive",
    "Shape",
    "facts_of",
    "port_count_of",
]

Floats = npt.NDArray[np.float64]


class Shape(Enum):
    """Shape of a fact's column, for n agents with p ports altogether."""

    SCALAR = "(n, 1)"
    PROFILE = "(n, periods)"
    PORT = "(p, 1)"
    PORT_PROFILE = "(p, periods)"

    @property
    def by_port(self) -> bool:
        """Tell whether there is a row a port rather than a row an agent."""
        return self in (Shape.PORT, Shape.PORT_PROFILE)

    @property
    def by_period(self) -> bool:
        """Tell whether there is a column a period."""
        return self in (Shape.PROFILE, Shape.PORT_PROFILE)


@dataclass(frozen=True)
class AtLeast:
    """A fact's value is this or more."""

    bound: float

    def allows(self, values: Floats) -> npt.NDArray[np.bool_]:
        """Tell which values are allowed."""
        return values >= self.bound

    def __str__(self) -> str:
        return f"at least {self.bound:g}"


@dataclass(frozen=True)
class MoreThan(AtLeast):
    """A fact's value is more than this."""

    def allows(self, values: Floats) -> npt.NDArray[np.bool_]:
        """Tell which values are allowed."""
        return values > self.bound

    def __str__(self) -> str:
        return f"more than {self.bound:g}"


@dataclass(frozen=True)
class AtMost(AtLeast):
    """A fact's value is this or less."""

    def allows(self, values: Floats) -> npt.NDArray[np.bool_]:
        """Tell which values are allowed."""
        return values <= self.bound

    def __str__(self) -> str:
        return f"at most {self.bound:g}"


Column = Annotated[Floats, Shape.SCALAR]
"""One number an agent, (n, 1): what `float` means too, for types whose solves index their columns."""
Array = Annotated[Floats, Shape.PROFILE]
"""A profile: one number a period, (n, periods). A single number means the same in every period.

A plain list is a profile that all agents share if it is as long as there are periods, one number an agent if it is as long
as there are agents, and refused where it could be either: ``[[...]]`` is one profile for all, ``[[a], [b], ...]`` is one
number an agent.
"""
Ports = Annotated[Floats, Shape.PORT]
"""One number a port, (p, 1)."""
PortArray = Annotated[Floats, Shape.PORT_PROFILE]
"""One number a port and period, (p, periods)."""
Positive = Annotated[float, MoreThan(0)]
"""A number above zero."""
NonNegative = Annotated[float, AtLeast(0)]
"""A number that is zero or above."""


@dataclass(frozen=True)
class Fact:
    """One column: its name, shape, limits, and default (None where it must be given)."""

    name: str
    shape: Shape
    limits: tuple[AtLeast, ...]
    default: float | None

    @property
    def allowed(self) -> str:
        """What a value must be, in words."""
        what = "a number" if not self.shape.by_period else "a number, or one a period"
        return ", ".join([what, *map(str, self.limits)] + ([] if self.default == math.inf else ["finite"]))

    def column(self, value: Any, rows: int, periods: int, who: str) -> Floats:
        """Return a value as a checked column of this fact's shape.

        Raises
        ------
        AgentError
            Not numbers, not of this shape, of two possible shapes, not finite, or outside the limits.
        """
        wanted = (rows, periods if self.shape.by_period else 1)
        try:
            if np.asarray(value).dtype.kind == "b":
                raise TypeError("true and false are no numbers")
            raw = np.asarray(value, dtype=np.float64)
            if raw.ndim == 1 and raw.size == rows == periods != 1 and self.shape.by_period:
                each = "port" if self.shape.by_port else "agent"
                raise AgentError(
                    f"{who}: {self.name} is a list of {rows} numbers for {rows} {each}s and {periods} periods, and could be "
                    f"either: write [[...]] for one profile that all share, [[a], [b], ...] for one number for each {each}"
                )
            if raw.ndim == 1 and raw.size == rows != 1 and (raw.size != periods or not self.shape.by_period):
                raw = raw[:, None]  # one number an agent
            column = np.array(np.broadcast_to(raw, wanted))
        except AgentError:
            raise
        except (TypeError, ValueError):
            shown = f"{shape_of(value)} values" if shape_of(value) else repr(value)
            raise AgentError(f"{who}: {self.name} = {shown}; wanted {self.allowed}, in shape {wanted}") from None
        good = np.isfinite(column) if self.default != math.inf else ~np.isnan(column)
        for limit in self.limits:
            good &= limit.allows(column)
        if not good.all():
            row, period = np.argwhere(~good)[0].tolist()
            where = f" (row {row}, period {period})" if column.size > 1 else ""
            raise AgentError(f"{who}: {self.name} = {column[row, period]:g}{where}; wanted {self.allowed}")
        return column


def shape_of(value: Any) -> tuple[int, ...]:
    """Return the shape of what was given, rows of different lengths counting as one value each."""
    try:
        return np.shape(value)
    except ValueError:
        return np.asarray(value, dtype=object).shape


def facts_of(cls: type) -> dict[str, Fact]:
    """Read the annotated facts of a type, base classes first.

    Raises
    ------
    AgentError
        An annotation is no fact, or not known where the class stands.
    """
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise AgentError(
            f"{cls.__name__}: an annotation is not known in {cls.__module__}: {error}. With `from __future__ import "
            "annotations` its names must stand at the top of the file, not in a function"
        ) from None
    facts: dict[str, Fact] = {}
    for name, hint in hints.items():
        if name.startswith("_") or get_origin(hint) is ClassVar or hint is ClassVar:
            continue
        if get_origin(hint) is not Annotated and hint is not float:
            shown = getattr(hint, "__name__", hint)
            raise AgentError(
                f"{cls.__name__}.{name}: {shown}: a fact is a float, Positive, NonNegative, Column, Array, Ports or "
                "PortArray; what is no fact is a ClassVar, or has a name that begins with _"
            )
        marks = get_args(hint)[1:]
        shape = next((mark for mark in marks if isinstance(mark, Shape)), Shape.SCALAR)
        limits = tuple(mark for mark in marks if isinstance(mark, AtLeast))
        default = getattr(cls, name, None)
        facts[name] = Fact(name, shape, limits, None if default is None else float(default))
    return facts


def check_names(given: Mapping[str, Any], facts: Mapping[str, Fact], who: str) -> None:
    """Refuse facts that a type does not have, and say which ones are missing."""
    for name in given:
        if name not in facts:
            raise AgentError(
                f"{who}: there is no field {name!r}{did_you_mean(name, facts)} Fields: {', '.join(facts) or 'none'}"
            )
    missing = [name for name, fact in facts.items() if fact.default is None and name not in given]
    if missing:
        raise AgentError(f"{who}: {', '.join(missing)} missing; {missing[0]} must be {facts[missing[0]].allowed}")


def port_count_of(ports: Any, who: str) -> npt.NDArray[np.int64]:
    """Return the ports of each agent, (n,), as a checked column."""
    count = np.atleast_1d(np.asarray(ports))
    if not count.size:
        return np.zeros(0, dtype=np.int64)
    if count.ndim != 1 or count.dtype.kind not in "iu" or count.min() < 0:
        raise AgentError(f"{who}: ports = {ports!r}; wanted a whole number, 0 or more, for each agent")
    return count.astype(np.int64)

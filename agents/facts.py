"""Facts: how a type's annotations become columns, and what each column may hold."""

from __future__ import annotations

import inspect
import math
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from .bounds import Bounds
from .errors import AgentError, did_you_mean

__all__ = [
    "Array",
    "Column",
    "Fact",
    "NonNegative",
    "PortArray",
    "Ports",
    "Positive",
    "Shape",
    "fact",
    "facts_of",
    "port_count_of",
    "with_facts",
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
Positive = Annotated[float, Bounds(gt=0.0)]
"""A number above zero."""
NonNegative = Annotated[float, Bounds(ge=0.0)]
"""A number that is zero or above."""

LARGEST = 1e60
"""What no finite value of a fact may exceed: products of several facts, squares among them, are still numbers."""


@dataclass(frozen=True)
class Fact:
    """One column of a type's facts.

    Attributes
    ----------
    name, shape : by the annotation
    unit : such as "kW", or "1" where it has none; empty where the type does not say
    text : what it is, in words; empty where the type does not say
    limits : what each value keeps to
    default : None where a value must be given; inf also allows infinite values
    """

    name: str = ""
    shape: Shape = Shape.SCALAR
    unit: str = ""
    text: str = ""
    limits: tuple[Bounds, ...] = ()
    default: float | None = None

    @property
    def allowed(self) -> str:
        """What a value must be, in words."""
        what = "a number" if not self.shape.by_period else "a number, or one a period"
        words = [word for bounds in self.limits for word in bounds.words]
        return ", ".join([what, *words] + ([] if self.default == math.inf else ["finite"]))

    @property
    def about(self) -> str:
        """What it is, its unit first."""
        return ", ".join(part for part in ("" if self.unit == "1" else self.unit, self.text) if part)

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
        except (TypeError, ValueError, OverflowError):
            shown = f"{shape_of(value)} values" if shape_of(value) else repr(value)
            raise AgentError(f"{who}: {self.name} = {shown}; wanted {self.allowed}, in shape {wanted}") from None
        good = np.isfinite(column) if self.default != math.inf else ~np.isnan(column)
        for bounds in self.limits:
            good &= bounds.allows(column)
        self._refuse(column, good, who, self.allowed)
        self._refuse(column, (np.abs(column) <= LARGEST) | np.isinf(column), who, f"no more than {LARGEST:g}")
        return column

    def _refuse(self, column: Floats, good: npt.NDArray[np.bool_], who: str, wanted: str) -> None:
        """Name the first value that is not good, if there is one."""
        if not good.all():
            row, period = np.argwhere(~good)[0].tolist()
            where = f" (row {row}, period {period})" if column.size > 1 else ""
            raise AgentError(f"{who}: {self.name} = {column[row, period]:g}{where}; wanted {wanted}")


def fact(
    unit: str = "",
    text: str = "",
    *,
    default: float | None = None,
    gt: float | None = None,
    ge: float | None = None,
    le: float | None = None,
) -> Any:
    """Declare a fact with its unit, words, default and bounds in one expression; the annotation says its shape.

    ``power_max: Column = fact("kW", "largest power of the generator", ge=0.0)``. An annotation alone declares a fact too, which
    then has neither unit nor words. What a subclass leaves out is its base's: ``beta = fact(default=16.0)``.

    Every quantity has one unit, here and in all built-in types: power kW, energy kWh, time h, money rates $/h, prices $/kWh,
    their slopes $/kW²h, voltages pu, and "1" for shares, numbers and factors.

    Parameters
    ----------
    unit, text : what a list of the type's facts says about it
    default : None where a value must be given; inf also allows infinite values
    gt, ge, le : every value is more than, at least, at most this

    Returns
    -------
    A `Fact`, for `facts_of` to read; typed as Any, since the attribute of an agent is a column
    """
    bounds = Bounds(gt, ge, le)
    return Fact(unit=unit, text=text, limits=() if bounds == Bounds() else (bounds,), default=default)


def shape_of(value: Any) -> tuple[int, ...]:
    """Return the shape of what was given, rows of different lengths counting as one value each."""
    try:
        return np.shape(value)
    except ValueError:
        return np.asarray(value, dtype=object).shape


def facts_of(cls: type, taken: Container[str] = ()) -> dict[str, Fact]:
    """Read the annotated facts of a type, base classes first.

    Raises
    ------
    AgentError
        An annotation is no fact, or not known where the class stands, or of a name that is taken.
    """
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise AgentError(
            f"{cls.__name__}: an annotation is not known in {cls.__module__}: {error}. With `from __future__ import "
            "annotations` its names must stand at the top of the file, not in a function"
        ) from None
    inherited: dict[str, Fact] = {}
    for base in reversed(cls.__mro__[1:]):
        inherited |= vars(base).get("facts", {})
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
        if name in taken:
            raise AgentError(f"{cls.__name__}.{name}: every society has a {name} of its own; wanted another name")
        marks = get_args(hint)[1:]
        shape = next((mark for mark in marks if isinstance(mark, Shape)), Shape.SCALAR)
        limits = tuple(mark for mark in marks if isinstance(mark, Bounds))
        found = _declared(getattr(cls, name, None), inherited.get(name, Fact()))
        every = tuple(dict.fromkeys((*limits, *found.limits)))
        facts[name] = replace(found, name=name, shape=shape, limits=every)
    return facts


def _declared(value: Any, base: Fact) -> Fact:
    """Return the fact that a class attribute declares: a `Fact`, a default alone, or nothing; the rest is the base's."""
    if value is None:
        return base
    if not isinstance(value, Fact):
        return replace(base, default=float(value))
    default = base.default if value.default is None else value.default
    return Fact(
        unit=value.unit or base.unit, text=value.text or base.text, limits=value.limits or base.limits, default=default
    )


def with_facts(text: str, facts: Mapping[str, Fact]) -> str:
    """Return a type's docstring with a section about its facts, unless it has one or no fact says anything."""
    described = [fact for fact in facts.values() if fact.about]
    if not described or "Attributes\n" in text:
        return text
    lines = [f"{fact.name} : {fact.shape.value} {fact.about}" for fact in described]
    return "\n".join([inspect.cleandoc(text), "", "Attributes", "----------", *lines, ""])


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

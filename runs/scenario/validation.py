"""A pydantic error in one sentence: which field, what stood there, what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from ..common.errors import USER_ERRORS, ScenarioError, did_you_mean

__all__ = ["explain", "refuse_flags", "short", "validated"]

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], values: Any, where: str, context: Mapping[str, Any] | None = None) -> Model:
    """Return a model made of these values.

    Raises
    ------
    ScenarioError
        A field is unknown, missing or not allowed, or a user's own model cannot be made.
    """
    try:
        return model.model_validate(values, context=context)
    except ValidationError as error:
        raise ScenarioError(f"{where}: {explain(error, model)}") from None
    except USER_ERRORS:
        raise
    except Exception as error:
        raise ScenarioError(f"{where}: {model.__name__} cannot be made: {type(error).__name__}: {error}") from error


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first complaints of a validation, a field each.

    Parameters
    ----------
    error
    model : what was validated, to name the fields that exist
    """
    # A field that may be of several sorts has a complaint for each: they become one, "a number or a pair".
    told: dict[str, str] = {}
    for detail in error.errors():
        where = ".".join(str(part) for part in detail["loc"] if not _is_sort(part))
        told[where] = f"{told[where]} or {_wanted(detail)}" if where in told else _one(where, detail, model)
    more = len(told) - 4
    return "; ".join(list(told.values())[:4]) + (f"; and {more} more" if more > 0 else "")


def _is_sort(part: int | str) -> bool:
    """Tell whether a part of a location is pydantic's name for one sort of several, and no field."""
    return isinstance(part, str) and (part in ("float", "int", "str", "bool") or "[" in part)


def _wanted(detail: Any) -> str:
    message = str(detail["msg"]).removeprefix("Input should be ")
    return f"{message[0].lower()}{message[1:]}"


def _one(where: str, detail: Any, model: type[BaseModel]) -> str:
    given = detail.get("input")
    if detail["type"] == "extra_forbidden":
        known = _fields(model, detail["loc"][:-1])
        hint = did_you_mean(str(detail["loc"][-1]), known)
        return f"{where} = {short(given)}: there is no such field{hint}" + (
            f" Fields here: {', '.join(known)}" if known else ""
        )
    if detail["type"] == "missing":
        return f"{where} is missing"
    message = detail["msg"].removeprefix("Value error, ")
    message = f"{message[0].lower()}{message[1:]}"
    # A rule about a whole table names its fields itself.
    return f"{where} = {short(given)}: {message}" if where else message


def short(value: Any) -> str:
    """Return a value as it is shown in a message, on one line."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than some thousand digits
        text = "a number of very many digits"
    return text if len(text) <= 60 else text[:57] + "..."


def _fields(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """Names of the fields at a place in a model; nothing where the place is not plainly a model."""
    here: Any = model
    for step in path:
        if isinstance(step, int):
            continue
        info = getattr(here, "model_fields", {}).get(step)
        if info is None:
            return []
        inner = [a for a in (info.annotation, *getattr(info.annotation, "__args__", ())) if hasattr(a, "model_fields")]
        if not inner:
            return []
        here = inner[0]
    return [field.alias or name for name, field in here.model_fields.items()]


def refuse_flags(values: Mapping[str, Any], model: type[BaseModel], where: str) -> None:
    """Refuse true and false in fields that are no flags: pydantic would take them for 1 and 0.

    Raises
    ------
    ScenarioError
        Says which field.
    """
    for name, info in model.model_fields.items():
        for key in {name, info.alias or name}:
            given = values.get(key)
            listed = given if isinstance(given, list | tuple) else [given]
            if any(isinstance(one, bool) for one in listed) and bool not in (
                info.annotation,
                *get_args(info.annotation),
            ):
                raise ScenarioError(f"{where}: {key} = {given!r}: true and false are no numbers")

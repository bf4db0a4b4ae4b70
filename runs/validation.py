"""A pydantic error in one sentence: which field, what stood there, what is allowed."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError

__all__ = ["explain"]


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first complaints of a validation, a field each.

    Parameters
    ----------
    error
    model : what was validated, to name the fields that exist
    """
    told = [_one(detail, model) for detail in error.errors()[:4]]
    more = error.error_count() - len(told)
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")


def _one(detail: Any, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in detail["loc"]) or "the file"
    given = detail.get("input")
    if detail["type"] == "extra_forbidden":
        known = _fields(model, detail["loc"][:-1])
        near = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"{where} = {_short(given)}: there is no such field{hint}" + (f" Fields here: {', '.join(known)}" if known else "")
    if detail["type"] == "missing":
        return f"{where} is missing"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{where} = {_short(given)}: {message[0].lower()}{message[1:]}"


def _short(value: Any) -> str:
    text = repr(value)
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

"""Batches: methods that answer for a column of agents at once, and those that are called once for each agent."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from .errors import AgentError

__all__ = ["batched", "is_batched", "once_per_agent"]

Floats = npt.NDArray[np.float64]
Body = TypeVar("Body", bound=Callable[..., Any])


def batched(body: Body) -> Body:
    """Mark a method as written for columns: the same lines answer one agent or a million.

    Without the mark the method is called once per agent, on columns of one row.
    """
    marked: Any = body
    marked._batched = True
    return body


def is_batched(body: object) -> bool:
    """Tell whether a method is marked as written for columns."""
    return bool(getattr(body, "_batched", False))


def once_per_agent(body: Callable[..., Floats]) -> Callable[..., Floats]:
    """Return a method for a whole society that calls `body` with one agent at a time."""

    @wraps(body)
    def loop(self: Any, *columns: Floats) -> Floats:
        if len(self) == 1:
            return body(self, *columns)
        spans = [slice(a, b) for a, b in zip(self.row_start[:-1], self.row_start[1:], strict=True)]
        parts = [body(self[k], *(c[span] for c in columns)) for k, span in enumerate(spans)]
        for k, part in enumerate(parts):
            if np.ndim(part) != 2:
                raise AgentError(
                    f"{type(self).__name__}.{body.__name__} of {self[k].names[0]} returned shape {np.shape(part)}; "
                    f"wanted one column a period, {self.periods} of them"
                )
        return np.concatenate(parts)

    return loop

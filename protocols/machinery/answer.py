"""Answer: the one question, put to a society, and what comes back checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import Society
from ...environment.code import Culprit, ended_from_outside, raised
from ...environment.remembered import fixed
from ..errors import AnswerError, AskError

__all__ = ["answer"]

Floats = npt.NDArray[np.float64]
Asked = list[Floats]

_SHOWN = 4
"""Numbers of a question that an error tells."""


def answer(society: Society, price: Floats, target: Floats, rho: Floats) -> Floats:
    """Ask a society the one question and check what comes back.

    Raises
    ------
    AnswerError
        `respond` raised, or returned another shape or something that is not finite; says which agent and what it was asked.
    AskError
        It was asked with what is not finite.
    """
    # What was asked is also what others read: an agent may look at it and no more.
    asked = [fixed(column.view()) for column in (price, target, rho)]
    try:
        x: Any = np.asarray(society.respond(*asked))
    except BaseException as error:
        if ended_from_outside(error):
            raise
        raise _failure(*_first_that_raises(society, asked, error), raised(error), error) from error
    wanted = (society.rows, society.periods)
    if x.shape != wanted or x.dtype.kind not in "fiu":
        told = f"returned {x.dtype} of shape {x.shape}; wanted floats of shape {wanted} = (rows, periods)"
        raise _failure(society, asked, told)
    good = np.isfinite(x)
    if not good.all():
        row, period = np.argwhere(~good)[0].tolist()
        k = int(np.searchsorted(society.row_start, row, side="right")) - 1
        at = f"returned {x[row, period]} in row {row - int(society.row_start[k])}, period {period}"
        raise _failure(society[k], _of_agent(society, asked, k), at)
    if any(np.may_share_memory(x, column) for column in asked):
        x = x.copy()  # an answer that is what was asked would change with the next ask
    return np.asarray(x, dtype=np.float64)


def _failure(society: Society, asked: Asked, what: str, error: BaseException | None = None) -> AnswerError | AskError:
    """Return the error of an agent that cannot answer, or of a protocol that has asked it what nobody can answer."""
    names = society.names
    who = names[0] if len(names) == 1 else f"one of {len(names)} agents, the first of them {names[0]},"
    question = ", ".join(
        f"{name} {_shown(column)} {unit}"
        for name, column, unit in zip(("price", "target", "rho"), asked, ("$/kWh", "kW", "$/kW²h"), strict=True)
    )
    if not all(np.isfinite(column).all() for column in asked):
        return AskError(f"{who} was asked with {question}: that is no question")
    kind = type(society)
    culprit = Culprit.of(kind, "respond", who.rstrip(","), question, error)
    return AnswerError(f"{kind.__name__}.respond of {who} {what}, asked with {question}", culprit)


def _first_that_raises(society: Society, asked: Asked, error: BaseException) -> tuple[Society, Asked]:
    """Return the first agent that raises the same when it is asked by itself; all of them where none does."""
    low, high = 0, len(society)
    while high - low > 1:
        middle = (low + high) // 2
        if _raises(society, asked, low, middle, error):
            high = middle
        elif _raises(society, asked, middle, high, error):
            low = middle
        else:
            return (society, asked) if (low, high) == (0, len(society)) else _part(society, asked, low, high)
    return society[low], _of_agent(society, asked, low)


def _raises(society: Society, asked: Asked, low: int, high: int, error: BaseException) -> bool:
    part, columns = _part(society, asked, low, high)
    try:
        part.respond(*columns)
    except BaseException as again:
        if ended_from_outside(again):
            raise
        return type(again) is type(error)
    return False


def _part(society: Society, asked: Asked, low: int, high: int) -> tuple[Society, Asked]:
    rows = slice(int(society.row_start[low]), int(society.row_start[high]))
    return society.take(slice(low, high)), [column[rows] for column in asked]


def _of_agent(society: Society, asked: Asked, k: int) -> Asked:
    return _part(society, asked, k, k + 1)[1]


def _shown(column: Floats) -> str:
    flat = column.ravel()
    text = ", ".join(f"{value:g}" for value in flat[:_SHOWN]) + (", ..." if flat.size > _SHOWN else "")
    return text if flat.size == 1 else f"[{text}]"

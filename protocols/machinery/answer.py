"""Answer: the one question, put to a society, and what comes back checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import AgentError, Society
from ...environment.remembered import fixed

__all__ = ["answer"]

Floats = npt.NDArray[np.float64]


def answer(society: Society, price: Floats, target: Floats, rho: Floats) -> Floats:
    """Ask a society the one question and check what comes back.

    Raises
    ------
    AgentError
        `respond` raised, or returned another shape or something that is not finite; says which agent and at what price.
    """
    name = type(society).__name__
    # What was asked is also what others read: an agent may look at it and no more.
    asked = [fixed(column.view()) for column in (price, target, rho)]
    try:
        x: Any = np.asarray(society.respond(*asked))
    except Exception as error:
        raise AgentError(
            f"{name}.respond raised {type(error).__name__}: {error} (first asked: {society[0].names[0]})"
        ) from error
    wanted = (society.rows, society.periods)
    if x.shape != wanted or x.dtype.kind not in "fiu":
        raise AgentError(
            f"{name}.respond returned {x.dtype} of shape {x.shape}; wanted floats of shape {wanted} = (rows, periods)"
        )
    good = np.isfinite(x)
    if not good.all():
        row, period = np.argwhere(~good)[0].tolist()
        who = society[int(np.searchsorted(society.row_start, row, side="right")) - 1].names[0]
        at = f"price {price[row, period]:g}, target {target[row, period]:g}, rho {rho[row, 0]:g}"
        raise AgentError(
            f"{name}.respond of {who} returned {x[row, period]} in row {row}, period {period}, asked with {at}"
        )
    if any(np.may_share_memory(x, column) for column in asked):
        x = x.copy()  # an answer that is what was asked would change with the next ask
    return np.asarray(x, dtype=np.float64)

"""The central reference: the whole market as one convex programme, solved by CVXPY with Clarabel, apart from any message."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import AgentError, Society
from ...protocols import Market

__all__ = ["ROWS_MAX", "Reference", "central_solve"]

Floats = npt.NDArray[np.float64]

Programme = Callable[[Society, Any, Any], tuple[Any, list[Any]]]
"""Returns the cost and the constraints of a society's variable."""

ROWS_MAX = 60_000
"""Numbers in the central programme beyond which a run does without it, unless asked."""

_TOLERANCES = (1e-11, 1e-10, 1e-9)
"""Of the solver, tried in turn: small markets reach the first, logarithms of thousands of households only a later one."""


@dataclass(frozen=True)
class Reference:
    """The optimum of a market.

    Attributes
    ----------
    cost : $/h, of all agents, regularising terms included as the societies have them
    x : by population, (rows, periods) kW
    price : (B, periods) $/kWh, the dual of each balance
    status : the solver's word, "optimal" or "optimal_inaccurate"
    """

    cost: float
    x: list[Floats]
    price: Floats
    status: str


def central_solve(
    market: Market,
    societies: Sequence[Society] | None = None,
    *,
    transfers: bool = True,
    ask: Programme | None = None,
) -> Reference | None:
    """Solve a market centrally.

    Parameters
    ----------
    market
    societies : instead of the market's own, such as those without regularising terms
    transfers : whether tie-lines carry anything; if not, every microgrid acts alone
    ask : instead of a society's `reference`, which then may be missing: asked with a society, cvxpy and its variable

    Returns
    -------
    None where some type has no `reference(cp, x)`, or where the programme has no solution.

    Raises
    ------
    AgentError
        A type's `reference` raised, or returned something else than a convex cost and a list of constraints.
    """
    import cvxpy as cp  # here: loading it takes as long as everything else, and many runs do without

    societies = [p.society for p in market.populations] if societies is None else societies
    if ask is None and not all(society.offers("reference") for society in societies):
        return None
    variables = [cp.Variable((society.rows, society.periods)) for society in societies]
    cost: Any = 0.0
    limits: list[Any] = []
    for society, x in zip(societies, variables, strict=True):
        part, bounds = _programme(society, cp, x, ask)
        cost, limits = cost + part, limits + bounds
    balance = sum(gather @ x for gather, x in zip(market.gather, variables, strict=True)) == 0
    if not transfers:
        limits += _nothing_joined(market, variables)
    problem = cp.Problem(cp.Minimize(cost), [balance, *limits])
    if not _solved(problem):
        return None
    dual = np.asarray(balance.dual_value)
    return Reference(float(problem.value), [np.asarray(x.value) for x in variables], dual, str(problem.status))


def _nothing_joined(market: Market, variables: Sequence[Any]) -> list[Any]:
    """Return the constraints that agents exchange nothing but at home."""
    at = [at[market.topology.row_place[row] > 0] for at, row in market.rows]
    return [x[rows, :] == 0 for x, rows in zip(variables, at, strict=True) if len(rows)]


def _programme(society: Society, cp: Any, x: Any, ask: Programme | None) -> tuple[Any, list[Any]]:
    """Ask a society for its part of the programme and check that it is one."""
    name = f"{type(society).__name__}.reference"
    try:
        part, bounds = society.reference(cp, x) if ask is None else ask(society, cp, x)
        part, bounds = cp.Expression.cast_to_const(part), list(bounds)
        convex = part.is_scalar() and part.is_convex()
        wrong = [str(bound) for bound in bounds if not bound.is_dcp()]
    except Exception as error:
        raise AgentError(
            f"{name} raised {type(error).__name__}: {error}; wanted (cost, [constraints]) of a CVXPY variable"
        ) from error
    if not convex:
        raise AgentError(f"{name}: the cost is no convex number by CVXPY's rules: {part}")
    if wrong:
        raise AgentError(f"{name}: a constraint is not convex by CVXPY's rules: {wrong[0]}")
    return part, bounds


def _solved(problem: Any) -> bool:
    import cvxpy as cp

    for tolerance in _TOLERANCES:
        with warnings.catch_warnings():
            # The status says the same as the warning, and the next tolerance follows.
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")
            try:
                problem.solve(
                    solver=cp.CLARABEL, tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance, max_iter=200
                )
            except cp.error.SolverError:
                continue
        if problem.status != cp.OPTIMAL_INACCURATE:
            break
    return problem.status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE)

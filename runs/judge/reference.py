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
from .findings import Finding, Probe, kit_hint
from .metrics import cost_of

__all__ = ["ROWS_MAX", "Reference", "central_solve", "find_contradiction"]

Floats = npt.NDArray[np.float64]

Programme = Callable[[Society, Any, Any], tuple[Any, list[Any]]]
"""Returns the cost and the constraints of a society's variable."""

ROWS_MAX = 60_000
"""Numbers in the central programme beyond which a run does without it, unless asked."""

_HAIR, _TRUST = 1e-6, 1e-5
"""Share of the way from one point to another that counts as none, and relative difference of two costs that is none."""
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


# A reference against the cost that it should be --------------------------------------------------------------------


def find_contradiction(market: Market, x: list[Floats], best: Reference | None) -> Probe:
    """Find the agent whose `reference` differs most from its `cost`, at a negotiated point and at the central optimum.

    Parameters
    ----------
    market
    x : by population, (rows, periods) kW, a point that all agents can keep by their `cost`
    best : the central optimum, by their `reference`; None where they allow no point
    """
    # A solver's optimum may lie outside a limit by its tolerance; a hair towards x it does not.
    near = [] if best is None else [theirs + _HAIR * (mine - theirs) for mine, theirs in zip(x, best.x, strict=True)]
    found = [
        (*_worst_agent(population.society, rows), population)
        for point in ([x, near] if near else [x])
        for population, rows in zip(market.populations, point, strict=True)
        if len(population.society)
    ]
    off, k, ours, theirs, population = max(found, key=lambda one: one[0])
    if off <= _TRUST:
        return Probe()
    kind = type(population.society)
    who = f"{population.society[k].names[0]} ({kind.__name__})"
    told = f"the `reference` of {who} is {theirs:.6g} $/h where its `cost` is {ours:.6g} $/h"
    if np.isinf(theirs):
        told = f"the `reference` of {who} does not allow what its `cost` allows"
    elif np.isinf(ours):
        told = f"the `reference` of {who} allows what its `cost` does not"
    name = population.society[k].names[0]
    return Probe((Finding(name, kind.__name__, "reference", "", detail=told, hint=kit_hint(kind)),), 1)


def _worst_agent(society: Society, x: Floats) -> tuple[float, int, float, float]:
    """Return by how much an agent's cost and reference differ at x, which agent's, and both in $/h: found by halving."""
    low, high, here = 0, len(society), _apart(society, x)
    while high - low > 1:
        middle = (low + high) // 2
        halves = [
            (_apart(society.take(slice(a, b)), x[society.row_start[a] : society.row_start[b]]), a, b)
            for a, b in ((low, middle), (middle, high))
        ]
        here, low, high = max(halves, key=lambda half: half[0][0])
    return here[0], low, here[1], here[2]


def _apart(society: Society, x: Floats) -> tuple[float, float, float]:
    """Return the relative difference of the cost of some agents and their reference at x, and both, $/h."""
    import cvxpy as cp

    ours = cost_of(society, x)
    variable = cp.Variable(x.shape)
    cost, limits = _programme(society, cp, variable, None)
    problem = cp.Problem(
        cp.Minimize(cost), [*limits, cp.abs(variable - x) <= _HAIR * np.maximum(1.0, np.abs(x)) / 10.0]
    )
    theirs = float(problem.value) if _solved(problem) else np.inf
    if np.isinf(ours) and np.isinf(theirs):
        return 0.0, ours, theirs
    return abs(ours - theirs) / max(1.0, min(abs(ours), abs(theirs))), ours, theirs


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

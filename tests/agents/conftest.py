"""Ways to ask a society, to draw one by chance, and to find the right answer by other means."""

import warnings
from typing import Any

import cvxpy as cp
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gridparley.agents import Society


def col(*values: float) -> np.ndarray:
    """One number an agent, (n, 1)."""
    return np.array(values, dtype=float)[:, None]


def ask(society: Society, price: Any = 0.0, target: Any = 0.0, rho: Any = 0.0) -> np.ndarray:
    """Ask with numbers or columns, all of them read-only, so that an answer which writes to its question fails."""
    columns = []
    for value, width in ((price, society.periods), (target, society.periods), (rho, 1)):
        column = np.array(np.broadcast_to(np.asarray(value, dtype=float), (society.rows, width)))
        column.flags.writeable = False
        columns.append(column)
    x = society.respond(*columns)
    assert x.shape == (society.rows, society.periods)
    assert x.dtype == np.float64
    return x


def frozen(society: Society) -> Society:
    """Make every column of a society read-only."""
    for name in society.facts:
        getattr(society, name).flags.writeable = False
    return society


def objective(society: Society, x: np.ndarray, price: Any, target: Any, rho: Any) -> np.ndarray:
    """(n, periods): what each agent minimises."""
    terms = price * x + np.asarray(rho) / 2 * (x - target) ** 2
    return society.cost(x) + np.add.reduceat(np.broadcast_to(terms, x.shape), society.own_rows, axis=0)


def by_cvxpy(society: Society, price: Any, target: Any, rho: Any) -> np.ndarray:
    """Return the best answer that CVXPY finds from the type's own `reference`."""
    x = cp.Variable((society.rows, society.periods))
    cost, limits = society.reference(cp, x)
    price, target, rho = (np.broadcast_to(np.asarray(v, dtype=float), x.shape) for v in (price, target, rho))
    pull = cp.sum(cp.multiply(rho / 2, cp.square(x - target)))
    problem = cp.Problem(cp.Minimize(cost + cp.sum(cp.multiply(price, x)) + pull), limits)
    solve(problem)
    return np.asarray(x.value)


def solve(problem: cp.Problem) -> None:
    """Solve as exactly as the solver can: with exponentials it cannot always reach the first tolerance."""
    for tolerance in (1e-10, 1e-9, 1e-8):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")
            problem.solve(solver=cp.CLARABEL, tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance)
        if problem.status == cp.OPTIMAL:
            return
    raise AssertionError(f"{problem.status} at every tolerance")


def assert_best(
    society: Society, price: Any, target: Any, rho: Any, tolerance: float = 2e-5, *, coupled: bool = False
) -> None:
    """The answer is within its limits, no worse than the reference's, in sum where periods are coupled, and at its place."""
    x = ask(society, price, target, rho)
    best = by_cvxpy(society, price, target, rho)
    mine = objective(society, x, price, target, rho)
    assert np.isfinite(mine).all()
    scale = 1 + np.abs(best).max()
    assert np.abs(x - best).max() <= tolerance * scale
    # The solver's point may lie outside the limits by its tolerance, so it is pulled back before its cost is asked.
    inside = 0.999999 * best + 0.000001 * x
    theirs = objective(society, inside, price, target, rho)
    if coupled:
        mine, theirs = mine.sum(axis=1), theirs.sum(axis=1)
    assert (mine <= np.where(np.isfinite(theirs), theirs, np.inf) + 1e-9 * (1 + np.abs(mine))).all()


def one_by_one(society: Society, method: str, *columns: np.ndarray) -> np.ndarray:
    """Ask every agent alone, through a window on its row, and put the answers together."""
    spans = [slice(a, b) for a, b in zip(society.row_start[:-1], society.row_start[1:], strict=True)]
    return np.concatenate([getattr(society[k], method)(*(c[s] for c in columns)) for k, s in enumerate(spans)])


def assert_same_bits(one: np.ndarray, two: np.ndarray) -> None:
    """Equal to the last bit, the sign of zero included."""
    assert one.shape == two.shape
    assert np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(two).tobytes()


def numbers(low: float, high: float, *, special: tuple[float, ...] = ()) -> st.SearchStrategy[float]:
    """Numbers in a range, the round and the special ones more often than chance would have it."""
    steps = [low + (high - low) * k / 8 for k in range(9)]
    return st.sampled_from([*special, *steps]) | st.floats(low, high, allow_subnormal=False)


def columns(rows: int, width: int, elements: st.SearchStrategy[float]) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float64, (rows, width), elements=elements, fill=st.nothing())


@st.composite
def questions(draw: st.DrawFn, rows: int, periods: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(price, target, rho), with rho zero in some rows."""
    price = draw(columns(rows, periods, numbers(-4, 12, special=(0.0, 1e6, -1e6))))
    target = draw(columns(rows, periods, numbers(-8, 8, special=(0.0, 1e3))))
    rho = draw(columns(rows, 1, st.just(0.0) | numbers(0.125, 4, special=(1e-3, 100.0))))
    return price, target, rho

"""Products and decompositions whose sums are taken in one order on every processor, which those of a BLAS library are not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["principal", "times"]

Floats = npt.NDArray[np.float64]

_SWEEPS = 40
_ORTHOGONAL = 1e-15
"""Of the sum of all squares: a product of two rows below which they count as orthogonal."""


def times(matrix: Floats, vector: Floats) -> Floats:
    """Return the product of (m, n) and (n,), or of (n,) and (n,): einsum's own loops, without BLAS."""
    return np.asarray(np.einsum("...j,j->...", matrix, vector))


def principal(matrix: Floats) -> tuple[Floats, Floats]:
    """Return the singular values of (m, n), the largest first, and the right singular vectors, (k,) and (k, n), k = min(m, n).

    One-sided Jacobi: rows are turned in pairs until all are orthogonal, disjoint pairs at once (Brent and Luk, SIAM Journal on
    Scientific and Statistical Computing 6, 1985).
    """
    m, n = matrix.shape
    rows = (matrix if m < n else matrix.T).copy()
    turned = rows if m < n else np.eye(n)
    k = len(rows)
    bound = _ORTHOGONAL * float(np.square(rows).sum())
    for _ in range(_SWEEPS):
        largest = 0.0
        for one, other in _pairs(k):
            largest = max(largest, _turn(rows, turned, one, other, bound))
        if largest <= bound:
            break
    size = np.sqrt(np.square(rows).sum(axis=1))
    order = np.argsort(-size, kind="stable")
    vectors = turned[order]
    if m < n:
        vectors = np.divide(vectors, size[order, None], out=np.zeros_like(vectors), where=size[order, None] > 0.0)
    return size[order], vectors


def _pairs(k: int) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Return rounds of disjoint pairs of 0 .. k-1 in which each meets each other once."""
    size = k + k % 2
    ring, found = np.arange(size), []
    for _ in range(size - 1):
        one, other = ring[: size // 2], ring[: size // 2 - 1 : -1]
        there = (one < k) & (other < k)
        found.append((one[there], other[there]))
        ring = np.concatenate([ring[:1], ring[-1:], ring[1:-1]])
    return found


def _turn(rows: Floats, turned: Floats, one: npt.NDArray[np.intp], other: npt.NDArray[np.intp], bound: float) -> float:
    """Turn each pair of rows so that they are orthogonal; return the largest product that there was."""
    a, b = rows[one], rows[other]
    product = np.einsum("ij,ij->i", a, b)
    off = np.abs(product) > bound
    if not off.any():
        return float(np.abs(product).max(initial=0.0))
    one, other, a, b, product = one[off], other[off], a[off], b[off], product[off]
    zeta = (np.einsum("ij,ij->i", b, b) - np.einsum("ij,ij->i", a, a)) / (2.0 * product)
    tangent = np.where(zeta < 0.0, -1.0, 1.0) / (np.abs(zeta) + np.sqrt(1.0 + zeta * zeta))
    cosine = (1.0 / np.sqrt(1.0 + tangent * tangent))[:, None]
    sine = tangent[:, None] * cosine
    rows[one], rows[other] = cosine * a - sine * b, sine * a + cosine * b
    if turned is not rows:
        a, b = turned[one], turned[other]
        turned[one], turned[other] = cosine * a - sine * b, sine * a + cosine * b
    return float(np.abs(product).max())

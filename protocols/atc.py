"""Analytical target cascading: targets from the network and the platform, responses from the peers (note 003)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from .exchange_admm import RHO_MAX, RHO_MIN, ExchangeADMM
from .machinery.coordination.balances import Balances
from .machinery.market import Market

__all__ = ["ATC", "JOINED"]

Floats = npt.NDArray[np.float64]

JOINED = ("tie_line", "trade", "connection")
"""Kinds of balances that join two agents."""

_STEP = 0.49
"""How far a copy goes to what its end answers. Below a half, one over the number of ends, it is proven to converge."""


class ATC(ExchangeADMM):
    """Copies of one quantity at two levels, held together by v c + (w c)², c being the target less the response.

    Upper level: the network operator, a utility that buys at wholesale, and the platform, which is the virtual agents;
    lower level: the peers. v is the price of a line: of a connection the marginal price of its bus (DLMP), and of a trade
    what it is worth beyond the difference of the DLMPs at both ends, which is its network usage charge. All solve at once
    in a round of two ticks. Each end is asked with (v, target, 2 w²), its target being what makes c vanish with the other
    end's copy s. Then

        s += step (x - s),   v += step 2 w² (s_1 + s_2),   w *= beta,   target_1 = -s_2, target_2 = -s_1

    It is the diagonal quadratic approximation of the penalty's cross term with one inner step (Y. Li, Z. Lu and
    J. J. Michalek, Diagonal Quadratic Approximation for Parallelization of Analytical Target Cascading, Journal of
    Mechanical Design 130, 2008); for step < 1/2 and a fixed w it converges for every convex market (N. Chatzipanagiotis,
    D. Dentcheva and M. Zavlanos, An augmented Lagrangian method for distributed optimization, Mathematical Programming
    152, 2015). While penalties adapt, 2 w² moves to the geometric mean of both ends' curvatures, as two answers tell them.
    Where agents live, at buses and pools, it is exchange ADMM.

    The penalty is augmented (both terms), linear (v alone: dual ascent, which needs curved costs at every end) or quadratic
    (w alone: exact only as w grows without end, by beta). Source: note 003, as we reconstruct it; S. Tosserams,
    L. F. P. Etman, P. Y. Papalambros and J. E. Rooda, An augmented Lagrangian relaxation for analytical target cascading
    using the alternating direction method of multipliers, Structural and Multidisciplinary Optimization 31, 2006.

    Examples
    --------
    >>> ATC(penalty="quadratic", beta=1.05, adapting=0).beta
    1.05
    """

    name: ClassVar[str] = "atc"
    pooled: ClassVar[tuple[str, ...]] = JOINED

    rho: float = Field(default=0.001, ge=RHO_MIN, le=RHO_MAX, description="first 2 w², $/kW²h; it adapts by itself")
    adapting: int = Field(default=1000, ge=0, description="rounds of a period in which penalties adapt, less and less")
    penalty: Literal["augmented", "linear", "quadratic"] = Field(
        default="augmented", description="which terms of v c + (w c)² there are"
    )
    beta: float = Field(default=1.0, ge=1.0, le=10.0, description="by which w grows each round")

    def allowed(self, name: str) -> tuple[float, float]:
        """Return least and most of a field that is asked; a linear penalty asks with rho = 0."""
        low, high = super().allowed(name)
        return (0.0 if name == "rho" and self.penalty == "linear" else low), high

    def weights(self, market: Market) -> Mapping[str, Floats]:
        """Return 0 for the term that the penalty function does not have, in balances that join two agents."""
        if self.penalty == "augmented":
            return {}
        topology = market.topology
        joined = np.array([kind.name in JOINED for kind in topology.kinds])[topology.kind[topology.row_balance]]
        return {"price" if self.penalty == "quadratic" else "rho": np.where(joined, 0.0, 1.0)[:, None]}

    def update(self, balances: Balances) -> None:
        """Take a step in every balance."""
        joined = balances.kind_in(*JOINED)
        if not joined.all():
            super().update(balances.take(~joined))
        if joined.any():
            self._couple(balances.take(joined))

    def _couple(self, b: Balances) -> None:
        """Take a step in balances of two rows."""
        one, two = b.pairs
        x, rho, before, accumulates = b.x, b.rho, b.target, self.penalty != "quadratic"
        gradient = -(rho * (x - before))
        if accumulates:
            gradient -= b.spread(b.price)
        copy = np.empty_like(before)  # each end's copy is what the other end's target came from
        copy[one], copy[two] = -before[two], -before[one]
        copy += _STEP * (x - copy)
        apart = rho[one] * (copy[one] + copy[two])
        b.price = b.price + _STEP * apart if accumulates else apart
        target = np.empty_like(copy)
        target[one], target[two] = -copy[two], -copy[one]
        moved = np.maximum(np.abs(rho * (target - before)), np.abs(rho * (x - copy))).max(axis=1)
        b.moved = np.maximum(np.abs(apart).max(axis=1), b.most(moved))[:, None]
        adapting = b.spread(b.steps < self.adapting)
        if adapting.any():
            new = self.curvature(b, x, gradient)
            mean = np.exp((np.log(new[one]) + np.log(new[two])) / 2.0)
            new[one], new[two] = mean, mean
            rho = np.where(adapting, new, rho)
        b.rho = np.clip(rho * self.beta**2, RHO_MIN, RHO_MAX)
        b.target, b.last_x, b.last_gradient = target, x, gradient
        b.steps += 1.0

"""Analytical target cascading: targets from the network and the platform, responses from the peers (note 003)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from .exchange_admm import ExchangeADMM, ExchangeKeeper
from .machinery.coupling import Coupling
from .machinery.exchange import RHO_MAX, RHO_MIN
from .machinery.keeper import Keeper

__all__ = ["ATC"]

Floats = npt.NDArray[np.float64]


class ATCKeeper(ExchangeKeeper):
    """Virtual agents of `ATC`: a pair of copies for each tie-line; buses are balances as in exchange ADMM."""

    line_exchange = Coupling
    kin = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        assert isinstance(self.protocol, ATC)
        assert isinstance(self.line, Coupling)
        self.line.beta, self.line.accumulates = self.protocol.beta, self.protocol.penalty != "quadratic"

    def ask(self, *, books: bool) -> Floats:
        """Return price, target and penalty; on lines only the terms that the penalty function has."""
        asked = super().ask(books=books)
        penalty, periods = self.protocol.penalty, self.price.shape[1]  # type: ignore[attr-defined]
        if books and penalty != "augmented":
            asked = asked.copy()
            asked[:, slice(periods) if penalty == "quadratic" else slice(2 * periods, None)] = 0.0
        return asked


class ATC(ExchangeADMM):
    """Copies of one quantity at two levels, held together by v c + (w c)^2, c being the target less the response.

    Upper level: the network operator, a utility that buys at wholesale, and the platform, which is the virtual agents;
    lower level: the peers. v is the price of a line: of a connection the marginal price of its bus (DLMP), and of a trade
    what it is worth beyond the difference of the DLMPs at both ends, which is its network usage charge. All solve at once
    in a round of two ticks: see `Coupling`. The penalty is augmented (both terms), linear (v alone: dual ascent, which
    needs curved costs at every end) or quadratic (w alone: exact only as w grows without end, by beta). Source: note 003,
    as we reconstruct it; S. Tosserams, L. F. P. Etman, P. Y. Papalambros and J. E. Rooda, An augmented Lagrangian
    relaxation for analytical target cascading using the alternating direction method of multipliers, Structural and
    Multidisciplinary Optimization 31, 2006.

    Examples
    --------
    >>> ATC(penalty="quadratic", beta=1.05, adapting=0).beta
    1.05
    """

    name: ClassVar[str] = "atc"

    rho: float = Field(default=0.001, ge=RHO_MIN, le=RHO_MAX, description="first 2 w², $/kW²h; it adapts by itself")
    adapting: int = Field(default=1000, ge=0, description="rounds of a period in which penalties adapt, less and less")
    penalty: Literal["augmented", "linear", "quadratic"] = Field(
        default="augmented", description="which terms of v c + (w c)² there are"
    )
    beta: float = Field(default=1.0, ge=1.0, le=10.0, description="by which w grows each round")

    @property
    def keeper(self) -> type[Keeper]:
        """The virtual agents' role."""
        return ATCKeeper

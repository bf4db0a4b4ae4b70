"""DLMP-ADMM: peers trade, the network operator prices what they inject, and a rule says how its prices count (note 002)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from .atc import JOINED
from .errors import ProtocolError
from .exchange_admm import RHO_MAX, RHO_MIN, ExchangeADMM
from .machinery.market import Market, Population
from .machinery.role import Role

__all__ = ["DlmpADMM"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class DlmpADMM(ExchangeADMM):
    """Normalised equilibria of peers on a network: exchange ADMM, in which the price of a line may count differently by end.

    Trades are balances of two peers, and the connection of each peer is a balance with the network, whose price is the
    marginal price of its bus (DLMP). A proposal that the network cannot carry is answered with a price and a target, never
    dropped. Player i has cost J_i; the limits of the network and the balance of each trade are shared. How their
    multipliers count: ``variational``, alike for all; ``rosen``, 1 / r_i of all of them for player i, so that sum r_i J_i is
    least (J. B. Rosen, Existence and Uniqueness of Equilibrium Points for Concave N-Person Games, Econometrica 33, 1965);
    ``network_weighted``, w_i times the network's for player i, and trades alike. The last is an equilibrium, but of no
    common cost, and convergence to it is not guaranteed. Weights are facts of the market that the virtual agents know; that
    of the agent which says that it runs the network is one. Source: note 002, as we reconstruct it.

    Examples
    --------
    >>> DlmpADMM(rule="rosen").rule
    'rosen'
    """

    name: ClassVar[str] = "dlmp_admm"
    pooled: ClassVar[tuple[str, ...]] = JOINED

    rho: float = Field(default=0.001, ge=RHO_MIN, le=RHO_MAX, description="first penalty, $/kW²h; it adapts by itself")
    adapting: int = Field(default=1000, ge=0, description="rounds of a period in which penalties adapt, less and less")
    rule: Literal["variational", "network_weighted", "rosen"] = Field(
        default="variational", description="how shared multipliers count for each peer"
    )

    def weights(self, market: Market) -> Mapping[str, Floats]:
        """Return how much the price of its balance counts for each row, and with it the penalty."""
        if self.rule == "variational" or market.weight is None:
            return {}
        topology, weight = market.topology, market.weight
        if self.rule == "rosen":
            weight = 1.0 / weight
        else:
            shared = np.zeros(len(topology.balances), dtype=bool)
            shared[topology.row_balance[_of_network(market)]] = True
            weight = np.where(shared[topology.row_balance, None], weight, 1.0)
        return {"price": weight, "rho": weight}

    def optimised(self, market: Market) -> Market | None:
        """Return the market itself, the one with weighted costs, or None, by the rule."""
        if self.rule == "variational" or market.weight is None:
            return market
        if self.rule == "network_weighted":
            return None
        populations = []
        for population, (_, row) in zip(market.populations, market.rows, strict=True):
            society = population.society
            if not society.runs_network:
                if not society.offers("scaled"):
                    raise ProtocolError(
                        f"rule = 'rosen' weights the costs of {type(society).__name__}, which has no `scaled(weight)`"
                    )
                first = np.searchsorted(market.topology.row_agent[row], population.address)
                society = society.scaled(market.weight[row][first])
            populations.append(Population(society, population.address))
        return Market(market.topology, market.virtual, tuple(populations), market.periods)

    def roles(self, market: Market, *, one_by_one: bool = False) -> list[Role]:
        """Return the roles of a market.

        Raises
        ------
        ProtocolError
            A rule with weights has no network to apply them to, or costs cannot be weighted.
        """
        if self.rule != "variational" and not _of_network(market).any():
            raise ProtocolError(
                f"rule = {self.rule!r} is about a network, and no agent of this market runs one; a type that does says "
                "runs_network = True, as NetworkOperator"
            )
        self.optimised(market)
        return super().roles(market, one_by_one=one_by_one)


def _of_network(market: Market) -> Mask:
    """(R,): the rows of agents that run a network."""
    found = np.zeros(len(market.topology.row_agent), dtype=bool)
    for population, (_, row) in zip(market.populations, market.rows, strict=True):
        found[row] = population.society.runs_network
    return found

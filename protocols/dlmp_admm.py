"""DLMP-ADMM: peers trade, the network operator prices what they inject, and a rule says how its prices count (note 002)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from .errors import ProtocolError
from .exchange_admm import ExchangeADMM, ExchangeKeeper
from .machinery.exchange import RHO_MAX, RHO_MIN
from .machinery.keeper import Keeper
from .machinery.market import Market, Population
from .machinery.role import Role

__all__ = ["DlmpADMM"]

Floats = npt.NDArray[np.float64]


class DlmpKeeper(ExchangeKeeper):
    """Virtual agents of `DlmpADMM`."""

    kin = True


class WeighingKeeper(DlmpKeeper):
    """The same where each end of a line is asked with what the line's price counts for it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        assert isinstance(self.protocol, DlmpADMM)
        self._weight = self.protocol.counts(args[1])[self.wiring.book_line].reshape(-1, 1)

    def ask(self, *, books: bool) -> Floats:
        """Return price, target and penalty; the price and the penalty of an end of a line times its weight."""
        asked = super().ask(books=books)
        return self._times(asked, self._weight) if books else asked

    def told(self, asked: Floats) -> Floats:
        """Take the weights out again."""
        members = len(self.wiring.member_hub)
        lines = self._times(asked[members:], 1.0 / self._weight)
        return np.concatenate([asked[:members], lines])

    def _times(self, asked: Floats, weight: Floats) -> Floats:
        periods = self.price.shape[1]
        price, target, rho = np.split(asked, [periods, 2 * periods], axis=1)
        return np.concatenate([price * weight, target, rho * weight], axis=1)


class DlmpADMM(ExchangeADMM):
    """Normalised equilibria of peers on a network: exchange ADMM, in which the price of a line may count differently by end.

    Trades are lines between peers, and the connection of each peer is a line to the network, whose price is the marginal
    price of its bus (DLMP). A proposal that the network cannot carry is answered with a price and a target, never dropped.
    Player i has cost J_i; the limits of the network and the balance of each trade are shared. How their multipliers count:
    ``variational``, alike for everybody; ``rosen``, 1 / r_i of all of them for player i, so that sum r_i J_i is least
    (J. B. Rosen, Existence and Uniqueness of Equilibrium Points for Concave N-Person Games, Econometrica 33, 1965);
    ``network_weighted``, w_i times the network's for player i, and trades alike. The last is an equilibrium, but of no
    common cost, and convergence to it is not guaranteed. Weights are facts of the virtual agents; that of the network,
    which comes first in the graph, is one. Source: note 002, as we
    reconstruct it.

    Examples
    --------
    >>> DlmpADMM(rule="rosen").rule
    'rosen'
    """

    name: ClassVar[str] = "dlmp_admm"

    rho: float = Field(default=0.001, ge=RHO_MIN, le=RHO_MAX, description="first penalty, $/kW²h; it adapts by itself")
    adapting: int = Field(default=1000, ge=0, description="rounds of a period in which penalties adapt, less and less")
    rule: Literal["variational", "network_weighted", "rosen"] = Field(
        default="variational", description="how shared multipliers count for each peer"
    )
    network: str = Field(default="network", description="the microgrid whose operator runs the network")

    @property
    def keeper(self) -> type[Keeper]:
        """The virtual agents' role."""
        return DlmpKeeper if self.rule == "variational" else WeighingKeeper

    def counts(self, market: Market) -> Floats:
        """(L, 2): how much the price of each tie-line counts at either end, as its keeper knows it."""
        hub = market.topology.lines[:, 0]
        if self.rule == "variational":
            return np.ones((len(hub), 2))
        network = hub == 0
        own = np.where(network, 1.0, market.virtual.weight[hub, 0])
        weight = np.stack([own, market.virtual.far_weight[market.port_at[:, 0], 0]], axis=1)
        return 1.0 / weight if self.rule == "rosen" else np.where(network[:, None], weight, 1.0)

    def optimised(self, market: Market) -> Market | None:
        """Return the market itself, the one with weighted costs, or None, by the rule."""
        if self.rule == "variational":
            return market
        if self.rule == "network_weighted":
            return None
        topology, members = market.topology, []
        network = topology.microgrids.index(self.network)
        for population in market.members:
            home, society = topology.home[population.address], population.society
            if (home != network).any():
                if not society.offers("scaled"):
                    raise ProtocolError(
                        f"rule = 'rosen' weights the costs of {type(society).__name__}, which has no `scaled(weight)`"
                    )
                society = society.scaled(np.where(home[:, None] == network, 1.0, market.virtual.weight[home]))
            members.append(Population(society, population.address))
        return Market(topology, market.virtual, tuple(members), market.periods)

    def roles(self, market: Market, *, one_by_one: bool = False) -> list[Role]:
        """Return the roles of a market.

        Raises
        ------
        ProtocolError
            A rule with weights has no network to apply them to, or nobody's costs can be weighted.
        """
        first = market.topology.microgrids[0]
        if self.rule != "variational" and self.network != first:
            raise ProtocolError(
                f"network = {self.network!r}: rule = {self.rule!r} wants the network operator's microgrid, the first of "
                f"the graph; that is {first}"
            )
        self.optimised(market)
        return super().roles(market, one_by_one=one_by_one)

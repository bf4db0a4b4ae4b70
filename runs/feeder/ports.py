"""The agents connected to the network of a market, port by port."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import NetworkOperator
from ...environment import Topology
from ...protocols import Market

__all__ = ["NetworkPorts", "network_ports"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NetworkPorts:
    """The ports of the one network operator of a market, in its own order.

    Attributes
    ----------
    market
    population : which of the market's populations the operator is
    balance : (ports,) the balance that each port is in
    agent : (ports,) address of the agent at the other end, of several the first
    """

    market: Market
    population: int
    balance: npt.NDArray[np.integer]
    agent: npt.NDArray[np.integer]

    @property
    def operator(self) -> Any:
        """The `NetworkOperator`, which stands alone."""
        return self.market.populations[self.population].society

    @property
    def home(self) -> npt.NDArray[np.integer]:
        """(ports,): the home at the other end."""
        return self.market.topology.home[self.agent]

    @property
    def names(self) -> list[str]:
        """(ports,): what the homes at the other ends are called."""
        return [self.market.topology.homes[home] for home in self.home.tolist()]

    def proposed(self, x: Sequence[Floats]) -> Floats:
        """Return what the other ends propose to feed in, (ports, periods) kW; x by population, (rows, periods) kW."""
        others = [k for k in range(len(x)) if k != self.population]
        return -np.asarray(sum(self.market.gather[k][self.balance] @ x[k] for k in others))


def network_ports(market: Market) -> NetworkPorts | None:
    """Return which agents are connected to the network operator of a market.

    None where there is no `NetworkOperator`, or several, or where one of its ports is connected to nothing.
    """
    found = [k for k, p in enumerate(market.populations) if isinstance(p.society, NetworkOperator)]
    if len(found) != 1 or len(market.populations[found[0]].society) != 1:
        return None
    population, topology = market.populations[found[0]], market.topology
    at, row = market.rows[found[0]]
    balance = topology.row_balance[row[at > 0]]
    agent = _other_agent(topology, int(population.address[0]))[balance]
    if len(balance) != population.society.rows - 1 or (agent < 0).any():
        return None
    return NetworkPorts(market, found[0], balance, agent)


def _other_agent(topology: Topology, address: int) -> npt.NDArray[np.integer]:
    """(B,): address of the first agent in each balance that is not this one; -1 where there is none."""
    found = np.full(len(topology.balances), -1, dtype=np.int32)
    others = np.flatnonzero(topology.row_agent != address)[::-1]  # what is written last stays: the first
    found[topology.row_balance[others]] = topology.row_agent[others]
    return found

"""The market that a protocol runs on: agents at addresses, and which of their rows speaks on which channel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...agents import Society, VirtualAgent
from ...environment import Topology
from ..errors import ProtocolError

__all__ = ["Market", "Population"]

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Population:
    """A society and where its agents live.

    Attributes
    ----------
    society : n agents
    address : (n,) int32, ascending
    """

    society: Society
    address: Ints

    def __post_init__(self) -> None:
        if len(self.society) != len(self.address):
            raise ProtocolError(
                f"{len(self.address)} addresses for {len(self.society)} agents of {type(self.society).__name__}"
            )

    def take(self, which: npt.NDArray[np.integer]) -> Population:
        """Return some of the agents, by position."""
        return Population(self.society.take(which), self.address[which])


@dataclass(frozen=True)
class Market:
    """Everybody, at their addresses.

    Attributes
    ----------
    topology
    virtual : one price aggregator per hub, in the order of the hubs, one port per tie-line end
    members : the populations; agents of the topology's terminal group have one port per tie-line of their hub, in the
        order of the tie-lines
    periods : number of periods that are negotiated at once

    Raises
    ------
    ProtocolError
        A population has other periods, addresses twice or nobody, or ports that do not fit the tie-lines.
    """

    topology: Topology
    virtual: VirtualAgent
    members: tuple[Population, ...]
    periods: int = 1

    def __post_init__(self) -> None:
        taken = np.concatenate([p.address for p in self.members])
        hubs, size = self.topology.hubs, self.topology.size
        if len(taken) and (taken.min() < hubs or taken.max() >= size):
            bad = int(taken.min() if taken.min() < hubs else taken.max())
            raise ProtocolError(f"address {bad} is out of range: members have addresses {hubs} to {size - 1}")
        count = np.bincount(taken, minlength=size)[hubs:]
        if (count != 1).any():
            where = int(np.argmax(count != 1))
            raise ProtocolError(f"{count[where]} agents live at {self.topology.name(hubs + where)}, wanted one")
        degree = np.bincount(self.topology.lines.ravel(), minlength=hubs)
        for population in self.members:
            self._check(population, degree)

    def _check(self, population: Population, degree: npt.NDArray[np.integer]) -> None:
        society, name = population.society, type(population.society).__name__
        if society.periods != self.periods:
            raise ProtocolError(f"{name} has {society.periods} periods, this market has {self.periods}")
        ends = self.at_terminal(population.address)
        wanted = np.where(ends, degree[self.topology.home[population.address]], 0)
        wrong = society.port_count != wanted
        if wrong.any():
            k = int(np.argmax(wrong))
            who = self.topology.name(int(population.address[k]))
            raise ProtocolError(f"{who} has {society.port_count[k]} ports, its place in the topology has {wanted[k]}")

    def at_terminal(self, address: Ints) -> npt.NDArray[np.bool_]:
        """Tell which addresses are those of terminals, where tie-lines end."""
        mask = np.zeros(self.topology.size, dtype=bool)
        for group in self.topology.groups:
            if group.name == self.topology.terminal:
                mask[group.start] = True
        return mask[address]

    def port_ends(self, population: Population) -> tuple[Ints, npt.NDArray[np.int8]]:
        """Return the tie-line of each port of a population and at which of its ends (0 or 1) the port is, (p,) each."""
        with_ports = population.address[population.society.port_count > 0]
        return self.topology.ends_at(self.topology.home[with_ports])

    def first_prices(
        self, hub: Ints, line: npt.NDArray[np.integer], end: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the first prices, $/kWh: of some hubs, (n, periods), and of some ends of tie-lines, (b, periods)."""
        return self.virtual.price[hub].copy(), self.virtual.transfer_price[self.port_at[line, end]].copy()

    @cached_property
    def port_at(self) -> npt.NDArray[np.int64]:
        """(L, 2): which of the virtual agents' ports stands at each end of each tie-line."""
        lines, ends = self.topology.ends_at(np.arange(self.topology.hubs, dtype=np.int32))
        port = np.empty((len(self.topology.lines), 2), dtype=np.int64)
        port[lines, ends] = np.arange(len(lines))
        return port

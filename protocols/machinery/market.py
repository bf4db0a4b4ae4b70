"""The market that a protocol runs on: agents at addresses, and which of their rows meets which others in a balance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ...agents import Society, VirtualAgent
from ...environment import Topology
from ..errors import ProtocolError

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["Market", "Population", "PopulationRows"]

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


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


class PopulationRows(NamedTuple):
    """The rows of a population that are in a balance, in the order of the population.

    Attributes
    ----------
    at : (m,) which of the society's rows each is
    row : (m,) its number in the topology
    """

    at: Places
    row: Places


@dataclass(frozen=True)
class Market:
    """All agents, at their addresses.

    Attributes
    ----------
    topology
    virtual : one price aggregator per coordinator, in the order of their addresses, with one port per balance that it keeps
    populations : of all other agents; each agent has one row for each balance that it is in, its own place first
    periods : number of periods that are negotiated at once
    weight : (R, 1), how much the price of its balance counts for each row, by the rules of the market; None: alike

    Raises
    ------
    ProtocolError
        A population has other periods, leaves an agent out or has it twice, or has ports that do not fit its balances.
    """

    topology: Topology
    virtual: VirtualAgent
    populations: tuple[Population, ...]
    periods: int = 1
    weight: Floats | None = None

    def __post_init__(self) -> None:
        topology = self.topology
        first, size = len(topology.coordinators), topology.size
        taken = np.concatenate([p.address for p in self.populations])
        if len(taken) and (taken.min() < first or taken.max() >= size):
            bad = int(taken.min() if taken.min() < first else taken.max())
            raise ProtocolError(f"address {bad} is out of range: agents have addresses {first} to {size - 1}")
        count = np.bincount(taken, minlength=size)[first:]
        if (count != 1).any():
            where = int(np.argmax(count != 1))
            raise ProtocolError(f"{count[where]} agents live at {topology.name(first + where)}, wanted one")
        alone = np.bincount(topology.row_agent, minlength=size)[first:] == 0
        if alone.any():
            raise ProtocolError(f"{topology.name(first + int(np.argmax(alone)))} is in no balance; wanted one at least")
        wanted = np.zeros(size, dtype=np.int64)
        np.maximum.at(wanted, topology.row_agent, topology.row_place)
        for population in self.populations:
            self._check(population, wanted)
        kept = np.bincount(topology.coordinator, minlength=first)
        if len(self.virtual) != first or (self.virtual.port_count != kept).any():
            raise ProtocolError("virtual wants one agent per coordinator, with one port for each balance that it keeps")

    def _check(self, population: Population, ports: Places) -> None:
        society, name = population.society, type(population.society).__name__
        if society.periods != self.periods:
            raise ProtocolError(f"{name} has {society.periods} periods, this market has {self.periods}")
        wanted = ports[population.address]
        wrong = society.port_count != wanted
        if wrong.any():
            k = int(np.argmax(wrong))
            who = self.topology.name(int(population.address[k]))
            raise ProtocolError(f"{who} has {society.port_count[k]} ports, its place in the topology has {wanted[k]}")

    def operates(self, population: Population) -> npt.NDArray[np.bool_]:
        """(n,): which agents of a population take what is left over at a place, or have a row beside that of their home."""
        topology = self.topology
        found = np.zeros(topology.size, dtype=bool)
        found[topology.row_agent[topology.row_place > 0]] = True
        found[topology.slack[topology.slack >= 0]] = True
        return found[population.address]

    @cached_property
    def rows(self) -> tuple[PopulationRows, ...]:
        """The rows of each population."""
        starts = np.searchsorted(self.topology.row_agent, np.arange(self.topology.size + 1))
        found = []
        for population in self.populations:
            first, last = starts[population.address], starts[population.address + 1]
            each = last - first
            row = np.arange(each.sum()) + np.repeat(first - (np.cumsum(each) - each), each)
            at = np.repeat(population.society.row_start[:-1], each) + self.topology.row_place[row]
            found.append(PopulationRows(at, row))
        return tuple(found)

    @cached_property
    def gather(self) -> tuple[sparse.csr_array, ...]:
        """By population, (B, society rows): adds its rows up by balance; a row in none counts nowhere."""
        from scipy import sparse  # here: listing the protocols does without

        size = len(self.topology.balances)
        return tuple(
            sparse.csr_array(
                (np.ones(len(at)), (self.topology.row_balance[row], at)), shape=(size, population.society.rows)
            )
            for population, (at, row) in zip(self.populations, self.rows, strict=True)
        )

    @cached_property
    def first_price(self) -> Floats:
        """(B, periods) $/kWh: the first price of each balance, which its virtual agent knows."""
        price = np.empty((len(self.topology.balances), self.periods))
        price[np.argsort(self.topology.coordinator, kind="stable")] = self.virtual.price
        return price

    def of_rows(self, values: list[Floats]) -> Floats:
        """(R, ...): what populations hold of their rows, by population, in the order of the topology's rows."""
        found = np.empty((len(self.topology.row_balance), *values[0].shape[1:]))
        for (at, row), column in zip(self.rows, values, strict=True):
            found[row] = column[at]
        return found

    def to_rows(self, values: Floats) -> list[Floats]:
        """By population, (society rows, ...): what rows in a balance hold, (R, ...); 0 for rows in none."""
        found = [np.zeros((p.society.rows, *values.shape[1:])) for p in self.populations]
        for (at, row), column in zip(self.rows, found, strict=True):
            column[at] = values[row]
        return found

"""Agents as Mesa sees them: windows on a simulation's columns."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import mesa
import numpy as np
import numpy.typing as npt

from ...agents import Society

__all__ = ["AgentView", "SocietyView", "open_views"]

MESA_AGENTS_MAX = 10_000
"""Beyond this many agents one Mesa agent stands for a whole population: one costs about 22 microseconds and half a kilobyte."""


class _Numbers:
    """Counts the Mesa agents of each simulation, in the simulation: Mesa's own dict would keep every one that ever was."""

    def __getitem__(self, model: Any) -> Iterator[int]:
        found: Iterator[int] = vars(model).setdefault("_view_numbers", itertools.count(1))
        return found


class _View(mesa.Agent):
    _ids: Any = _Numbers()  # which Mesa looks its agents' numbers up in


class AgentView(_View):
    """One agent as Mesa sees it: a window on its row, never a second copy.

    Attributes
    ----------
    name, address
    facts : the agent in the period that is open, a society of one row
    """

    model: Any  # the simulation, which opens these views

    def __init__(self, model: Any, address: int, place: int, x: tuple[int, npt.NDArray[np.int64]] | None) -> None:
        super().__init__(model)
        self.address, self._place, self._x = address, place, x
        self.name = model.market.topology.name(address)

    @property
    def facts(self) -> Society:
        """The agent as it is now."""
        market = self.model.market
        return market.virtual[self._place] if self._x is None else market.populations[self._x[0]].society[self._place]

    @property
    def x(self) -> npt.NDArray[np.float64]:
        """(rows, periods) kW: its last answer; no rows for a virtual agent."""
        if self._x is None:
            return np.empty((0, self.model.market.periods))
        population, rows = self._x
        return np.asarray(self.model.state.x[population][rows])

    @property
    def price(self) -> npt.NDArray[np.float64]:
        """(periods,) $/kWh: the price of the place where it lives, or else of the first balance that it is in."""
        topology = self.model.market.topology
        return np.asarray(self.model.state.price[topology.home_balance[topology.home[self.address]]])


class SocietyView(_View):
    """A whole population as Mesa sees it."""

    model: Any  # the simulation, which opens these views

    def __init__(self, model: Any, population: int) -> None:
        super().__init__(model)
        self.population = population

    @property
    def facts(self) -> Society:
        """The population as it is now."""
        return self.model.market.populations[self.population].society

    @property
    def x(self) -> npt.NDArray[np.float64]:
        """(rows, periods) kW: the agents' last answers."""
        return np.asarray(self.model.state.x[self.population])


def open_views(model: Any) -> None:
    """Give a simulation its Mesa agents: one for each agent, or beyond `MESA_AGENTS_MAX` one for each population."""
    market = model.market
    small = market.topology.size <= MESA_AGENTS_MAX
    if small:
        for address in range(len(market.topology.coordinators)):
            AgentView(model, address, address, None)
    for number, population in enumerate(market.populations):
        if not small:
            SocietyView(model, number)
            continue
        starts = population.society.row_start
        for k, address in enumerate(population.address.tolist()):
            AgentView(model, address, k, (number, np.arange(starts[k], starts[k + 1])))

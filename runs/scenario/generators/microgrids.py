"""Generated scenarios: many microgrids from one seed."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ....agents import LogLoad, MicrogridOperator
from ....environment import Topology
from ....environment.faults import Span
from ....protocols import Market, Population
from ..build import LazyNames, virtual_agents
from ..size import Size
from .dispatch_day import DispatchDay
from .feeder_market import FeederMarket
from .graphs import Shape, line_count, tie_line_graph
from .peers import Peers

__all__ = ["Microgrids", "generators"]

Floats = npt.NDArray[np.float64]

_LINES = {"ordinary": ((0.005, 0.02), (2.0, 10.0)), "copperplate": ((2e-4, 1e-3), (20.0, 60.0))}
"""By sort of line: the ranges of alpha ($/kW²h, each end its own) and of the limit (kW, both ways)."""

_STEEPNESS = {"ordinary": (400.0, 16.0), "copperplate": (6000.0, 40.0)}
"""By sort of line: kW per $/kWh, half of what lines, and half of what each load, move at a bus when its price does."""


class Microgrids(BaseModel):
    """Microgrids of households with logarithmic utility, some rich in PV and some poor, joined by tie-lines.

    All numbers are drawn from one seed. Households need 0.3 to 3 kW and value their first kilowatt-hour at 0.25 to 0.6
    $; supply costs are scaled so that a microgrid that serves its whole need alone pays 0.15 to 0.5 $/kWh at the margin;
    PV covers up to 80 % of the need, so that it can always be used.

    Attributes
    ----------
    microgrids : how many
    topology : of the tie-lines
    prosumers : how many in each microgrid, uniform on a range
    lines : ``ordinary`` (alpha 0.005 to 0.02 at each end, 2 to 10 kW) or ``copperplate`` (2e-4 to 1e-3, 20 to 60 kW)
    periods : all alike but for a daily shape of need and PV when there is more than one
    seed : of the scenario, apart from that of the run
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    microgrids: int = Field(default=30, ge=1, le=1_000_000)
    topology: Shape = "small_world"
    prosumers: Span = Field(default="10..100", validate_default=True)
    lines: Literal["ordinary", "copperplate"] = "ordinary"
    periods: int = Field(default=1, ge=1, le=10_000)
    seed: int = Field(default=0, ge=0)

    @field_validator("prosumers")
    @classmethod
    def _at_least_one(cls, span: Span) -> Span:
        if span.low < 1:
            raise ValueError(f"{span}: every microgrid has at least one prosumer")
        return span

    def estimate(self) -> Size:
        """Return how large the market will be, about: nothing is drawn."""
        houses = self.microgrids * (self.prosumers.low + self.prosumers.high) // 2
        lines = line_count(self.topology, self.microgrids)
        rows = houses + self.microgrids + 2 * lines
        return Size(
            houses + self.microgrids, rows, self.periods, lines=lines, smaller="microgrids, prosumers or periods"
        )

    def market(self) -> Market:
        """Draw the market: the same for the same parameters, on every machine."""
        import networkx as nx

        rng = np.random.default_rng(self.seed)
        count = rng.integers(self.prosumers.low, self.prosumers.high, self.microgrids, endpoint=True)
        graph = tie_line_graph(self.topology, self.microgrids, int(rng.integers(2**31)))
        graph = nx.relabel_nodes(graph, {node: f"m{k}" for k, node in enumerate(graph.nodes)})
        for node, houses in zip(graph.nodes, count.tolist(), strict=True):
            graph.nodes[node]["members"] = {"operator": 1, "house": houses}
        topology = Topology.from_graph(graph)
        loads, address = self._houses(rng, topology, count)
        need = np.zeros((self.microgrids, self.periods))
        np.add.at(need, topology.home[address], loads.demand)
        operators = self._operators(rng, topology, need)
        virtual = virtual_agents(topology, np.where(topology.place, 0.2, 0.0)[:, None], self.periods)
        return Market(topology, virtual, (operators, Population(loads, address)), self.periods)

    def advice(self) -> dict[str, dict[str, float]]:
        """Return, by protocol, options at which it converges: the dual steepens with loads per bus and with lossless lines.

        A step is stable up to 2 over the dual's steepness, a sum of what lines and what each load at a bus answer to a
        price; both parts were measured, at 3 to 100 loads, and leave a margin of 1.2 at least.
        """
        lines, load = _STEEPNESS[self.lines]
        return {"dual_decomposition": {"step_size": 1.0 / (lines + load * self.prosumers.high)}}

    def _day(self, peak: float) -> Floats:
        """(1, periods): a factor around 1 with its peak at this share of the day; 1 for a single period."""
        phase = (np.arange(self.periods) + 0.5) / self.periods - peak
        return np.ones((1, 1)) if self.periods == 1 else 1.0 + 0.4 * np.cos(2 * np.pi * phase)[None, :]

    def _houses(
        self, rng: np.random.Generator, topology: Topology, count: npt.NDArray[np.integer]
    ) -> tuple[LogLoad, npt.NDArray[np.int32]]:
        total = int(count.sum())
        address = (topology.size - total + np.arange(total)).astype(np.int32)
        sigma = rng.uniform(0.5, 2.0, total)
        demand = rng.uniform(0.3, 3.0, (total, 1)) * self._day(0.8)
        society = LogLoad(
            names=LazyNames(topology, address),
            periods=self.periods,
            beta=rng.uniform(0.25, 0.6, total) / sigma,
            sigma=sigma,
            demand=demand,
        )
        return society, address

    def _operators(self, rng: np.random.Generator, topology: Topology, need: Floats) -> Population:
        n, joins = self.microgrids, topology.joins
        whole = need.mean(axis=1)
        (low, high), (least, most) = _LINES[self.lines]
        alpha = rng.uniform(low, high, (len(joins), 2))
        limit = rng.uniform(least, most, len(joins))
        # The ports of all operators, one after the other.
        port = np.flatnonzero(~topology.place[topology.row_balance])
        line, end = np.searchsorted(joins, topology.row_balance[port]), topology.row_end[port]
        linear = rng.uniform(0.05, 0.2, n)
        address = (n + np.arange(n)).astype(np.int32)
        society = MicrogridOperator(
            names=LazyNames(topology, address),
            periods=self.periods,
            ports=np.bincount(topology.ends[joins].ravel(), minlength=n),
            cost_quadratic=rng.uniform(0.1, 0.3, n) / (2.0 * whole),
            cost_linear=linear,
            power_max=1.5 * need.max(axis=1),
            pv=rng.uniform(0.0, 0.8, (n, 1)) * need.min(axis=1, keepdims=True) * self._day(0.5) / self._day(0.5).max(),
            alpha=alpha[line, end][:, None],
            export_max=limit[line][:, None],
            import_max=limit[line][:, None],
        )
        return Population(society, address)


def generators() -> dict[str, type[Microgrids] | type[DispatchDay] | type[FeederMarket] | type[Peers]]:
    """Return the generators by name."""
    return {"microgrids": Microgrids, "dispatch_day": DispatchDay, "feeder_market": FeederMarket, "peers": Peers}

"""The day of note 004 as a generator: microgrids that plan 24 hours together, with a main grid read in one of four ways."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, NonNegativeFloat, model_validator

from ....agents import DispatchOperator
from ....environment import Topology
from ....protocols import Market, Population
from ..build import virtual_agents
from ..size import Size
from ..tables.columns import in_kw, in_usd_per_kwh
from .graphs import Shape, line_count, tie_line_graph

__all__ = ["DispatchDay"]

Floats = npt.NDArray[np.float64]

Load = Annotated[list[NonNegativeFloat], BeforeValidator(in_kw)]
Tariff = Annotated[list[FiniteFloat], BeforeValidator(in_usd_per_kwh)]
Each = list[NonNegativeFloat]
"""One number for each of the microgrids that are written out."""

_SHIFT = 2
"""Periods by which the load of a copy comes earlier or later at most."""


class DispatchDay(BaseModel):
    """Microgrids with a load, a generator and a battery each, tie-lines between them, and a main grid at a tariff.

    The first microgrids are those written out, one a row of `load`; all others are copies of them in turn, with sizes,
    costs and hours drawn anew. Their main grid is read in one of four ways: ``none``; ``buy``, where each microgrid may buy
    `connection_max` at the tariff; ``buy_sell``, where it may sell as much too; and ``shared_limit``, where all of them
    together may, over one connection, which is an operator of its own, `main_grid`, with a tie-line to each. Source: note
    004, items 1 to 5; the transfer cost's coefficient is b_T, for which the note misprints b_G1.

    Attributes
    ----------
    microgrids : how many
    main_grid : how the main grid is read
    transfers : whether tie-lines carry anything; if not, each microgrid acts alone
    topology : of the tie-lines
    seed : of the copies
    spread : of the copies: sizes and costs are between 1 / (1 + spread) and 1 + spread times those of the original
    periods, hours : how many, and h, how long each
    load : kW, for each microgrid a number a period, or a column of a CSV file
    tariff : $/kWh of the main grid, likewise
    cost_quadratic, cost_linear, power_max : $/kW^2h, $/kWh, kW, of each generator
    storage_quadratic, storage_max, capacity_kwh : $/kW^2h, kW, kWh, of each battery
    transfer_quadratic, transfer_linear, transfer_max : $/kW^2h and $/kWh that the sender pays, kW each way
    connection_max : kW each way, with the main grid; a shared one grows with the number of microgrids
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    microgrids: int = Field(default=3, ge=1, le=100_000)
    main_grid: Literal["none", "buy", "buy_sell", "shared_limit"] = "buy"
    transfers: bool = True
    topology: Shape = "ring"
    seed: int = Field(default=0, ge=0)
    spread: float = Field(default=0.2, ge=0, le=1)
    periods: int = Field(default=24, ge=1, le=10_000)
    hours: float = Field(default=1.0, gt=0)
    load: list[Load] = Field(min_length=1)
    tariff: Tariff
    cost_quadratic: Each
    cost_linear: Each
    power_max: Each
    storage_quadratic: Each
    storage_max: Each
    capacity_kwh: Each
    transfer_quadratic: float = Field(ge=0)
    transfer_linear: float = Field(ge=0)
    transfer_max: float = Field(gt=0)
    connection_max: float = Field(ge=0)

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        for name in _PARTS:
            if len(getattr(self, name)) != len(self.load):
                given, wanted = len(getattr(self, name)), len(self.load)
                raise ValueError(f"{name} has {given} numbers; wanted one for each row of load ({wanted})")
        return self

    def estimate(self) -> Size:
        """Return how large the market will be, about: nothing is drawn."""
        lines = line_count(self.topology, self.microgrids) + (
            self.microgrids if self.main_grid == "shared_limit" else 0
        )
        rows = self.microgrids + 2 * lines
        return Size(self.microgrids, rows, self.periods, lines=lines, smaller="microgrids or periods")

    def market(self) -> Market:
        """Draw the market: the same for the same parameters, on every machine."""
        import networkx as nx

        shared = self.main_grid == "shared_limit"
        rng = np.random.default_rng(self.seed)
        shape = tie_line_graph(self.topology, self.microgrids, int(rng.integers(2**31)))
        graph = nx.relabel_nodes(shape, {node: f"M{k + 1}" for k, node in enumerate(shape.nodes)})
        if shared:
            graph.add_edges_from([(name, "main_grid") for name in list(graph.nodes)])
        nx.set_node_attributes(graph, {node: {"operator": 1} for node in graph.nodes}, "members")
        topology = Topology.from_graph(graph)
        society = self._operators(rng, topology)
        if shared:
            society = DispatchOperator.stack([society, self._station()])
        address = np.arange(len(topology.coordinators), topology.size, dtype=np.int32)
        virtual = virtual_agents(
            topology, np.full((len(topology.balances), 1), float(np.mean(self.tariff))), self.periods
        )
        return Market(topology, virtual, (Population(society, address),), self.periods)

    def advice(self) -> dict[str, dict[str, float]]:
        """Return, by protocol, its first penalty: one that turns a whole line's power into a change of price by the tariff."""
        rho = abs(float(np.mean(self.tariff))) / self.transfer_max
        return {name: {"rho": rho} for name in ("exchange_admm", "incentive") if rho > 0.0}

    def _operators(self, rng: np.random.Generator, topology: Topology) -> DispatchOperator:
        n, originals = self.microgrids, len(self.load)
        which = np.arange(n) % originals
        copy = np.arange(n) >= originals
        size, quadratic, linear = np.where(copy, (1.0 + self.spread) ** rng.uniform(-1.0, 1.0, (3, n)), 1.0)
        shift = np.where(copy & (self.spread > 0.0), rng.integers(-_SHIFT, _SHIFT, n, endpoint=True), 0)
        hour = (np.arange(self.periods)[None, :] - shift[:, None]) % self.periods
        parts: dict[str, Any] = {name: np.array(getattr(self, name))[which] for name in _PARTS}
        for name, factor in (
            ("cost_quadratic", quadratic / size),
            ("cost_linear", linear),
            ("power_max", size),
            ("storage_quadratic", quadratic / size),
            ("storage_max", size),
            ("capacity_kwh", size),
        ):
            parts[name] = parts[name] * factor
        # The ports of all microgrids, one after the other.
        own = ~topology.place[topology.row_balance] & (topology.home[topology.row_agent] < n)
        to_main_grid = (topology.ends[topology.row_balance[own]] >= n).any(axis=1)
        limit = np.where(to_main_grid, self.connection_max, self.transfer_max if self.transfers else 0.0)[:, None]
        trades = self.main_grid in ("buy", "buy_sell")
        facts: dict[str, Any] = dict(
            names=[f"{name}.operator" for name in topology.homes[:n]],
            periods=self.periods,
            ports=np.bincount(topology.ends[topology.joins].ravel(), minlength=n)[:n],
            load=np.array(self.load)[which[:, None], hour] * size[:, None],
            tariff=np.array([self.tariff]),
            grid_quadratic=self.transfer_quadratic,
            grid_linear=self.transfer_linear,
            buy_max=self.connection_max if trades else 0.0,
            sell_max=self.connection_max if self.main_grid == "buy_sell" else 0.0,
            export_max=limit,
            import_max=limit,
            **self._common(),
            **parts,
        )
        DispatchOperator(bus_max=0.0, **facts)  # nobody else is at its bus: it says at once if its load is too much
        return DispatchOperator(**facts)

    def _station(self) -> DispatchOperator:
        """The main grid behind the shared connection."""
        most = self.connection_max * max(1.0, self.microgrids / len(self.load))
        return DispatchOperator(
            names=["main_grid.operator"],
            periods=self.periods,
            ports=[self.microgrids],
            tariff=np.array([self.tariff]),
            buy_max=most,
            sell_max=most,
            export_max=self.connection_max,
            import_max=self.connection_max,
            **self._common(),
        )

    def _common(self) -> dict[str, float]:
        line = {"transfer_quadratic": self.transfer_quadratic, "transfer_cost": self.transfer_linear}
        return {"hours": self.hours, **line}


_PARTS = ("cost_quadratic", "cost_linear", "power_max", "storage_quadratic", "storage_max", "capacity_kwh")
"""Facts of a microgrid's generator and battery."""

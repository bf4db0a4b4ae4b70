"""The market of notes 002 and 003 as a generator: prosumers on a distribution feeder, who trade with some others."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, model_validator

from ....agents import MiddleOperator, NetworkOperator, PeerProsumer, VirtualAgent
from ....agents.network import Feeder
from ....agents.network.period import Losses
from ....environment import Topology
from ....protocols import Market, Population
from ...feeder.read import load_feeder, read_feeder
from ..build import LazyNames, virtual_agents
from ..size import Size

__all__ = ["FeederMarket"]

Floats = npt.NDArray[np.float64]
Each = list[float]
"""One number for each of the prosumers that are written out."""

_FUSE = 10.0
"""kW: fuses come in multiples of this."""
_COLUMNS = ("bus", "cost_quadratic", "cost_linear", "low", "high", "tan_phi", "weight")


class FeederMarket(BaseModel):
    """Prosumers at the buses of a feeder, each with a connection to the network and lines to those it trades with.

    The first prosumers are those written out; the others are drawn from the seed, their powers so that all together keep
    the same size however many there are. Units: kW, $/kWh, $/kW²h. Source: notes 002 and 003, as we reconstruct them.

    Attributes
    ----------
    feeder : one that comes with the package, or a CSV file; base_kv : kV, of a file
    prosumers : how many; size : kW, about what the drawn ones inject or take together
    microgrids : how many, each at one bus, behind whose operator its prosumers stand; 0: all are connected themselves
    partners : of each, about; pairing : who trades with whom: drawn, those nearest along the feeder, or all with all
    seed : of who is drawn where, and of the pairs
    pricing : ``tariffs``, note 002: retail and feed-in are tariffs, and the network charges what it adds; ``wholesale``,
        note 003: energy is bought at wholesale at the source, prosumers pay a margin on it, and the price of a connection
        is the whole marginal price of its bus
    retail, feed_in, margin, wholesale, loss_price : $/kWh
    trade_cost : $/kW²h, of each end, for the market as it is by default; it grows as prosumers get smaller
    losses : ``none``, or how the network operator differentiates them
    load_factor : share of the feeder's loads
    line_factor : limits of lines that have none, as a multiple of what the feeder's full loads make them carry; 0: none
    v_min, v_max, source : pu
    weight_spread : weights, for the rules that know them, are between 1 / (1 + spread) and 1 + spread
    bus : of those written out, names of buses
    cost_quadratic, cost_linear, low, high, tan_phi, weight : of those written out
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    feeder: str = "toy"
    base_kv: PositiveFloat = 12.66
    prosumers: int = Field(default=4, ge=1, le=100_000)
    size: NonNegativeFloat = 2500.0
    microgrids: int = Field(default=0, ge=0, le=100_000)
    partners: int = Field(default=4, ge=0, le=1000)
    pairing: Literal["random", "nearest", "all"] = "random"
    seed: int = Field(default=0, ge=0)
    pricing: Literal["tariffs", "wholesale"] = "tariffs"
    retail: float = 0.25
    feed_in: float = 0.05
    margin: NonNegativeFloat = 0.03
    wholesale: float = 0.12
    loss_price: NonNegativeFloat = 0.12
    trade_cost: PositiveFloat = 0.0002
    losses: Losses = "none"
    load_factor: NonNegativeFloat = 0.6
    line_factor: NonNegativeFloat = 0.0
    v_min: PositiveFloat = 0.95
    v_max: PositiveFloat = 1.05
    source: PositiveFloat = 1.0
    weight_spread: Annotated[float, Field(ge=0, le=10)] = 0.0
    bus: list[str] = []
    cost_quadratic: Each = []
    cost_linear: Each = []
    low: Each = []
    high: Each = []
    tan_phi: Each = []
    weight: Each = []

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        for name in _COLUMNS:
            given = len(getattr(self, name))
            if given != len(self.bus) and (given or name not in ("tan_phi", "weight")):
                raise ValueError(f"{name} has {given} numbers; wanted one for each name in bus ({len(self.bus)})")
        if len(self.bus) > self.prosumers:
            raise ValueError(
                f"prosumers = {self.prosumers}; wanted at least those that are written out, {len(self.bus)}"
            )
        if self.microgrids and (self.bus or self.microgrids > self.prosumers):
            raise ValueError(
                f"microgrids = {self.microgrids}; wanted at most as many as prosumers ({self.prosumers}), none written out"
            )
        return self

    def network(self) -> Feeder:
        """Read the feeder, with the limits of its lines."""
        if self.feeder.endswith(".csv"):
            return read_feeder(self.feeder, self.base_kv)
        return load_feeder(self.feeder)

    def estimate(self) -> Size:
        """Return how large the market will be, about: nothing is drawn."""
        n = self.prosumers
        trades = n * (n - 1) // 2 if self.pairing == "all" else n * min(self.partners + 1, n) // 2
        fewer = "prosumers" if self.pairing == "all" else "prosumers or partners"
        return Size(n + 1, 2 * (trades + n), 1, trades=trades + n, smaller=fewer)

    def market(self) -> Market:
        """Draw the market: the same for the same parameters, on every machine."""
        import networkx as nx

        feeder, rng = self.network(), np.random.default_rng(self.seed)
        facts = self._prosumers(feeder, rng)
        graph = nx.Graph()
        names = [f"p{k + 1}" for k in range(self.prosumers)]
        middle = [f"m{k + 1}" for k in range(self.microgrids)]
        graph.add_nodes_from(["network", *middle, *names], members={"operator": 1}, bus=False)
        graph.add_edges_from((("network", name) for name in middle or names), balance="connection")
        behind = ((middle[k % len(middle)], name) for k, name in enumerate(names) if middle)
        graph.add_edges_from(behind, balance="connection")
        pairs = self._pairs(feeder.distance_ohm()[facts["bus"]], rng)
        graph.add_edges_from(((names[i], names[j]) for i, j in pairs), balance="trade")
        topology = Topology.from_graph(graph)
        every = np.concatenate([np.ones(1 + self.microgrids), facts["weight"]])
        return Market(
            topology,
            self._virtual(topology),
            self._members(topology, feeder, facts),
            weight=every[topology.home[topology.row_agent], None],
        )

    def advice(self) -> dict[str, dict[str, float]]:
        """Return no options: penalties find themselves."""
        return {}

    def _prosumers(self, feeder: Feeder, rng: np.random.Generator) -> dict[str, Any]:
        """Return the facts of all prosumers, (n,) each."""
        given, n = len(self.bus), self.prosumers
        drawn = n - given
        each = self.size / max(drawn, 1)
        facts: dict[str, Any] = {
            "bus": rng.integers(1, len(feeder.buses), drawn),
            "cost_quadratic": rng.uniform(0.05, 0.2, drawn) / each,
            "cost_linear": rng.uniform(0.02, 0.22, drawn),
            "low": -rng.uniform(0.0, 1.5, drawn) * each,
            "high": rng.uniform(0.0, 3.0, drawn) * each,
            "tan_phi": rng.choice([0.0, 0.2, 0.33], drawn),
            "weight": (1.0 + self.weight_spread) ** rng.uniform(-1.0, 1.0, drawn),
        }
        written: dict[str, Any] = {name: getattr(self, name) for name in _COLUMNS}
        written["bus"] = [feeder.at(bus) for bus in self.bus]
        written["tan_phi"] = self.tan_phi or [0.0] * given
        written["weight"] = self.weight or [1.0] * given
        if self.microgrids:
            for name in ("bus", "tan_phi"):
                facts[name] = facts[name][np.arange(n) % self.microgrids]
        return {name: np.concatenate([np.array(written[name], dtype=facts[name].dtype), facts[name]]) for name in facts}

    def _pairs(self, distance: Floats, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Return who trades with whom."""
        n = self.prosumers
        count = min(self.partners, n - 1)
        if self.pairing == "all":
            return [(i, j) for i in range(n) for j in range(i + 1, n)]
        if self.pairing == "nearest":
            order = np.lexsort((np.arange(n), distance))
            half = (count + 1) // 2
            return [(int(order[k]), int(order[k + far])) for far in range(1, half + 1) for k in range(n - far)]
        if count == 0:
            return []
        import networkx as nx

        degree = count - (n * count % 2)
        return sorted(nx.random_regular_graph(degree, n, seed=int(rng.integers(2**31))).edges) if degree else []

    def _virtual(self, topology: Topology) -> VirtualAgent:
        energy = (self.retail + self.feed_in) / 2.0
        connection, trade = (0.0, energy) if self.pricing == "tariffs" else (self.wholesale, 0.0)
        price = {"connection": connection, "trade": trade}
        first = np.array([price[kind.name] for kind in topology.kinds])
        return virtual_agents(topology, first[topology.kind][:, None])

    def _members(self, topology: Topology, feeder: Feeder, facts: dict[str, Any]) -> tuple[Population, ...]:
        n, m = self.prosumers, self.microgrids
        address = np.arange(len(topology.coordinators), topology.size, dtype=np.int32)
        own = self.pricing == "tariffs"
        largest = np.maximum(np.abs(facts["low"]), np.abs(facts["high"]))
        fuse = _FUSE * np.maximum(1.0, np.ceil(largest / _FUSE))
        together = np.bincount(np.arange(n) % m, fuse) if m else fuse
        operator = NetworkOperator(
            feeder=self._limited(feeder),
            losses=self.losses,
            names=["network.operator"],
            ports=[m or n],
            bus=facts["bus"][: m or n, None],
            tan_phi=facts["tan_phi"][: m or n, None],
            export_max=together[:, None],
            import_max=together[:, None],
            wholesale=0.0 if own else self.wholesale,
            loss_price=self.loss_price if own else 0.0,
            load_factor=self.load_factor,
            source=self.source,
            v_min=self.v_min,
            v_max=self.v_max,
        )
        smaller = max(1.0, (n - len(self.bus)) / 50.0)
        peers = PeerProsumer(
            names=LazyNames(topology, address[1 + m :]),
            ports=np.bincount(topology.ends.ravel(), minlength=len(topology.homes))[1 + m :],
            cost_quadratic=facts["cost_quadratic"],
            cost_linear=facts["cost_linear"],
            low=facts["low"][:, None],
            high=facts["high"][:, None],
            retail=self.retail if own else self.margin,
            feed_in=self.feed_in if own else -self.margin,
            trade_cost=self.trade_cost * smaller,
        )
        ends = Population(operator, address[:1]), Population(peers, address[1 + m :])
        if not m:
            return ends
        carried = [np.concatenate([together[k : k + 1], fuse[k::m]]) for k in range(m)]
        middle = MiddleOperator(
            names=LazyNames(topology, address[1 : 1 + m]),
            ports=[len(column) for column in carried],
            power_max=np.concatenate(carried)[:, None],
        )
        return ends[0], Population(middle, address[1 : 1 + m]), ends[1]

    def _limited(self, feeder: Feeder) -> Feeder:
        """Return the feeder with limits for lines that have none."""
        if self.line_factor == 0.0:
            return feeder
        carried = feeder.load_kw.copy()
        for line in range(len(feeder.parent) - 1, -1, -1):
            carried[feeder.parent[line]] += carried[line + 1]
        values = {name: getattr(feeder, name) for name in feeder.__dataclass_fields__}
        usual = np.maximum(self.line_factor * carried[1:], 1.0)
        values["limit_kw"] = np.where(np.isfinite(feeder.limit_kw), feeder.limit_kw, usual)
        return Feeder(**values)

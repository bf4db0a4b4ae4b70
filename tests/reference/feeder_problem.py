"""A market on a feeder as plain numbers of one period: what a central programme needs, and nothing of how agents solve it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gridparley.agents import NetworkOperator, PeerProsumer
from gridparley.agents.network import Feeder
from gridparley.protocols import Market
from gridparley.runs import RunError

__all__ = ["FeederProblem"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FeederProblem:
    """Prosumers on a feeder, who trade, in one period.

    min sum_i weight_i (a_i/2 p_i^2 + b_i p_i + retail_i m_i - feed_in_i s_i + kappa_i/2 sum_j e_ij^2)
    + wholesale P_0 + loss_price losses, subject to p_i = sum_j e_ij + s_i - m_i, e_ij + e_ji = 0, low <= p <= high and what
    the network allows.

    Attributes
    ----------
    feeder : buses, lines, loads
    bus, tan_phi : (n,) where each prosumer is connected, and kvar per kW that it injects
    a, b, low, high, retail, feed_in, kappa, weight : (n,)
    fuse : (n, 2) kW, most that its connection carries to it, and from it
    pairs : (t, 2) who trades with whom
    port : (n,) which of the operator's ports each prosumer is at
    wholesale, loss_price : $/kWh
    load_factor, source, v_min, v_max
    """

    feeder: Feeder
    bus: Ints
    tan_phi: Floats
    a: Floats
    b: Floats
    low: Floats
    high: Floats
    retail: Floats
    feed_in: Floats
    kappa: Floats
    weight: Floats
    fuse: Floats
    pairs: Ints
    port: Ints
    wholesale: float
    loss_price: float
    load_factor: float = 1.0
    source: float = 1.0
    v_min: float = 0.95
    v_max: float = 1.05

    @classmethod
    def of(cls, market: Market, period: int = 0, weight: Floats | None = None) -> Self:
        """Read one period of a market of one `NetworkOperator` and `PeerProsumer`s alone; weight : (n,), all 1 by default.

        Raises
        ------
        RunError
            Somebody else takes part.
        """
        operators = [p for p in market.populations if isinstance(p.society, NetworkOperator)]
        peers = [p for p in market.populations if isinstance(p.society, PeerProsumer)]
        if len(market.populations) != 2 or len(operators) != 1 or len(peers) != 1 or len(operators[0].society) != 1:
            kinds = ", ".join(type(p.society).__name__ for p in market.populations)
            raise RunError(
                f"a central programme of a feeder has one NetworkOperator and PeerProsumers; here are {kinds}"
            )
        operator: Any = operators[0].society
        society: Any = peers[0].society
        n = len(society)
        home = market.topology.home[peers[0].address]
        who = np.full(len(market.topology.homes), -1)
        who[home] = np.arange(n)
        ends = who[market.topology.ends[market.topology.joins]]
        connection = ends[(ends < 0).any(axis=1)].max(axis=1)  # the prosumer of each port of the operator
        port = np.empty(n, dtype=np.int64)
        port[connection] = np.arange(n)

        def of_peers(name: str) -> Floats:
            column = getattr(society, name)
            return np.array(column[:, period if column.shape[1] > 1 else 0])

        return cls(
            feeder=operator.grid.feeder,
            bus=operator.bus[port, 0].astype(np.int64),
            tan_phi=operator.tan_phi[port, 0],
            a=of_peers("cost_quadratic"),
            b=of_peers("cost_linear"),
            low=of_peers("low"),
            high=of_peers("high"),
            retail=of_peers("retail"),
            feed_in=of_peers("feed_in"),
            kappa=of_peers("trade_cost"),
            weight=np.ones(n) if weight is None else weight,
            fuse=np.stack([operator.export_max[port, period], operator.import_max[port, period]], axis=1),
            pairs=ends[(ends >= 0).all(axis=1)],
            port=port,
            wholesale=float(operator.wholesale[0, period]),
            loss_price=float(operator.loss_price[0, period]),
            load_factor=float(operator.load_factor[0, period]),
            source=float(operator.source[0, period]),
            v_min=float(operator.v_min[0, 0]),
            v_max=float(operator.v_max[0, 0]),
        )

    def without_limits(self) -> Self:
        """Return the same market on a feeder that carries everything and loses nothing: what the operator is there for."""
        free = replace(self.feeder, limit_kw=np.full(len(self.feeder.parent), np.inf))
        return replace(self, feeder=free, v_min=0.0, v_max=10.0, loss_price=0.0)

    @property
    def load_kw(self) -> Floats:
        """(buses,) kW of fixed load."""
        return np.asarray(self.load_factor * self.feeder.load_kw)

    @property
    def load_kvar(self) -> Floats:
        """(buses,) kvar of fixed load."""
        return np.asarray(self.load_factor * self.feeder.load_kvar)

    @property
    def children(self) -> list[list[int]]:
        """Buses that each bus feeds."""
        below: list[list[int]] = [[] for _ in self.feeder.buses]
        for line, parent in enumerate(self.feeder.parent.tolist()):
            below[parent].append(line + 1)
        return below

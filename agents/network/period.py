"""One period of a network: its flow, its tangent envelope, and what the operator pays for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..solve.fixed_order import times
from .envelope import Connections, Envelope, Limits, envelope_of
from .envelope_solve import Bend
from .radial import Flow, RadialGrid

__all__ = ["Losses", "NetworkPeriod"]

Floats = npt.NDArray[np.float64]
Losses = Literal["none", "lindistflow", "exact"]
"""How losses are seen: not at all; in the flow, with LinDistFlow's derivatives; in the flow and its derivatives."""


@dataclass(frozen=True, eq=False)
class NetworkPeriod:
    """What an operator knows of one period.

    Attributes
    ----------
    grid, ports, losses, limits
    load, reactive : (n,) kW and kvar that are taken where the ports feed in nothing
    source : pu, voltage of the source
    wholesale, loss_price : $/kWh of power at the source, and what a lost kWh costs besides
    frozen : the envelope that stands for the network everywhere, if any
    """

    grid: RadialGrid
    ports: Connections
    losses: Losses
    limits: Limits
    load: Floats
    reactive: Floats
    source: float
    wholesale: float
    loss_price: float
    frozen: Envelope | None = None

    @property
    def linear(self) -> bool:
        """Whether one envelope is right everywhere."""
        return self.losses == "none" or self.frozen is not None

    @cached_property
    def at_rest(self) -> Envelope:
        """The envelope that is frozen or, without it, that of the flow without losses."""
        return self.frozen if self.frozen is not None else self.lossless()

    def lossless(self, *, all_rows: bool = False) -> Envelope:
        """Return the envelope of the flow without losses."""
        taken, s = -np.concatenate([self.load, self.reactive]), self.grid.linear
        at_zero = times(s.active, taken), self.source**2 + times(s.square, taken), 0.0
        return envelope_of(self.ports, s, at_zero, self.limits, self._prices, all_rows=all_rows)

    def tangent(self, x: Floats) -> Envelope | None:
        """Return the envelope at x, (ports,) kW; None where no power flow exists."""
        if self.linear:
            return self.at_rest
        flow = self.flow(x)
        if not flow.solved[0]:
            return None
        s = (self.grid.exact if self.losses == "exact" else self.grid.approximate)(flow, 0)
        at_zero = (
            flow.active[:, 0] - times(self.ports.gather(s.active), x),
            flow.square[:, 0] - times(self.ports.gather(s.square), x),
            self.lost(flow) - float(times(self.ports.gather(s.losses), x)),
        )
        return envelope_of(self.ports, s, at_zero, self.limits, self._prices)

    @cached_property
    def bend(self) -> Bend | None:
        """How the cost of losses bends, by the flow without them; None where one envelope is right everywhere."""
        if self.linear:
            return None
        price = max(0.0, self.wholesale + self.loss_price)  # concave directions are left to the passes
        none = np.zeros_like(self.grid.below)
        active = self.ports.gather(np.concatenate([self.grid.below, none], axis=1))
        reactive = self.ports.gather(np.concatenate([none, self.grid.below], axis=1))
        weight = price * self.grid.r[:, 0] / self.source**2
        return Bend.of(np.concatenate([active, reactive]), np.concatenate([weight, weight]))

    def flow(self, x: Floats) -> Flow:
        """Return the exact power flow where the ports feed in x, (ports,) kW."""
        active, reactive = self.ports.injected(x[:, None], len(self.load))
        return self.grid.flow(self.load[:, None] - active, self.reactive[:, None] - reactive, np.array([self.source]))

    def lost(self, flow: Flow) -> float:
        """Return what all lines lose, kW."""
        return float((self.grid.r[:, 0] * flow.current[:, 0]).sum())

    def cost(self, x: Floats) -> float:
        """Return what x, (ports,) kW, costs in $/h; inf where a limit is broken or no power flow exists."""
        if self.linear:
            lost, kept = self.at_rest.lost(x), self.at_rest.keeps(x)
        else:
            flow = self.flow(x)
            lost, kept = self.lost(flow), bool(flow.solved[0]) and self._keeps(flow)
        taken = self.load.sum() - x.sum() + lost
        return float(self.wholesale * taken + self.loss_price * lost) if kept else np.inf

    def _keeps(self, flow: Flow) -> bool:
        """Tell whether a flow keeps all limits, to 1e-9, relative above 1."""
        line = self.limits.line
        over = np.abs(flow.active[:, 0]) > line + 1e-9 * np.maximum(1.0, np.where(np.isfinite(line), line, 1.0))
        v = flow.square[1:, 0]
        return not (over.any() or (v < self.limits.low**2 - 1e-9).any() or (v > self.limits.high**2 + 1e-9).any())

    @property
    def _prices(self) -> tuple[float, float]:
        return self.wholesale, self.loss_price

    def reference(self, cp: Any, fed: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY expression fed, (ports,) kW."""
        if self.linear:
            envelope = self.at_rest
            lost = envelope.losses + envelope.loss_factor @ fed
            limits = [envelope.rows @ fed <= envelope.room] if len(envelope.room) else []
        else:
            lost, limits = self._relaxed(cp, fed)
        cost = self.wholesale * (self.load.sum() - cp.sum(fed) + lost) + self.loss_price * lost
        return cost, limits

    def _relaxed(self, cp: Any, fed: Any) -> tuple[Any, list[Any]]:
        """Losses and constraints with i >= (P^2 + Q^2) / v in the place of the equation (Farivar and Low 2013)."""
        grid, n = self.grid, len(self.load)
        unit = max(1.0, float(np.abs(self.load).sum()))  # kW, so that the solver sees numbers of one size
        gather = np.zeros((n, len(self.ports.bus)))
        gather[self.ports.bus, np.arange(len(self.ports.bus))] = 1.0 / unit
        i, v = cp.Variable(n - 1, nonneg=True), cp.Variable(n)
        through, r, x = grid.below[:, 1:], unit * grid.r[:, 0], unit * grid.x[:, 0]
        p = grid.below @ (self.load / unit - gather @ fed) + through @ cp.multiply(r, i)
        q = grid.below @ (self.reactive / unit - (gather * self.ports.tan_phi) @ fed) + through @ cp.multiply(x, i)
        drop = grid.below.T @ (2.0 * (cp.multiply(r, p) + cp.multiply(x, q)) - cp.multiply(r**2 + x**2, i))
        limited = np.flatnonzero(np.isfinite(self.limits.line))
        limits = [v == self.source**2 - drop, v[1:] >= self.limits.low**2, v[1:] <= self.limits.high**2]
        limits += [cp.abs(p[k]) <= self.limits.line[k] / unit for k in limited]
        above = v[grid.parent]
        limits.append(cp.SOC(above + i, cp.vstack([2.0 * p, 2.0 * q, above - i]), axis=0))
        return unit * (r @ i), limits

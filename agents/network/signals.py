"""What a network operator's answer says about prices: the marginal price of each port, split by what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..solve.fixed_order import times
from .envelope_solve import Point
from .period import NetworkPeriod

__all__ = ["Signals", "signals_of"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Signals:
    """Distribution locational marginal prices, (ports, periods) $/kWh, and the multipliers that are behind them.

    A kWh that is fed in at a port is worth dlmp = energy + loss + congestion + voltage to the operator.

    Attributes
    ----------
    energy : the price at the source
    loss : -(price of what is lost) times the loss factor
    congestion, voltage : -G^T mu over the limits of lines and of voltages
    line_price : (lines, periods) $/kWh, multiplier of each line's limit; above zero forwards, below zero towards the source
    voltage_price : (n, periods) $/h per pu², of each bus's limits; above zero at the highest voltage, below at the lowest
    """

    energy: Floats
    loss: Floats
    congestion: Floats
    voltage: Floats
    line_price: Floats
    voltage_price: Floats

    @property
    def dlmp(self) -> Floats:
        """(ports, periods) $/kWh."""
        return self.energy + self.loss + self.congestion + self.voltage


def signals_of(networks: Sequence[NetworkPeriod], points: Sequence[Point]) -> Signals:
    """Split the prices behind the answers of each period."""
    columns = [_of_period(network, point) for network, point in zip(networks, points, strict=True)]
    return Signals(*(np.stack(parts, axis=1) for parts in zip(*columns, strict=True)))


def _of_period(network: NetworkPeriod, point: Point) -> tuple[Floats, ...]:
    envelope, mu = point.envelope, point.multiplier
    of_lines = envelope.of_lines
    energy = np.full(len(point.x), network.wholesale)
    loss = -envelope.marginal - energy
    congestion, voltage = (times(envelope.rows.T, -(mu * part)) for part in (of_lines, ~of_lines))
    every = np.zeros(4 * envelope.lines + 2)
    every[envelope.which] = mu
    forwards, backwards = np.split(every[: 2 * envelope.lines], 2)
    lowest, highest = np.split(every[2 * envelope.lines :], 2)
    return energy, loss, congestion, voltage, forwards - backwards, highest - lowest

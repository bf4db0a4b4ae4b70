"""The operating envelope: what the lines and the voltages of one period allow at the ports, as rows of G p <= h."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..solve.fixed_order import times
from .feeder import Feeder
from .radial import Sensitivity

__all__ = ["Connections", "Envelope", "Limits", "envelope_of", "limit_name"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Connections:
    """Where prosumers are connected: the bus of each port, (p,), and the reactive power fed in per kW, tan phi, (p,)."""

    bus: Ints
    tan_phi: Floats

    def gather(self, by_bus: Floats) -> Floats:
        """Turn derivatives by injections of every bus, (..., 2 n), into those by the ports' active powers, (..., p)."""
        n = by_bus.shape[-1] // 2
        return by_bus[..., self.bus] + self.tan_phi * by_bus[..., n + self.bus]

    def injected(self, x: Floats, n: int) -> tuple[Floats, Floats]:
        """Add up what is fed in, (p, periods) kW, by bus: (n, periods) kW and kvar."""
        active, reactive = np.zeros((n, x.shape[1])), np.zeros((n, x.shape[1]))
        np.add.at(active, self.bus, x)
        np.add.at(reactive, self.bus, self.tan_phi[:, None] * x)
        return active, reactive


@dataclass(frozen=True)
class Limits:
    """Limits of a network in one period: voltages in pu, and each line's active power, (lines,) kW."""

    low: float
    high: float
    line: Floats


@dataclass(frozen=True)
class Envelope:
    """What the network allows and loses, linear in what the ports feed in, p in kW.

    Rows, in this order and without those that nothing limits or no port moves: power of each line forwards and backwards,
    lowest and highest voltage of each bus.

    Attributes
    ----------
    rows : (m, ports) G, kW per kW or pu² per kW
    room : (m,) h, kW or pu²
    which : (m,) which of the 2 (lines + buses) limits each row is
    lines : number of lines
    losses, loss_factor : kW at p = 0, as far as the tangent goes, and (ports,) kW per kW
    marginal : (ports,) $/kWh, what one more kW fed in costs, limits aside
    """

    rows: Floats
    room: Floats
    which: Ints
    lines: int
    losses: float
    loss_factor: Floats
    marginal: Floats

    @property
    def of_lines(self) -> npt.NDArray[np.bool_]:
        """(m,) which rows are limits of lines rather than of voltages."""
        return self.which < 2 * self.lines

    def lost(self, x: Floats) -> float:
        """Return losses in kW at x, (ports,) kW."""
        return float(self.losses + times(self.loss_factor, x))

    def keeps(self, x: Floats) -> bool:
        """Tell whether x, (ports,) kW, is allowed, to 1e-9 of each row's terms: a restored point is a sum, and sums round."""
        used = times(self.rows, x)
        return bool((used <= self.room + 1e-9 * (times(np.abs(self.rows), np.abs(x)) + np.abs(self.room))).all())

    def name(self, row: int, feeder: Feeder) -> str:
        """Return which limit a row is, in words."""
        return limit_name(int(self.which[row]), self.lines, feeder)


def limit_name(which: int, lines: int, feeder: Feeder) -> str:
    """Return one of the 2 (lines + buses) limits in words."""
    if which < 2 * lines:
        way = "towards the source" if which >= lines else "away from the source"
        return f"power of line {feeder.line_names[which % lines]} {way}"
    which -= 2 * lines
    n = lines + 1
    return f"{'highest' if which >= n else 'lowest'} voltage of bus {feeder.buses[which % n]}"


def envelope_of(
    ports: Connections,
    s: Sensitivity,
    at_zero: tuple[Floats, Floats, float],
    limits: Limits,
    prices: tuple[float, float],
    *,
    all_rows: bool = False,
) -> Envelope:
    """Put an envelope together.

    Parameters
    ----------
    ports, s
    at_zero : lines' active powers, (lines,) kW, voltages squared, (n,) pu², and losses in kW where the ports feed in nothing
    limits
    prices : $/kWh of power at the source, and what a lost kWh costs besides
    all_rows : keep rows that no port moves
    """
    flow, square, losses = at_zero
    active, squares, loss_factor = ports.gather(s.active), ports.gather(s.square), ports.gather(s.losses)
    rows = np.concatenate([active, -active, -squares, squares])
    room = np.concatenate([limits.line - flow, limits.line + flow, square - limits.low**2, limits.high**2 - square])
    moves = np.abs(rows).max(axis=1, initial=0.0) > 0.0
    source = np.isin(np.arange(len(room)), 2 * len(flow) + np.array([0, len(square)]))  # whose voltage is fixed
    which = np.flatnonzero(np.isfinite(room) & (moves | all_rows) & ~source)
    marginal = (prices[0] + prices[1]) * loss_factor - prices[0]
    return Envelope(rows[which], room[which], which, len(flow), losses, loss_factor, marginal)

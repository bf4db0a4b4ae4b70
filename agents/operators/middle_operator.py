"""Middle operator: stands between the network and the prosumers of one microgrid, and passes on what they inject."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..batch import batched
from ..bounds import within
from ..facts import PortArray, fact
from ..society import Society
from ..solve.bus_curve import BusCurve
from ..solve.port_groups import PortGroups, port_groups

__all__ = ["MiddleOperator"]

Floats = npt.NDArray[np.float64]


class MiddleOperator(Society):
    """Operator of a microgrid behind one connection: an element in the middle, which sums responses and splits targets.

    min 0 subject to sum_k x_k = 0, -power_max <= x <= power_max, with one port to the network and one to each prosumer;
    nothing is attached to its own bus, so x_0 = 0. It knows what its ports carry, and neither costs nor the network. Source:
    note 003, as we reconstruct it.

    Examples
    --------
    >>> middle = MiddleOperator(ports=[3], power_max=10.0)
    >>> wanted = np.array([[0.0], [-5.0], [2.0], [6.0]])  # the network takes 5 kW, prosumers give 2 and 6
    >>> middle.respond(0.0 * wanted, wanted, np.ones((4, 1))).ravel()
    array([ 0., -6.,  1.,  5.])
    """

    power_max: PortArray = fact("kW", "most that each port carries, either way", ge=0.0)

    @batched
    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Return x, (rows, periods) kW: exact, by the value of power that passes through."""
        x = np.zeros((self.rows, self.periods))
        shifted = price - rho * target
        for members, ports in self._groups:
            rows, (m, k) = self.port_rows[ports], ports.shape

            def flat(column: Floats, shape: tuple[int, int, int] = (m, k, self.periods)) -> Floats:
                wide = np.broadcast_to(column, shape).transpose(0, 2, 1)
                return np.asarray(wide.reshape(shape[0] * shape[2], shape[1]))

            worth, bend, most = flat(shifted[rows]), flat(rho[rows]), flat(self.power_max[ports])
            none = np.zeros_like(most)
            # What leaves comes first: of prices that tie none leads to power that only passes through.
            price2, bend2, low, high = (
                np.concatenate(pair, axis=1) for pair in ((worth, worth), (bend, bend), (-most, none), (none, most))
            )
            curve = BusCurve.of(price2, bend2, low, high, np.zeros(len(worth)))
            parts = curve.supplied(np.zeros(len(worth)))
            found = (parts[:, :k] + parts[:, k:]).reshape(len(members), self.periods, k)
            x[rows] = found.transpose(0, 2, 1)
        return x

    @batched
    def cost(self, x: Floats) -> Floats:
        """Return 0 $/h, (n, periods), where all that comes in goes out, and +inf elsewhere."""
        value, size = np.zeros((2, len(self), self.periods))
        for members, ports in self._groups:
            for port in self.port_rows[ports].T:
                value[members] += x[port]
                size[members] = np.maximum(size[members], np.abs(x[port]))
        carried = within(x[self.port_rows], -self.power_max, self.power_max, np.zeros_like(self.power_max))
        inside = np.ones_like(value)
        for members, ports in self._groups:
            for port in ports.T:
                inside[members] *= np.isfinite(carried[port])
        balanced = np.abs(value) <= 1e-9 * np.maximum(1.0, size)
        return within(x[self.own_rows], 0.0, 0.0, np.where(balanced & (inside > 0.0), 0.0, np.inf))

    def scaled(self, weight: Floats) -> Self:
        """Return the same operators: they have no cost that a weight, (n, 1), could change."""
        return self

    @cached_property
    def _groups(self) -> PortGroups:
        return port_groups(self.port_count)

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return cost and constraints of the CVXPY variable x, (rows, periods) kW."""
        gather = np.zeros((len(self), self.rows))
        gather[np.repeat(np.arange(len(self)), self.port_count), self.port_rows] = 1.0
        limits = [gather @ x == 0, x[self.own_rows, :] == 0]
        if len(self.port_rows):
            limits.append(cp.abs(x[self.port_rows, :]) <= self.power_max)
        return cp.Constant(0.0), limits

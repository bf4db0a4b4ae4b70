"""One period's local problem of a network operator: what its ports may carry, and the network behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .envelope_solve import Ask, Point, misfit, project
from .period import NetworkPeriod

__all__ = ["PeriodProblem"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PeriodProblem:
    """The network of period `number`, and the limits low <= x <= high of what the ports feed in, (ports,) kW."""

    number: int
    network: NetworkPeriod
    low: Floats
    high: Floats

    def solve(self, price: Floats, target: Floats, rho: Floats) -> Point | None:
        """Answer the one question, (ports,) each; None where nothing is found within all limits."""
        ask, network = Ask(price, target, rho, self.low, self.high), self.network
        if network.linear:
            return project(ask, network.tangent, np.zeros_like(price))
        # Late in a negotiation the target is near the answer. Where it is no place to begin, the lossless answer may
        # be, or what was found when the facts were checked.
        starts: list[Callable[[], Floats | None]] = [
            lambda: np.clip(target, self.low, self.high),
            lambda: self._lossless(ask),
            lambda: self.safe,
        ]
        for begin in starts[0 if rho.all() else 1 :]:
            start = begin()
            found = None if start is None else project(ask, network.tangent, start, network.bend)
            if found is not None:
                return found
        return None

    def _lossless(self, ask: Ask) -> Floats | None:
        """Return the answer of a network without losses."""
        rest = self.network.at_rest
        found = project(ask, lambda _: rest, np.zeros_like(ask.price))
        return None if found is None else found.x

    @cached_property
    def safe(self) -> Floats | None:
        """Some point within all limits, (ports,) kW; None where none is found."""
        network, zero = self.network, np.zeros_like(self.low)
        firm = zero + 1.0 + abs(network.wholesale) + network.loss_price
        ask = Ask(zero, zero, firm, self.low, self.high)
        starts = [zero, None if network.linear else self._lossless(ask)]
        points = (project(ask, network.tangent, start, network.bend) for start in starts if start is not None)
        return next((point.x for point in points if point is not None), None)

    def trouble(self) -> str | None:
        """Return, in words, which limit no answer keeps; None where some answer keeps all of them."""
        every = self.network.lossless(all_rows=True)
        rest = np.abs(every.rows).max(axis=1, initial=0.0) == 0.0
        broken = np.flatnonzero(rest & (every.room < -1e-12))
        if len(broken):
            limit = every.name(int(broken[0]), self.network.grid.feeder)
            return f"{limit} (period {self.number}) is broken by the fixed loads; no port can change that"
        return self.unkept() if self.safe is None else None

    def unkept(self) -> str:
        """Say which limit stands in the way, by the flow without losses where that shows it."""
        envelope = self.network.at_rest
        if not len(envelope.room):
            return f"no power flow is known in period {self.number}, whatever the ports carry"
        row, short = misfit(envelope, self.low, self.high)
        limit = envelope.name(row, self.network.grid.feeder)
        what = f"{limit} (period {self.number}): nothing that the ports may carry "
        if short <= 0.0:
            return what + "is known to keep it together with the other limits once losses are counted"
        unit = "kW" if envelope.of_lines[row] else "pu²"
        return what + f"keeps it together with the other limits; the nearest is off by {short:.3g} {unit}"

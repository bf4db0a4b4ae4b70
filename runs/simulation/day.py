"""A day: periods negotiated one after the other, each opened on what the one before has left."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ...agents import Period, Society
from ...protocols import Market
from ..judge.certificate import Certificate, certify
from ..judge.outcome import EndedRun, Verdict, judge
from ..judge.probe import probe_prices
from ..judge.restore_feasibility import restore_feasibility
from .settlement_rule import SettlementRule

__all__ = ["ROUNDS_MAX", "Clock", "Day", "PeriodEnd"]

Floats = npt.NDArray[np.float64]

ROUNDS_MAX = 1_000_000
"""Rounds that a period has to itself: its rounds are numbered from its own number times this."""


@dataclass(frozen=True)
class Clock:
    """When periods begin, and when a gate closes in any case.

    Attributes
    ----------
    periods
    ticks_per_period : ticks after which a period is over even if no coordinator has stopped
    """

    periods: tuple[Period, ...]
    ticks_per_period: int

    @classmethod
    def regular(cls, periods: int, start: float, hours: float, ticks_per_period: int) -> Clock:
        """Return a clock of periods of one length, the first beginning at `start`, h."""
        each = tuple(Period(k, start + k * hours, hours) for k in range(periods))
        return cls(each, ticks_per_period)


@dataclass(frozen=True)
class PeriodEnd:
    """How a period ended.

    Attributes
    ----------
    period
    market : all agents with their facts in this period
    verdict
    certificate : of what was negotiated; its x is what was dispatched, None where no feasible point was found
    x : by population, (rows, 1) kW: what was dispatched, or the last proposals where no feasible point was found
    price : (B, 1) $/kWh
    ticks, rounds : that it took
    residual : kW, of the last proposals
    """

    period: Period
    market: Market
    verdict: Verdict
    certificate: Certificate
    x: list[Floats] = field(repr=False)
    price: Floats = field(repr=False)
    ticks: int
    rounds: int
    residual: float


class Day:
    """The periods of a run: what is open, what has been settled.

    All agents share the clock: no message says that a period opens. Opening sets the agents' facts; settling carries what
    they keep from period to period (states of charge, needs) forward by what was dispatched, once. Where no feasible point
    was found, every agent does what it proposed last, which is within its own limits.

    Parameters
    ----------
    market : all agents with profiles over all periods
    clock
    rule : what is dispatched when a gate closes

    Attributes
    ----------
    number : of the period that is open
    opened : the tick in which it was opened
    ends : of the periods before it
    societies : all agents' facts over all periods, as the settled periods have left them
    whole : all agents with profiles over all periods, as the day begins
    """

    def __init__(self, market: Market, clock: Clock, rule: SettlementRule = restore_feasibility) -> None:
        self.whole, self.clock, self.rule = market, clock, rule
        self.societies: list[Society] = [population.society for population in market.populations]
        self.number, self.opened = 0, 0
        self.ends: list[PeriodEnd] = []

    @property
    def period(self) -> Period:
        """The period that is open."""
        return self.clock.periods[self.number]

    @property
    def last(self) -> bool:
        """Whether the last period is open."""
        return self.number == len(self.clock.periods) - 1

    def market(self) -> Market:
        """Return all agents with the facts of the period that is open."""
        members = tuple(
            replace(population, society=society.open(self.period))
            for population, society in zip(self.whole.populations, self.societies, strict=True)
        )
        return replace(self.whole, virtual=self.whole.virtual.open(self.period), populations=members, periods=1)

    def over(self, simulation: EndedRun) -> bool:
        """Tell whether the gate of the open period closes.

        It does when all coordinators have stopped, when its ticks have passed, or when it is proven that they never will stop.
        """
        ticks = simulation.tick - self.opened
        if ticks > 0 and (bool(simulation.state.stopped.all()) or ticks >= self.clock.ticks_per_period):
            return True
        return simulation.proof is not None

    def close(self, simulation: EndedRun) -> PeriodEnd:
        """Judge what was negotiated in the open period, and dispatch it where a feasible point is found."""
        state, market, observer = simulation.state, simulation.market, simulation.observer
        if all(np.isfinite(x).all() for x in state.x) and not simulation.broken and simulation.proof is None:
            certificate = certify(market, observer, state, self.rule(market, observer, state))
        else:
            certificate = Certificate(-np.inf, np.inf, np.inf, None, probe=probe_prices(market, state))
        x = state.x if certificate.x is None else certificate.x
        return PeriodEnd(
            period=self.period,
            market=market,
            verdict=judge(simulation, certificate),
            certificate=certificate,
            x=[np.array(rows) for rows in x],
            price=state.price.copy(),
            ticks=simulation.tick - self.opened,
            rounds=int(state.round.min()),
            residual=float(observer.latest["primal_residual"]),
        )

    def turn(self, simulation: EndedRun) -> Market:
        """Close the open period, settle it, and open the next: return its market."""
        end = self.close(simulation)
        self.ends.append(end)
        self.societies = self.settled(end)
        self.number, self.opened = self.number + 1, simulation.tick
        return self.market()

    def roll(self, x: list[Floats]) -> None:
        """Settle the open period with the agents' answers, by population, (rows, 1) kW, and open the next, if there is one."""
        self.societies = [society.settle(self.period, rows) for society, rows in zip(self.societies, x, strict=True)]
        self.number = min(self.number + 1, len(self.clock.periods) - 1)

    @property
    def first_round(self) -> int:
        """The number of the first round of the open period."""
        return self.number * ROUNDS_MAX

    def settled(self, end: PeriodEnd) -> list[Society]:
        """Return all agents' facts over all periods as the open period's end leaves them."""
        # An agent that has never answered has used nothing.
        return [society.settle(end.period, np.nan_to_num(x)) for society, x in zip(self.societies, end.x, strict=True)]

    def unserved(self, end: PeriodEnd) -> dict[str, float]:
        """Return the kWh that agents needed and had not got when they left, by name; only those above 1 Wh."""
        found: dict[str, float] = {}
        for society in self.settled(end):
            missing = society.unserved(end.period)[:, 0]
            found |= {society.names[k]: float(missing[k]) for k in np.flatnonzero(missing > 1e-3).tolist()}
        return found

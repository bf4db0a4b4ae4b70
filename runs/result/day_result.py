"""The result of a day: its periods, each with a verdict of its own, and what they add up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..judge.certificate import Certificate
from ..judge.foresight import Foresight, blind_types, day_cost, foresee
from ..judge.metrics import cost_of
from ..judge.outcome import Outcome, Verdict, check_reference
from ..judge.reference import ROWS_MAX, Reference, central_solve
from ..judge.solution import joined, microgrids_of, tie_lines_of
from ..scenario.scenario import Scenario
from ..simulation.day import Day, PeriodEnd
from ..simulation.simulation import Simulation
from .result import Result
from .settlement import Table, settle_day
from .solution_tables import Part

__all__ = ["EACH_PERIOD", "DayResult", "evaluate_day", "foresight_text"]

EACH_PERIOD = "the optimum of each period, given the periods before it"
"""What a day that is negotiated a period at a time is compared with: it is not the optimum of the day."""


@dataclass(frozen=True)
class DayResult(Result):
    """What came out of a day; costs are in $ for the whole day, and `x` and `reference` are the last period's.

    The certificate brackets the sum of the periods' optima, each given the path that the periods before it have taken. That
    is no bound of the day: with another path before it a period may cost more, and the day less. `foresight` is that bound.

    Attributes
    ----------
    ends : of all periods that were negotiated
    references : the central optimum of each, on what the periods before it had left; None without
    foresight : the day as if all of it had been known when it began; None without
    unserved : kWh that agents needed and did not get, by name
    """

    ends: tuple[PeriodEnd, ...] = ()
    references: tuple[Reference | None, ...] = ()
    unserved: dict[str, float] | None = None
    foresight: Foresight | None = None

    def __repr__(self) -> str:
        text = super().__repr__().replace(", gap ", ", largest gap of a period ")
        return (
            text
            if self.foresight is None
            else f"{text[:-1]}, not looking ahead has cost {self.foresight.forgone:.4f} $>"
        )

    @property
    def cost_unit(self) -> str:
        """Of all costs here, which are the whole day's."""
        return "$"

    @property
    def period_hours(self) -> float | None:
        """H, length of a period."""
        return self.ends[0].period.hours

    @property
    def objective(self) -> float:
        """$ for the day: the cost of what was committed, regularising terms included."""
        return sum(end.certificate.upper * end.period.hours for end in self.ends)

    @property
    def total_cost(self) -> float:
        """$ for the day: the cost less utility of what was committed, without regularising terms."""
        return sum(
            cost_of(population.society.unregularised(), x) * end.period.hours
            for end in self.ends
            for population, x in zip(end.market.populations, end.x, strict=True)
        )

    @property
    def optimum_cost(self) -> None:
        """Not known of a day that is negotiated a period at a time: see `period_optima_cost` and `foresight`."""
        return None

    @property
    def period_optima_cost(self) -> float | None:
        """$ for the day, without regularising terms, of the optimum of each period, given the periods before it."""
        return self._summed([_optimum_cost(end, best) for end, best in zip(self.ends, self.references, strict=True)])

    @property
    def period_optima_objective(self) -> float | None:
        """The same with regularising terms, as the periods were posed."""
        return self._summed([None if best is None else best.cost for best in self.references])

    def _summed(self, costs: list[float | None]) -> float | None:
        """$ of what each period costs in $/h; None unless that is known of all."""
        known = [cost * end.period.hours for cost, end in zip(costs, self.ends, strict=True) if cost is not None]
        return sum(known) if known and len(known) == len(costs) else None

    @property
    def gap(self) -> float | None:
        """The largest gap of any period to its central optimum, relative to that."""
        gaps = [gap for gap in map(_gap, self.ends, self.references) if gap is not None]
        return max(gaps, key=abs) if len(gaps) == len(self.ends) and gaps else None

    @property
    def regularisation_gap(self) -> float | None:
        """Not asked of a day."""
        return None

    @property
    def parts(self) -> list[Part]:
        """What was negotiated, a period each."""
        return [Part(end.market, end.x, end.price) for end in self.ends]

    def microgrids(self) -> dict[str, dict[str, Any]]:
        """Return, by microgrid: price, demand, generation, pv, storage, soc, net_export, each a list over the periods."""
        return joined([microgrids_of(end.market, end.x, end.price) for end in self.ends])

    def tie_lines(self) -> dict[str, dict[str, Any]]:
        """Return, by tie-line: transfer and transfer_price, each a list over the periods."""
        sign = self.scenario.spec.report.transfer_price_sign
        return joined([tie_lines_of(end.market, end.x, sign * end.price) for end in self.ends])

    def settlement(self, *, solve: bool = False) -> Table:
        """Return, by microgrid, what the day costs it together and alone: see `settle_day`; only where it was asked for."""
        if self.settled is not None or not solve:
            return self.settled or {}
        clock = self.scenario.clock()
        assert clock is not None
        return settle_day(Day(self.scenario.market(), clock), self.ends)

    def periods(self) -> list[dict[str, Any]]:
        """Return how each period went: start and hours in h, outcome, rounds, ticks, cost in $/h, and gaps."""
        return [
            {
                "period": end.period.number,
                "start": end.period.start,
                "hours": end.period.hours,
                "outcome": str(end.verdict.outcome),
                "reason": end.verdict.reason,
                "rounds": end.rounds,
                "ticks": end.ticks,
                "objective": end.certificate.upper,
                "certificate_gap": end.certificate.gap,
                "optimum_cost": _optimum_cost(end, reference),
                "reference_objective": None if reference is None else reference.cost,
                "gap": _gap(end, reference),
            }
            for end, reference in zip(self.ends, self.references, strict=True)
        ]

    def _foresight(self) -> dict[str, Any] | None:
        best = self.foresight
        if best is not None:
            costs = {"cost": best.cost, "negotiated_cost": best.negotiated, "not_looking_ahead": best.forgone}
            return costs | {"status": best.status}
        day = self.simulation.day
        assert day is not None
        blind = blind_types(day.whole) if all(one is not None for one in self.references) else []
        return {"missing": blind} if blind else None

    def to_dict(self) -> dict[str, Any]:
        """Return the whole result as plain data, ready for JSON; a number that does not exist is null."""
        told = super().to_dict()
        rounds = [end.rounds for end in self.ends]
        for key in ("optimum_cost", "reference_cost", "reference_objective"):  # there is none of the day to name so
            del told[key]
        told["certificate"]["of"] = EACH_PERIOD
        return told | {
            "period_optima": {
                "of": EACH_PERIOD,
                "cost": self.period_optima_cost,
                "objective": self.period_optima_objective,
            },
            "perfect_foresight": self._foresight(),
            "rounds": sum(rounds),
            "rounds_median": float(np.median(rounds)),
            "rounds_max": max(rounds),
            "periods": _finite_rows(self.periods()),
            "unserved_kwh": self.unserved or {},
        }


def foresight_text(told: Mapping[str, Any] | None) -> str | None:
    """Say what not looking ahead has cost, from a result's "perfect_foresight"; None where nothing can be said."""
    if told is None:
        return None
    if "missing" in told:
        return f"none: {', '.join(told['missing'])} cannot say what a whole day costs (day_reference)"
    return (
        f"{told['cost']:.4f} $ is the least that the whole day can cost if all of it is known; as negotiated it costs "
        f"{told['negotiated_cost']:.4f} $ by the same account, in which stored energy counts by what is left of it in the "
        f"end: not looking ahead has cost {told['not_looking_ahead']:.4f} $"
    )


def _gap(end: PeriodEnd, reference: Reference | None) -> float | None:
    if reference is None or end.certificate.x is None:
        return None
    return (end.certificate.upper - reference.cost) / max(abs(reference.cost), 1.0)


def _optimum_cost(end: PeriodEnd, reference: Reference | None) -> float | None:
    """$/h, without regularising terms, of a period's central optimum."""
    if reference is None:
        return None
    pairs = zip(end.market.populations, reference.x, strict=True)
    return sum(cost_of(population.society.unregularised(), x) for population, x in pairs)


def _finite_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: None if isinstance(v, float) and not np.isfinite(v) else v for key, v in row.items()} for row in rows]


def evaluate_day(
    scenario: Scenario,
    simulation: Simulation,
    *,
    seconds: float = 0.0,
    reference: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DayResult:
    """Judge a day as it stands: every period's certificate and, where wanted, its central reference.

    Parameters
    ----------
    scenario, simulation
    seconds : wall time of the negotiation alone
    reference : solve every period centrally beside it, and the whole day; by default where the market is small enough
    progress : called before each period's central solve, with its number and how many there are
    """
    day, market = simulation.day, simulation.market
    assert day is not None
    ends = [*day.ends, day.close(simulation)]
    if reference is None:
        reference = sum(p.society.rows for p in market.populations) * len(ends) <= ROWS_MAX
    references: list[Reference | None] = []
    for number, end in enumerate(ends):
        if reference and progress is not None:
            progress(number, len(ends))
        references.append(central_solve(end.market) if reference else None)
    if reference:
        ends = [_checked(end, best) for end, best in zip(ends, references, strict=True)]
    lower, upper = (sum(getattr(e.certificate, side) * e.period.hours for e in ends) for side in ("lower", "upper"))
    whole = Certificate(lower, upper, (upper - lower) / max(abs(upper), 1.0), ends[-1].certificate.x)
    return DayResult(
        scenario, simulation, *_verdict(ends, len(day.clock.periods)), whole, references[-1], None, seconds, ends[-1].x,
        tuple(ends), tuple(references), day.unserved(ends[-1]), _foresight(day, ends) if reference else None,
    )  # fmt: skip


def _checked(end: PeriodEnd, best: Reference | None) -> PeriodEnd:
    verdict, certificate = check_reference(end.verdict, end.certificate, end.market, best)
    return replace(end, verdict=verdict, certificate=certificate)


def _foresight(day: Day, ends: list[PeriodEnd]) -> Foresight | None:
    """Solve the whole day, if all of it was negotiated and committed: else there is nothing to set beside it."""
    if len(ends) < len(day.clock.periods) or any(end.certificate.x is None for end in ends):
        return None
    parts = [(end.market, end.x, end.period.hours) for end in ends]
    start = [population.society for population in day.whole.populations]
    return foresee(day.whole, day.clock.periods, day_cost(parts, start, day.settled(ends[-1])))


def _verdict(ends: list[PeriodEnd], wanted: int) -> Verdict:
    """CONVERGED if every period is; else the first that is not, by its clock."""
    for end in ends:
        if end.verdict.outcome is not Outcome.CONVERGED:
            clock = end.period.start % 24
            at = f"period {end.period.number} ({int(clock):02d}:{round(clock % 1 * 60):02d})"
            return Verdict(end.verdict.outcome, f"{at}: {end.verdict.reason}")
    if len(ends) < wanted:
        return Verdict(Outcome.TICK_LIMIT, f"{len(ends)} of {wanted} periods were negotiated; more --ticks may do")
    return Verdict(Outcome.CONVERGED, f"each of {wanted} periods, given those before it: {ends[-1].verdict.reason}")

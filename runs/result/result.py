"""The result of a run: one object for people and machines alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...environment import Fate
from ..feeder.state import feeder_state
from ..feeder.usage import usage_report
from ..judge.certificate import Certificate
from ..judge.metrics import Observer
from ..judge.outcome import Outcome
from ..judge.reference import Reference
from ..judge.solution import microgrids_of, tie_lines_of
from ..scenario.scenario import Scenario
from ..simulation.simulation import Simulation
from .notebook import result_html
from .notes import faults_told
from .settlement import Table, settle
from .shading import Shading
from .solution_tables import Part, agents_of, balances_of, frame, records

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Result"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Result:
    """What came out of a run.

    Attributes
    ----------
    simulation : as it ended
    outcome, reason : one word, and in a clause why it is this one
    certificate
    reference, lossless : the central optimum of the market as posed, and without regularising terms; None where there is none
    seconds : wall time of the negotiation alone
    x : by population, (rows, periods) kW: the committed point, or the last proposals where none can be kept
    settled : the settlement, where it was asked for
    observer : of the market that the end is judged by, where that is not the one that was run
    ac : what an AC power flow says about it, where that was asked for
    shading : what it costs each agent that some declare to answer something else than their interest: see `shading_of`; empty
        where none does, or where the optimum of the true costs is not known
    """

    scenario: Scenario
    simulation: Simulation
    outcome: Outcome
    reason: str
    certificate: Certificate
    reference: Reference | None
    lossless: Reference | None
    seconds: float
    x: list[Floats]
    settled: Table | None = field(default=None, kw_only=True)
    observer: Observer | None = field(default=None, kw_only=True)
    ac: dict[str, Any] | None = field(default=None, kw_only=True)
    shading: Shading = field(default_factory=dict, kw_only=True)

    def __repr__(self) -> str:
        gap = "" if self.gap is None else f", gap {self.gap:.1e}"
        return (
            f"<Result of {self.scenario.name}, {self.scenario.spec.run.protocol}: {self.outcome} after "
            f"{self.simulation.tick} ticks, total cost {self.total_cost:.4f} {self.cost_unit}{gap}>"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        headline = f"{repr(self)[1:-1]}. {self.reason[:1].upper()}{self.reason[1:]}"
        return result_html(headline, self.agents(), self.balances())

    @property
    def optimum_cost(self) -> float | None:
        """$/h, the cost less utility, without regularising terms, of the optimum of the market as posed."""
        return None if self.reference is None else self.simulation.observer.cost(self.reference.x)

    @property
    def objective(self) -> float:
        """$/h, the cost of `x` in the market as posed, regularising terms and weights included."""
        return (self.observer or self.simulation.observer).cost(self.x, regularised=True)

    @property
    def total_cost(self) -> float:
        """$/h, the cost less utility of `x`, without regularising terms."""
        return self.simulation.observer.cost(self.x)

    @property
    def gap(self) -> float | None:
        """(objective - optimum) / max(abs(optimum), 1 $/h): how far from the optimum of the market as posed.

        None where there is no optimum to compare with, or no point that balances: proposals that do not may well be
        cheaper than any that can be kept.
        """
        return self._gap(self.objective, self.reference)

    @property
    def regularisation_gap(self) -> float | None:
        """The same without regularising terms, on both sides: what regularising costs."""
        return self._gap(self.total_cost, self.lossless)

    def _gap(self, cost: float, best: Reference | None) -> float | None:
        if best is None or self.certificate.x is None:
            return None
        return (cost - best.cost) / max(abs(best.cost), 1.0)

    def microgrids(self) -> dict[str, dict[str, Any]]:
        """Return, by microgrid: price, demand, generation, pv, net_export; kW and $/kWh, a list where there are periods."""
        return microgrids_of(self.simulation.market, self.x, self.simulation.state.price)

    @property
    def parts(self) -> list[Part]:
        """What was negotiated: market, x and price; of a day one for each period."""
        return [Part(self.simulation.market, self.x, self.simulation.state.price)]

    def agents(self) -> pd.DataFrame:
        """Return a data frame of the agents: name, type, home, power_kw, payment_usd_per_h, cost_usd_per_h.

        Power is the net import, over all rows; payment the price times the import of each row; cost is without regularising
        terms. Units stand at the end of names. Where there are several periods, a row an agent and `period`.

        Examples
        --------
        >>> from gridparley import load_scenario, run_scenario
        >>> agents = run_scenario(load_scenario("pool-14"), progress=False).agents()
        >>> agents["name"][2], agents["home"][2], float(agents["power_kw"][2].round(3))
        ('wind', 'pool', -110.0)
        """
        return frame(agents_of(self.parts))

    def balances(self) -> pd.DataFrame:
        """Return a data frame of the balances: name, kind, from, to, price_usd_per_kwh, power_kw, payment_usd_per_h.

        Power goes from one agent to the other, who pays; where there are more than two, power is all that changes hands.
        The price is that of an import. Where there are several periods, a row a balance and `period`.
        """
        return frame(balances_of(self.parts))

    @property
    def period_hours(self) -> float | None:
        """H, length of a period, where the agents know one."""
        known = (p.society.period_hours for p in self.simulation.market.populations)
        return next((hours for hours in known if hours is not None), None)

    @property
    def cost_unit(self) -> str:
        """Of all costs here: added up over several periods of an hour each, $/h are $."""
        return "$" if self.simulation.market.periods > 1 and self.period_hours == 1.0 else "$/h"

    def tie_lines(self) -> dict[str, dict[str, Any]]:
        """Return, by tie-line: transfer (kW, positive from its first to its second microgrid) and transfer_price ($/kWh)."""
        sign = self.scenario.spec.report.transfer_price_sign
        return tie_lines_of(self.simulation.market, self.x, sign * self.simulation.state.price)

    @cached_property
    def feeder(self) -> dict[str, Any]:
        """The network of a market on a feeder: see `feeder_state`. Empty where there is none."""
        return feeder_state(
            self.simulation.market, self.x, self.simulation.state.price, solve=self.reference is not None
        )

    def settlement(self, *, solve: bool = False) -> Table:
        """Return, by microgrid, what it pays together and alone: see `settle`. Nothing where nothing was committed."""
        if self.settled is not None:
            return self.settled
        return {} if self.certificate.x is None else settle(self.simulation, self.certificate.x, solve=solve)

    def worst(self) -> dict[str, Any]:
        """Return where the residual is largest, and how old the oldest message is that an agent still relies on."""
        simulation, topology = self.simulation, self.simulation.market.topology
        for role in simulation.roles:
            role.oldest(simulation.state)
        heard = int(simulation.state.heard.min())
        off = np.abs(simulation.observer.imbalance(simulation.state.x)).max(axis=1, initial=0.0)
        told: dict[str, Any] = {"oldest_message_age": None if heard < 0 else simulation.tick - 1 - heard}
        if np.isfinite(off).all():
            places, joins = np.flatnonzero(topology.place), topology.joins
            for name, some in (("microgrid", places), ("tie_line", joins)):
                told[name] = topology.balances[int(some[np.argmax(off[some])])] if len(some) else None
        return told

    def to_dict(self) -> dict[str, Any]:
        """Return the whole result as plain data, ready for JSON; a number that does not exist is null."""
        simulation, totals = self.simulation, self.simulation.journal.totals
        latest = simulation.observer.latest
        told = {
            "scenario": self.scenario.name,
            "scenario_hash": self.scenario.hash,
            "protocol": self.scenario.spec.run.protocol,
            "seed": simulation.transport.schedule.seed,
            "settings": [change.to_dict() for change in self.scenario.changes],
            "outcome": str(self.outcome),
            "reason": self.reason,
            "ticks": simulation.tick,
            "rounds": int(simulation.state.round.min()),
            "seconds": round(self.seconds, 4),
            "messages": {str(fate): totals[fate] for fate in Fate} | {"in_flight": simulation.transport.in_flight},
            "faults": faults_told(simulation),
            "total_cost": self.total_cost,
            "reference_cost": None if self.lossless is None else self.lossless.cost,
            "optimum_cost": self.optimum_cost,
            "objective": self.objective,
            "reference_objective": None if self.reference is None else self.reference.cost,
            "gap": self.gap,
            "regularisation_gap": self.regularisation_gap,
            "certificate": {
                "lower": self.certificate.lower,
                "upper": self.certificate.upper,
                "gap": self.certificate.gap,
                "committed": self.certificate.x is not None,
                "residual": self.certificate.residual,
            },
            "probe": self.certificate.probe.to_dict(),
            "residuals": {name: latest[name] for name in ("primal_residual", "dual_residual", "price_disagreement")},
            "worst": self.worst(),
            "cost_unit": self.cost_unit,
            "period_hours": self.period_hours,
            "microgrids": self.microgrids(),
            "tie_lines": self.tie_lines(),
            "settlement": self.settlement(),
            "agents": records(self.parts, "agents"),
            "balances": records(self.parts, "balances"),
        }
        if usage := usage_report(simulation.market, simulation.protocol, simulation.state, self.x):
            told["usage"] = usage
        if self.shading:
            told["shading"] = self.shading
        if self.ac:
            told["ac_check"] = self.ac
        if self.feeder:
            told["feeder"] = self.feeder
        return dict(_finite(told))


def _finite(value: Any) -> Any:
    """JSON knows neither infinity nor NaN: both become null."""
    if isinstance(value, dict):
        return {key: _finite(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_finite(child) for child in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value

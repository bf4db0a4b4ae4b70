"""Agents whose `respond`, or whose `cost`, is wrong, in three scenarios under every protocol that fits: what each run says.

`python -m tests.campaigns.wrong_types` prints a line a cell; the last word is WRONG where a run is CONVERGED although it misses
the central optimum of the declared costs by more than 1e-6. With names of scenarios as arguments: those alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gridparley import load_scenario
from gridparley.protocols import Market, Population
from gridparley.runs.judge.equilibrium import tangent_market
from gridparley.runs.judge.reference import central_solve
from gridparley.runs.result.evaluate import evaluate
from gridparley.runs.scenario.scenario import Scenario

ALLOWED = 1e-6
HUGE = 1e3
LIMITS = ("demand", "cap", "power_max", "export_max", "import_max", "charge_max", "discharge_max", "high", "low")


# Wrong answers ------------------------------------------------------------------------------------------------------


def _scaled_price(by: float, when: Callable[[Any], bool] = lambda rho: True) -> Callable[..., Any]:
    def respond(self: Any, price: Any, target: Any, rho: Any) -> Any:
        return self.right(price * (by if when(rho) else 1.0), target, rho)

    return respond


def _shifted(self: Any, price: Any, target: Any, rho: Any) -> Any:
    return self.right(price + 0.1 * self.typical, target, rho)


def _stiffer(self: Any, price: Any, target: Any, rho: Any) -> Any:
    return self.right(self.typical + 0.5 * (price - self.typical), target, rho)


def _limited(self: Any, price: Any, target: Any, rho: Any) -> Any:
    x = self.right(price, target, rho)
    return np.clip(x, -self.most, self.most)


def _constant(self: Any, price: Any, target: Any, rho: Any) -> Any:
    return self.right(self.typical * np.ones_like(price), 0.0 * target, 0.0 * rho)


RESPONDS: dict[str, Callable[..., Any]] = {
    "factor": _scaled_price(1.3),
    "sign": _scaled_price(-1.0),
    "shift": _shifted,
    "stiffness": _stiffer,
    "limit": _limited,
    "constant": _constant,
    "only at rho = 0": _scaled_price(1.3, lambda rho: not rho.any()),
    "only at rho > 0": _scaled_price(1.3, lambda rho: bool(rho.any())),
}


# Wrong costs, each with the reference that it declares --------------------------------------------------------------


def _inside(cost: Any, value: Any) -> Any:
    return np.where(np.isfinite(cost), value, np.inf)


def _wide(agent: Any) -> Any:
    facts = {name: getattr(agent, name) * HUGE for name in LIMITS if name in agent.facts}
    return agent.replace(**facts)


COSTS: dict[str, Callable[..., Any]] = {
    "zero": lambda self, x: np.zeros((len(self), x.shape[1])),
    "flat": lambda self, x: _inside(self.true(x), 0.0),
    "steeper": lambda self, x: self.true(x) + 0.2 * self.typical * np.abs(np.add.reduceat(x, self.own_rows)),
    "scaled": lambda self, x: 1.5 * self.true(x),
    "concave": lambda self, x: _inside(self.true(x), -np.where(np.isfinite(self.true(x)), self.true(x), 0.0)),
    "without limits": lambda self, x: type(self).__mro__[1].cost(_wide(self), x),
}


def _declared(name: str, base: type[Any]) -> Callable[..., Any] | None:
    """Return the reference of a wrong cost; None where there is no convex one."""

    def reference(self: Any, cp: Any, x: Any) -> Any:
        cost, limits = base.reference(_wide(self) if name == "without limits" else self, cp, x)
        if name in ("zero", "flat"):
            return cp.Constant(0.0), limits if name == "flat" else []
        if name == "scaled":
            return 1.5 * cost, limits
        if name == "steeper":
            total = sum(x[k, :] for k in range(self.rows))
            cost = cost + 0.2 * self.typical * cp.sum(cp.abs(total))
        return cost, limits

    return None if name == "concave" else reference


@dataclass(frozen=True)
class Wrong:
    """What is wrong with one agent: `respond` or `cost`, and how; and whether it has a reference."""

    what: str
    how: str
    reference: bool

    def __str__(self) -> str:
        return f"{self.what} {self.how}"

    def type(self, base: type[Any], typical: float, most: float) -> type[Any]:
        """Return the wrong type."""
        body: dict[str, Any] = {"typical": typical, "most": most, "__module__": __name__, "__doc__": None}
        body["right"], body["true"] = base.respond, base.cost
        if self.what == "respond":
            body["respond"] = RESPONDS[self.how]
        elif self.what == "cost":
            body["cost"] = COSTS[self.how]
        if not self.reference:
            body["offers"] = classmethod(lambda cls, method: method != "reference" and base.offers(method))
        return type("Wrong", (base,), body)


def with_wrong(market: Market, name: str, wrong: Wrong, typical: float, most: float) -> Market:
    """Return the market with one agent, by name, of a wrong type."""
    populations: list[Population] = []
    for population in market.populations:
        names = list(population.society.names)
        if name not in names:
            populations.append(population)
            continue
        k = names.index(name)
        others = np.delete(np.arange(len(names)), k)
        one = population.take(np.array([k]))
        one.society.__class__ = wrong.type(type(population.society), typical, most)
        populations += [population.take(others)] * bool(len(others)) + [one]
    return replace(market, populations=tuple(populations))


@dataclass(frozen=True)
class WrongScenario(Scenario):
    """A scenario with one agent of a wrong type."""

    agent: str = ""
    wrong: Wrong = Wrong("nothing", "", True)
    typical: float = 1.0
    most: float = 1.0

    def market(self) -> Market:
        """Build the market and exchange the agent."""
        return with_wrong(super().market(), self.agent, self.wrong, self.typical, self.most)


# The cells ----------------------------------------------------------------------------------------------------------

SCENARIOS: dict[str, tuple[list[str], list[str], list[str]]] = {
    # name: (agents, protocols, settings)
    "three-microgrids": (
        ["A.load", "B.operator"],
        ["dual_decomposition", "exchange_admm", "atc", "incentive"],
        ["run.ticks=1200"],
    ),
    "prosumer-day": (["A.resident-1", "B.operator"], ["exchange_admm", "atc", "incentive"], ["run.ticks=400"]),
    "feeder-toy": (
        ["p1.operator", "p2.operator", "network.operator"],
        ["dlmp_admm", "exchange_admm", "atc"],
        ["run.ticks=4000"],
    ),
}


@dataclass(frozen=True)
class Cell:
    """One run, and what came out.

    Attributes
    ----------
    miss : of the declared costs' optimum, relative; nan where that is not known, such as for a cost that is not convex
    named : whether the wrong agent is named in the reason
    """

    scenario: str
    protocol: str
    agent: str
    wrong: str
    reference: str
    outcome: str
    miss: float
    named: bool
    reason: str

    @property
    def false(self) -> bool:
        """Whether the word is false: CONVERGED, and off the optimum or with none to be at."""
        return self.outcome == "CONVERGED" and not abs(self.miss) <= ALLOWED


def wrongs(reference: bool = True) -> Iterator[Wrong]:
    """Yield all that may be wrong."""
    for how in RESPONDS:
        yield Wrong("respond", how, reference)
    for how in COSTS:
        yield Wrong("cost", how, reference)


def run_cell(name: str, protocol: str, agent: str, wrong: Wrong, *, reference: bool) -> Cell:
    """Run one cell; `reference`: whether the run solves centrally beside it."""
    _, _, settings = SCENARIOS[name]
    plain = load_scenario(name, [*settings, f"run.protocol={protocol}"])
    typical, most = _typical(name, protocol, agent)
    scenario = WrongScenario(plain.name, plain.spec, plain.folder, agent, wrong, typical, most)
    simulation = scenario.simulation()
    simulation.run(scenario.spec.run.ticks)
    result = evaluate(scenario, simulation, reference=reference)
    outcome, miss, reason = _told(simulation, result, wrong)
    stated = "none" if not wrong.reference else "yes" if reference else "not asked"
    return Cell(name, protocol, agent, str(wrong), stated, outcome, miss, agent in reason, reason)


_KNOWN: dict[tuple[str, str, str], tuple[float, float]] = {}


def _typical(name: str, protocol: str, agent: str) -> tuple[float, float]:
    """Return a price that the agent meets where all is right, and four fifths of the most that it exchanges."""
    key = name, protocol, agent
    if key not in _KNOWN:
        scenario = load_scenario(name, [*SCENARIOS[name][2], f"run.protocol={protocol}"])
        simulation = scenario.simulation()
        simulation.run(scenario.spec.run.ticks)
        names = [list(p.society.names) for p in simulation.market.populations]
        number = next(k for k, some in enumerate(names) if agent in some)
        society = simulation.market.populations[number].society
        at = names[number].index(agent)
        x = simulation.state.x[number][society.row_start[at] : society.row_start[at + 1]]
        _KNOWN[key] = float(np.abs(simulation.state.price).mean()), 0.8 * float(np.abs(x).max())
    return _KNOWN[key]


def _told(simulation: Any, result: Any, wrong: Wrong) -> tuple[str, float, str]:
    """Return outcome, how far what was committed is from the optimum of the declared costs, and the reason.

    Of a day the period that is falsely CONVERGED, else the first that is not CONVERGED, else the worst.
    """
    ends = getattr(result, "ends", None)
    if not ends:
        x = result.certificate.x
        miss = np.nan if x is None else _miss_of(tangent_market(simulation.market, x), x, wrong)
        return str(result.outcome), miss, result.reason
    told = []
    for end in ends:
        x = end.certificate.x
        miss = np.nan if x is None else _miss_of(end.market, x, wrong)
        told.append((str(end.verdict.outcome), miss, end.verdict.reason))
    false = [each for each in told if each[0] == "CONVERGED" and not abs(each[1]) <= ALLOWED]
    other = [each for each in told if each[0] != "CONVERGED"]
    return (false or other or sorted(told, key=lambda each: -abs(each[1])))[0]


def _miss_of(market: Market, x: list[Any], wrong: Wrong) -> float:
    societies = []
    for population in market.populations:
        society = population.society
        if hasattr(type(society), "typical"):
            base = type(society).__mro__[1]
            reference = _declared(wrong.how, base) if wrong.what == "cost" else base.reference
            if reference is None:
                return np.nan
            society = society.take(slice(0, 1))
            body = {"reference": reference, "offers": base.offers, "__module__": __name__, "__doc__": None}
            society.__class__ = type("Declared", (type(population.society),), body)
        societies.append(society)
    best = central_solve(market, societies)
    if best is None:
        return np.nan
    cost = sum(float(p.society.cost(rows).sum()) for p, rows in zip(market.populations, x, strict=True))
    return (cost - best.cost) / max(abs(best.cost), 1.0)


def main(names: list[str]) -> int:
    """Run all cells of some scenarios and print them."""
    false = 0
    cells: list[Cell] = []
    for name in names or SCENARIOS:
        agents, protocols, _ = SCENARIOS[name]
        for protocol in protocols:
            for agent in agents:
                for has, asked in ((True, True), (True, False), (False, True)):
                    for wrong in wrongs(has):
                        cell = run_cell(name, protocol, agent, wrong, reference=asked)
                        cells.append(cell)
                        false += cell.false
                        print(
                            f"{name:17}{protocol:20}{agent:13}{cell.wrong:24}{cell.reference:10}{cell.outcome:12}"
                            f"{cell.miss:9.1e} {'named' if cell.named else '-':6}{'WRONG' if cell.false else ''}",
                            flush=True,
                        )
    print(f"{len(cells)} cells, {false} WRONG")
    for cell in cells:
        if cell.outcome == "CONVERGED":
            word = "WRONG" if cell.false else "legitimate"
            print(f"{word}: {cell.scenario}, {cell.protocol}, {cell.agent}, {cell.wrong}, reference {cell.reference}")
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

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
    """What is wrong with one agent: `respond` or `cost`, and how."""

    what: str
    how: str

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
    wrong: Wrong = Wrong("nothing", "")
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


def wrongs() -> Iterator[Wrong]:
    """Yield all that may be wrong."""
    for how in RESPONDS:
        yield Wrong("respond", how)
    for how in COSTS:
        yield Wrong("cost", how)


def run_cells(name: str, protocol: str, agent: str, wrong: Wrong) -> Iterator[Cell]:
    """Run once, and judge with a `reference`, without asking for it, and where the wrong type has none."""
    settings = SCENARIOS[name][2]
    plain = load_scenario(name, [*settings, f"run.protocol={protocol}"])
    typical, most = _typical(name, protocol, agent)
    scenario = WrongScenario(plain.name, plain.spec, plain.folder, agent=agent, wrong=wrong, typical=typical, most=most)
    simulation = scenario.simulation()
    simulation.run(scenario.spec.run.ticks)
    miss: float | None = None
    for stated in ("yes", "not asked", "none"):
        if stated == "none":
            _without_reference(simulation)
        result = evaluate(scenario, simulation, reference=stated != "not asked")
        outcome, reason, market, x = _told(result)
        if miss is None or outcome == "CONVERGED":
            miss = np.nan if x is None else _miss_of(tangent_market(market, x), x, wrong)
        yield Cell(name, protocol, agent, str(wrong), stated, outcome, miss, agent in reason, reason)


def _without_reference(simulation: Any) -> None:
    for population in simulation.market.populations:
        kind = type(population.society)
        if hasattr(kind, "typical"):
            kind.offers = classmethod(_offers_no_reference)


def _offers_no_reference(cls: Any, method: Any) -> bool:
    return method != "reference" and cls.__mro__[1].offers(method)


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


def _told(result: Any) -> tuple[str, str, Market, list[Any] | None]:
    """Return outcome, reason, market and committed point; of a day of the first period that is not CONVERGED."""
    ends = getattr(result, "ends", None)
    if not ends:
        return str(result.outcome), result.reason, result.simulation.market, result.certificate.x
    end = next((end for end in ends if end.verdict.outcome != "CONVERGED"), ends[0])
    return str(end.verdict.outcome), end.verdict.reason, end.market, end.certificate.x


def _miss_of(market: Market, x: list[Any], wrong: Wrong) -> float:
    societies = []
    for number, population in enumerate(market.populations):
        society = population.society
        if hasattr(type(society), "typical"):
            base = type(society).__mro__[1]
            reference = _declared(wrong.how, base) if wrong.what == "cost" else base.reference
            if wrong.how == "concave" and not society.true(x[number]).any():  # what costs nothing is no more concave
                reference = base.reference
            if reference is None:
                return np.nan
            society = society.take(slice(0, 1))
            body = {
                "reference": reference,
                "offers": classmethod(lambda cls, method: True),
                "__module__": __name__,
                "__doc__": None,
            }
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
                for wrong in wrongs():
                    for cell in run_cells(name, protocol, agent, wrong):
                        cells.append(cell)
                        false += cell.false
                        print(
                            f"{name:17}{protocol:19}{agent:17}{cell.wrong:24}{cell.reference:10}{cell.outcome:12}"
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

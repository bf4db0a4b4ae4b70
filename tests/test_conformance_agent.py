"""The agents' part of the conformance kit: every built-in type passes, and each check catches what it is for."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gridparley.agents import (
    Array,
    LogLoad,
    MicrogridOperator,
    NonNegative,
    Positive,
    Prosumer,
    SquareRootLoad,
    VirtualAgent,
    batched,
    within,
)
from gridparley.conformance import ConformanceError, check_agent
from gridparley.conformance.agents.agent import AGENT_CHECKS, agent_subject

ALWAYS = {check.__name__ for check in AGENT_CHECKS} - {"slope_fits_answers", "reference_agrees"}


# Agents that are right ----------------------------------------------------------------------------------------------


class HeatPump(Prosumer):
    """House that likes `comfort` kW of heat: the example of the user's guide, `cost` written for one agent."""

    comfort: Array  # (periods,) kW, wanted electric power
    stiffness: float  # $/kW²h, how fast discomfort grows
    power_max: float  # kW

    def cost(self, x):
        return within(x, 0, self.power_max, self.stiffness / 2 * (x - self.comfort) ** 2)

    @batched
    def respond(self, price, target, rho):
        wanted = self.stiffness * self.comfort + rho * target - price
        return np.clip(wanted / (self.stiffness + rho), 0, self.power_max)


class Heater(Prosumer):
    """The same with everything that a type may have, all of it in columns: what the broken ones below derive from."""

    comfort: NonNegative  # kW
    stiffness: Positive  # $/kW²h
    power_max: Positive  # kW

    @batched
    def cost(self, x):
        return within(x, 0, self.power_max, self.stiffness / 2 * (x - self.comfort) ** 2)

    @batched
    def respond(self, price, target, rho):
        wanted = self.stiffness * self.comfort + rho * target - price
        return np.clip(wanted / (self.stiffness + rho), 0, self.power_max)

    @batched
    def slope(self, price):
        free = self.stiffness * self.comfort - price
        inside = (free > 0) & (free < self.stiffness * self.power_max)
        return np.where(inside, 1 / self.stiffness, 0.0)

    def reference(self, cp, x):
        return cp.sum(cp.multiply(self.stiffness / 2, cp.square(x - self.comfort))), [x >= 0, x <= self.power_max]


class FixedLoad(Prosumer):
    """Takes what it takes: its limits are one point."""

    load: Array  # kW

    @batched
    def cost(self, x):
        return within(x, self.load, self.load, np.zeros_like(x))

    @batched
    def respond(self, price, target, rho):
        return self.load.copy()


class Shower(Prosumer):
    """Each kW is worth `value` up to `need`, and nothing beyond: at price 0 everything from `need` on is as good."""

    value: Positive  # $/kWh
    need: NonNegative  # kW
    power_max: Positive  # kW

    @batched
    def cost(self, x):
        return within(x, 0, self.power_max, -self.value * np.minimum(x, self.need))

    @batched
    def respond(self, price, target, rho):
        with np.errstate(divide="ignore", invalid="ignore"):
            more = np.where(rho > 0, target - price / rho, np.where(price < 0, np.inf, -np.inf))
            less = np.where(rho > 0, target + (self.value - price) / rho, np.where(price < self.value, np.inf, -np.inf))
        return np.where(more > self.need, np.minimum(more, self.power_max), np.clip(less, 0, self.need))


HEATER = {"comfort": 2.0, "stiffness": 0.5, "power_max": 4.0}
OPERATOR = {"cost_quadratic": 1.0, "cost_linear": 0.5, "power_max": 2.0}
rng = np.random.default_rng(7)


def operators(periods, fee):
    """Operators with no, one, two and three ports, each with facts of its own."""
    return MicrogridOperator(
        names=list("abcd"),
        ports=np.array([2, 0, 1, 3]),
        periods=periods,
        cost_quadratic=np.array([10.0, 1.0, 0.5, 0.1]),
        cost_linear=np.array([1.0, 0.5, 0.0, -1.0]),
        power_max=np.array([40.0, 1.0, 2.0, 3.0]),
        pv=rng.uniform(0, 2, (4, periods)),
        alpha=rng.uniform(0.01, 0.5, (6, 1)),
        export_max=rng.uniform(0, 1, (6, periods)),
        import_max=rng.uniform(0, 1, (6, periods)),
        transfer_cost=fee,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agents", "extra"),
    [
        (SquareRootLoad(names=list("abc"), beta=np.array([10.0, 1, 1]), cap=np.array([100.0, 0.5, 0.5])), 2),
        (SquareRootLoad(beta=2.0, cap=3.0, periods=3), 2),
        (LogLoad(names=["a", "b"], beta=np.array([2.0, 0.1]), sigma=np.array([1.0, 3.0]), demand=3.0), 2),
        (LogLoad(beta=2.0, sigma=0.7, demand=[1.0, 0.0, 5.0]), 2),
        (MicrogridOperator(**OPERATOR, pv=0.5), 2),
        (operators(1, 0.0), 2),
        (operators(1, 0.3), 2),
        (operators(3, 0.2), 2),
        (Heater(**HEATER), 2),
        (HeatPump(**HEATER), 0),
        (HeatPump(comfort=[1.0, 0.0, 9.0], stiffness=0.5, power_max=4.0), 0),
        (FixedLoad(load=[0.0, 1.5]), 0),
        (Shower(value=0.3, need=1.0, power_max=2.0), 0),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_an_agent_that_is_right_passes_every_check(agents, extra):
    names = check_agent(agents, trials=24)
    assert set(names) >= ALWAYS
    assert len(names) == len(ALWAYS) + extra


def test_another_seed_asks_something_else_and_passes_too():
    one, two = (agent_subject(Heater, HEATER, seed=seed).questions for seed in (0, 1))
    assert any((a.price != b.price).any() for a, b in zip(one, two, strict=True))
    check_agent(Heater, facts=HEATER, seed=1)


# Agents that are wrong in one way each ------------------------------------------------------------------------------


class Refuses(Heater):
    @batched
    def respond(self, price, target, rho):
        if price.min() < 0:
            raise ZeroDivisionError("nobody pays me")
        return super().respond(price, target, rho)


class Flattens(Heater):
    @batched
    def respond(self, price, target, rho):
        return super().respond(price, target, rho).ravel()


class WholeNumbers(Heater):
    @batched
    def respond(self, price, target, rho):
        return super().respond(price, target, rho).astype(np.float32)


class NanBelowZero(Heater):
    @batched
    def respond(self, price, target, rho):
        return np.where(price < 0, np.nan, super().respond(price, target, rho))


class WritesOnThePrice(Heater):
    @batched
    def respond(self, price, target, rho):
        price -= self.stiffness * self.comfort
        return np.clip((rho * target - price) / (self.stiffness + rho), 0, self.power_max)


class CostWritesOnX(Heater):
    @batched
    def cost(self, x):
        value = super().cost(x)
        x -= self.comfort
        return value


class HandsOutItsFacts(FixedLoad):
    @batched
    def respond(self, price, target, rho):
        return self.load


class CountsInAFact(Heater):
    asked: float = 0.0

    @batched
    def respond(self, price, target, rho):
        self.asked += 1
        return super().respond(price, target, rho)


class Tires(Heater):
    @batched
    def respond(self, price, target, rho):
        self.answers = getattr(self, "answers", 0) + 1
        x = super().respond(price, target, rho)
        return np.nextafter(x, 0.0) if self.answers > 30 else x


class FollowsTheCrowd(Heater):
    @batched
    def respond(self, price, target, rho):
        return super().respond(price.mean(axis=0, keepdims=True) + 0 * price, target, rho)


class CostNan(Heater):
    @batched
    def cost(self, x):
        with np.errstate(all="ignore"):
            return super().cost(x) + 0 * np.sqrt(x)


class CostForAll(Heater):
    @batched
    def cost(self, x):
        return super().cost(x).sum(axis=1)


class Gambles(Heater):
    """The more the better: right, but no market has a price for it."""

    @batched
    def cost(self, x):
        return within(x, 0, self.power_max, -self.stiffness / 2 * x**2)

    @batched
    def respond(self, price, target, rho):
        bend = rho - self.stiffness
        with np.errstate(divide="ignore", invalid="ignore"):
            middle = np.clip((rho * target - price) / bend, 0, self.power_max)
        ends = bend / 2 * self.power_max**2 + (price - rho * target) * self.power_max
        return np.where(bend > 0, middle, np.where(ends < 0, self.power_max, 0.0))

    slope = None  # and so it has neither
    reference = None


class OffByAThousandth(Heater):
    @batched
    def respond(self, price, target, rho):
        return np.clip(super().respond(price, target, rho) + 1e-3, 0, self.power_max)


class IgnoresThePull(Heater):
    @batched
    def respond(self, price, target, rho):
        return super().respond(price, target, np.zeros_like(rho))


class PullsTheOtherWay(Heater):
    @batched
    def respond(self, price, target, rho):
        return super().respond(price, -target, rho)


class TwiceThePenalty(Heater):
    @batched
    def respond(self, price, target, rho):
        return super().respond(price, target, 2 * rho)


class ExceedsItsLimit(Heater):
    @batched
    def respond(self, price, target, rho):
        return np.maximum((self.stiffness * self.comfort + rho * target - price) / (self.stiffness + rho), 0)


class Wastes(Shower):
    @batched
    def respond(self, price, target, rho):
        return np.where((price == 0) & (rho == 0), self.power_max, super().respond(price, target, rho))


class SlopeBelowZero(Heater):
    @batched
    def slope(self, price):
        return -super().slope(price)


class HalfTheSlope(Heater):
    @batched
    def slope(self, price):
        return super().slope(price) / 2


class SlopeOfAll(Heater):
    @batched
    def slope(self, price):
        return super().slope(price).sum(axis=1)


class AnotherReference(Heater):
    def reference(self, cp, x):
        cost, limits = super().reference(cp, x)
        return 2 * cost, limits


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (Refuses, "answers_every_question"),
        (Flattens, "answers_have_shape"),
        (WholeNumbers, "answers_have_shape"),
        (NanBelowZero, "answers_are_finite"),
        (WritesOnThePrice, "arguments_stay_as_they_are"),
        (CostWritesOnX, "arguments_stay_as_they_are"),
        (HandsOutItsFacts, "answers_keep_no_inputs"),
        (CountsInAFact, "facts_stay_as_they_are"),
        (Tires, "same_question_same_answer"),
        (FollowsTheCrowd, "batch_equals_one_by_one"),
        (CostNan, "cost_is_a_number"),
        (CostForAll, "cost_is_a_number"),
        (Gambles, "cost_is_convex"),
        (OffByAThousandth, "answers_are_optimal"),
        (IgnoresThePull, "answers_are_optimal"),
        (PullsTheOtherWay, "answers_are_optimal"),
        (TwiceThePenalty, "answers_are_optimal"),
        (ExceedsItsLimit, "answers_are_optimal"),
        (Wastes, "ties_go_to_the_least"),
        (SlopeBelowZero, "slope_fits_answers"),
        (HalfTheSlope, "slope_fits_answers"),
        (SlopeOfAll, "slope_fits_answers"),
        (AnotherReference, "reference_agrees"),
    ],
)
def test_each_check_fails_on_what_it_is_for_and_on_nothing_else(wrong, check):
    facts = {"load": 1.5} if wrong is HandsOutItsFacts else HEATER
    facts = {"value": 0.3, "need": 1.0, "power_max": 2.0} if wrong is Wastes else facts
    assert failures(wrong, facts) <= {check, *LOOK_ALIKES.get(wrong, ())}
    with pytest.raises(ConformanceError, match=check) as caught:
        check_agent(wrong, facts=facts)
    assert caught.value.check == check


LOOK_ALIKES = {
    Tires: ["batch_equals_one_by_one"],  # a batch is asked once, where one by one is asked often
    # A wrong optimum is another optimum than the reference's, and moves otherwise than the slope says.
    OffByAThousandth: ["reference_agrees"],
    IgnoresThePull: ["reference_agrees"],
    PullsTheOtherWay: ["reference_agrees"],
    TwiceThePenalty: ["reference_agrees"],
    ExceedsItsLimit: ["reference_agrees", "slope_fits_answers"],
}


def failures(wrong, facts):
    """Return the names of all the checks that fail, each run on agents of its own."""
    found = set()
    for check in AGENT_CHECKS:
        try:
            check(agent_subject(wrong, facts, trials=24))
        except ConformanceError as error:
            found.add(error.check)
    return found


class SwapsItsPorts(MicrogridOperator):
    """Sells over the wrong tie-line: the amounts are right, and every limit is kept."""

    def respond(self, price, target, rho):
        x = super().respond(price, target, rho)
        return x[[0, 2, 1]]


class SharesEqually(MicrogridOperator):
    """Where the PV limits the exports it sells as much over either tie-line: allowed, but not the best."""

    def respond(self, price, target, rho):
        x = super().respond(price, target, rho)
        exports = -x[1:]
        full = (np.abs(exports.sum(axis=0) - self.pv) < 1e-9) & (exports > 0).all(axis=0)
        x[1:] = np.where(full, -self.pv / 2, -exports)
        return x


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [SwapsItsPorts, SharesEqually])
def test_a_wrong_split_among_ports_is_found(wrong):
    limits = {"export_max": 1.0, "import_max": 1.0, "alpha": [[0.1], [0.4]]}
    with pytest.raises(ConformanceError, match="answers_are_optimal"):
        check_agent(wrong(**OPERATOR, **limits, ports=[2], pv=1.0))


def test_an_error_says_which_check_what_was_asked_what_came_and_what_was_wanted():
    with pytest.raises(ConformanceError) as caught:
        check_agent(NanBelowZero, facts=HEATER)
    text = str(caught.value)
    assert text.startswith("answers_are_finite: NanBelowZero.respond\n")
    assert "given:  price -" in text
    assert "got:    nan" in text
    assert "wanted: finite kW" in text
    assert isinstance(caught.value, AssertionError)


def test_what_is_no_agent_is_refused():
    with pytest.raises(TypeError, match="no agent"):
        check_agent(HEATER)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="facts already"):
        check_agent(Heater(**HEATER), facts=HEATER)
    with pytest.raises(ConformanceError, match="VirtualAgent does not say how it responds"):
        check_agent(VirtualAgent, facts={})


@pytest.mark.parametrize("method", ["cost", "slope", "respond"])
@pytest.mark.parametrize("returned", ["raises", "text", "number"])
def test_a_method_that_raises_or_returns_no_column_breaks_a_rule_and_raises_nothing_else(method, returned):
    def wrong(self, *columns):
        if returned == "raises":
            raise ValueError("no idea")
        return "lots" if returned == "text" else 0.5

    broken = type("Broken", (Heater,), {method: wrong})
    with pytest.raises(ConformanceError) as error:
        check_agent(broken, facts={"comfort": 2.0, "stiffness": 1.0, "power_max": 4.0}, trials=6)
    assert f"Broken.{method}" in str(error.value)


# Tolerances ---------------------------------------------------------------------------------------------------------

PUMPS = st.builds(
    lambda comfort, stiffness, share: {"comfort": comfort, "stiffness": stiffness, "power_max": share * max(comfort)},
    st.lists(st.floats(0.01, 1e4), min_size=1, max_size=3),
    st.floats(1e-3, 1e3),
    st.floats(0.05, 20.0),
)
QUICKLY = settings(max_examples=15, deadline=None, derandomize=True, phases=[Phase.generate])


@pytest.mark.slow
@QUICKLY
@given(PUMPS)
def test_a_right_agent_passes_whatever_its_facts_are(facts):
    check_agent(HeatPump, facts=facts, trials=16)


@pytest.mark.parametrize("facts", [{"comfort": 3.0, "stiffness": 0.4, "power_max": 5.0}])
def test_an_answer_that_is_right_but_for_rounding_passes(facts):
    check_agent(HeatPump, facts=facts)


class OnePercentMore(HeatPump):
    """The example with a factor too many."""

    @batched
    def respond(self, price, target, rho):
        wanted = 1.01 * (self.stiffness * self.comfort + rho * target - price)
        return np.clip(wanted / (self.stiffness + rho), 0, self.power_max)


@pytest.mark.slow
@QUICKLY
@given(PUMPS)
def test_a_factor_of_one_percent_is_found_whatever_the_facts_are(facts):
    with pytest.raises(ConformanceError, match="answers_are_optimal"):
        check_agent(OnePercentMore, facts=facts, trials=16)

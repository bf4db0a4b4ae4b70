"""Facts: how annotations become columns, and what a column may hold."""

import math
from typing import ClassVar

import numpy as np
import pytest

from gridparley.agents import (
    AgentError,
    Array,
    MicrogridOperator,
    NonNegative,
    PortArray,
    Ports,
    Positive,
    Prosumer,
    Society,
    fact,
)

from .conftest import col


class Pump(Prosumer):
    """A type with a fact of every sort."""

    strength: Positive
    rest: NonNegative = 0.5
    bias: float = 0.0
    most: float = fact("kW", "the most", gt=1, default=math.inf)
    need: Array = fact(ge=0, default=0.0)
    wish: Array = 0.0


class Gate(Society):
    limit: PortArray = fact(ge=0)
    fee: Ports = 0.0


def test_a_number_becomes_a_column_of_one_row():
    pump = Pump(strength=2)
    assert pump.strength.tolist() == [[2.0]]
    assert pump.rest.tolist() == [[0.5]]
    assert pump.strength.dtype == np.float64


def test_facts_of_base_classes_count_too():
    class BigPump(Pump):
        size: Positive

    assert list(BigPump.facts) == ["strength", "rest", "bias", "most", "need", "wish", "size"]
    assert "size" not in Pump.facts


def test_one_number_an_agent():
    assert Pump(names="abc", strength=[1, 2, 3]).strength.tolist() == [[1], [2], [3]]
    assert Pump(names="abc", strength=4).strength.tolist() == [[4], [4], [4]]
    assert Pump(names="abc", strength=col(1, 2, 3)).strength.tolist() == [[1], [2], [3]]


def test_a_profile_has_one_number_a_period_and_tells_how_many_periods_there_are():
    pump = Pump(names="ab", strength=1, need=[1, 2, 3])
    assert pump.periods == 3
    assert pump.need.tolist() == [[1, 2, 3], [1, 2, 3]]
    assert pump.wish.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_a_profile_may_be_given_for_each_agent():
    need = np.arange(6.0).reshape(2, 3)
    assert Pump(names="ab", strength=1, need=need).need.tolist() == need.tolist()


def test_one_number_an_agent_fills_a_profile_where_periods_are_known():
    pump = Pump(names="ab", strength=1, need=[1, 2], periods=3)
    assert pump.need.tolist() == [[1, 1, 1], [2, 2, 2]]


@pytest.mark.parametrize("options", [{}, {"periods": 2}])
def test_a_list_that_could_be_a_profile_or_one_number_an_agent_is_refused(options):
    with pytest.raises(AgentError, match=r"need is a list of 2 numbers for 2 agents and 2 periods.*\[\[\.\.\.\]\]"):
        Pump(names="ab", strength=1, need=[1, 2], **options)
    assert Pump(names="ab", strength=[1, 2], periods=2).strength.tolist() == [[1], [2]]  # no profile: no doubt
    assert Pump(names="ab", strength=1, need=[[1, 2]], **options).need.tolist() == [[1, 2], [1, 2]]
    assert Pump(names="ab", strength=1, need=[[1], [2]], periods=2).need.tolist() == [[1, 1], [2, 2]]
    assert Pump(names="a", strength=1, need=[1, 2], **options).need.tolist() == [[1, 2]]


@pytest.mark.parametrize("value", [True, False, [True], np.array([[True]])])
def test_true_and_false_are_no_numbers(value):
    with pytest.raises(AgentError, match=r"strength = .*; wanted a number"):
        Pump(strength=value)


def test_port_facts_have_one_row_a_port():
    gates = Gate(ports=[2, 0, 1], limit=[[1, 2], [3, 4], [5, 6]], fee=[7, 8, 9])
    assert gates.limit.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert gates.fee.tolist() == [[7], [8], [9]]
    assert [gate.fee.ravel().tolist() for gate in (gates[0], gates[1], gates[2])] == [[7, 8], [], [9]]


def test_columns_are_copies_of_what_was_given():
    given = np.ones((1, 4))
    pump = Pump(strength=1, need=given)
    given[:] = 9
    assert pump.need.tolist() == [[1, 1, 1, 1]]
    pump.need[0, 0] = 5
    assert given[0, 0] == 9


def test_a_default_is_no_column_that_two_agents_share():
    one, two = Pump(strength=1), Pump(strength=1)
    one.rest[:] = 7
    assert two.rest.tolist() == [[0.5]]


def test_infinity_is_allowed_only_where_it_is_the_default():
    assert Pump(strength=1, most=math.inf).most.tolist() == [[math.inf]]
    with pytest.raises(AgentError, match="strength = inf; wanted a number, more than 0, finite"):
        Pump(strength=math.inf)
    with pytest.raises(AgentError, match=r"most = -inf; wanted a number, more than 1$"):
        Pump(strength=1, most=-math.inf)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"strength": math.nan}, "Pump: strength = nan; wanted a number, more than 0, finite"),
        ({"strength": 0}, "strength = 0; wanted a number, more than 0, finite"),
        ({"strength": -0.0}, "strength = -0; wanted a number, more than 0"),
        ({"strength": None}, "strength = nan; wanted"),
        ({"strength": "strong"}, "strength = 'strong'; wanted a number, more than 0, finite, in shape .1, 1."),
        ({"strength": 1j}, "strength = 1j; wanted a number"),
        ({"strength": [1, 2]}, r"strength = \(2,\) values; wanted a number, .* in shape \(1, 1\)"),
        ({"strength": []}, r"strength = \(0,\) values; wanted a number"),
        ({"rest": -1e-9}, "rest = -1e-09; wanted a number, at least 0, finite"),
        ({"bias": math.nan}, "bias = nan; wanted a number, finite"),
        ({"most": math.nan}, "most = nan; wanted a number, more than 1$"),
        ({"most": 1}, "most = 1; wanted a number, more than 1$"),
        ({"need": [1, -1]}, r"need = -1 \(row 0, period 1\); wanted a number, or one a period, at least 0, finite"),
        ({"need": [1, 2, math.nan]}, r"need = nan \(row 0, period 2\)"),
        ({"need": [1, 2], "wish": [1, 2, 3]}, r"need = \(2,\) values; wanted .* in shape \(1, 3\)"),
        ({"need": [[1, 2], [3, 4]]}, r"need = \(2, 2\) values; wanted .* in shape \(1, 2\)"),
        ({"need": [[1, 2], [3]]}, r"need = \(2,\) values; wanted"),
        ({"need": np.zeros((1, 1, 2))}, r"need = \(1, 1, 2\) values"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(facts, why):
    with pytest.raises(AgentError, match=why):
        Pump(**{"strength": 1, **facts})


def test_a_wrong_value_is_refused_with_its_row():
    with pytest.raises(AgentError, match=r"Pump: strength = -3 \(row 2, period 0\); wanted a number, more than 0"):
        Pump(names="abcd", strength=[1, 2, -3, 4])


def test_a_single_agent_is_refused_by_its_own_name():
    with pytest.raises(AgentError, match="attic: strength = -1;"):
        Pump(names=["attic"], strength=-1)


def test_an_unknown_fact_is_refused_with_the_one_that_was_meant():
    with pytest.raises(
        AgentError, match=r"there is no field 'strenght'; did you mean 'strength'\? Fields: strength, rest"
    ):
        Pump(strenght=1)


def test_an_unknown_fact_that_resembles_none_is_refused_with_all_there_are():
    with pytest.raises(AgentError, match=r"there is no field 'colour'.*Fields: strength, rest, bias, most, need, wish"):
        Pump(strength=1, colour=3)


def test_a_type_without_facts_says_so():
    class Stone(Prosumer):
        pass

    with pytest.raises(AgentError, match="Fields: none"):
        Stone(weight=3)


def test_missing_facts_are_all_named_and_the_first_explained():
    with pytest.raises(AgentError, match="Pump: strength missing; strength must be a number, more than 0, finite"):
        Pump()
    with pytest.raises(AgentError, match="cost_quadratic, cost_linear, power_max missing; cost_quadratic must be"):
        MicrogridOperator()


@pytest.mark.parametrize("fee", [[1, 2], [[1, 2, 3]], np.zeros((3, 2))])
def test_port_facts_are_refused_when_there_are_not_as_many_as_ports(fee):
    with pytest.raises(AgentError, match=r"Gate: fee = .* values; wanted .* in shape \(3, 1\)"):
        Gate(ports=[2, 1], limit=1, fee=fee)


@pytest.mark.parametrize(
    ("hint", "shown"), [(int, "int"), (str, "str"), (np.ndarray, "ndarray"), (float | None, "None")]
)
def test_an_annotation_that_is_no_fact_is_refused(hint, shown):
    with pytest.raises(AgentError, match=rf"Odd\.size: .*{shown}: a fact is a float"):
        type("Odd", (Prosumer,), {"__annotations__": {"size": hint}})


def test_what_is_a_class_s_own_or_private_is_no_fact():
    hints = {"asked": ClassVar[int], "_seen": int, "size": float}
    assert list(type("Fine", (Prosumer,), {"__annotations__": hints}).facts) == ["size"]


def test_a_type_in_a_function_whose_annotations_are_text_is_refused_with_the_reason():
    with pytest.raises(AgentError, match=r"Odd: an annotation is not known in .*'Local'.*top of the file"):
        type("Odd", (Prosumer,), {"__annotations__": {"size": "Local"}, "__module__": __name__})


def test_a_solve_of_one_agent_that_returns_a_plain_number_is_named():
    class Plain(Prosumer):
        size: float

        def cost(self, x):
            return 0.5

    with pytest.raises(AgentError, match=r"Plain\.cost of a returned shape \(\); wanted one column a period"):
        Plain(size=[1.0, 2.0], names="ab").cost(np.zeros((2, 1)))

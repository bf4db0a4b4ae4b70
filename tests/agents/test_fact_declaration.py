"""`fact`: shape, unit, words, default and bounds of a fact in one expression, and what a subclass inherits of it."""

import inspect
import math

import pytest

from gridparley.agents import AgentError, Array, Column, NonNegative, Ports, Positive, Prosumer, Society, fact
from gridparley.agents.bounds import Bounds
from gridparley.agents.facts import Shape


class Heater(Prosumer):
    """House that likes to be warm."""

    power: Column = fact("kW", "largest electric power", gt=0.0, le=20.0)
    wish: Array = fact("kW", "wanted electric power", default=1.0, ge=0.0)
    share: Column = fact("1", "of the house that is heated", default=1.0)
    bare: float
    limit: Ports = fact(default=math.inf)


class SmallHeater(Heater):
    """Heater of a flat."""

    power = fact(default=2.0)
    wish = 0.5
    share: Positive = fact(text="of the flat that is heated")
    size: NonNegative = fact("1", "rooms", le=9.0)


def test_one_expression_says_everything_and_the_annotation_the_shape():
    power, wish, share, bare, limit = Heater.facts.values()
    assert (power.name, power.shape, power.unit, power.text) == ("power", Shape.SCALAR, "kW", "largest electric power")
    assert (power.default, power.allowed) == (None, "a number, more than 0, at most 20, finite")
    assert (wish.shape, wish.default) == (Shape.PROFILE, 1.0)
    assert wish.allowed == "a number, or one a period, at least 0, finite"
    assert (bare.unit, bare.text, bare.limits, bare.about) == ("", "", (), "")
    assert (limit.shape, limit.allowed) == (Shape.PORT, "a number")
    assert (power.about, share.about) == ("kW, largest electric power", "of the house that is heated")


def test_what_is_declared_so_becomes_a_column():
    heater = Heater(power=3, bare=1, wish=[1, 2])
    assert (heater.power.tolist(), heater.wish.tolist(), heater.share.tolist()) == ([[3]], [[1, 2]], [[1]])


@pytest.mark.parametrize("power", [0, -1, 20.1, math.inf, math.nan])
def test_values_beyond_the_bounds_are_refused(power):
    with pytest.raises(AgentError, match=r"power = .*; wanted a number, more than 0, at most 20, finite"):
        Heater(power=power, bare=1)


def test_what_a_subclass_leaves_out_is_its_base_s():
    old, new = Heater.facts, SmallHeater.facts
    assert (new["power"].unit, new["power"].limits, new["power"].default) == ("kW", old["power"].limits, 2.0)
    assert (new["wish"].about, new["wish"].limits, new["wish"].default) == (old["wish"].about, old["wish"].limits, 0.5)
    assert (new["share"].text, new["share"].default) == ("of the flat that is heated", 1.0)
    assert new["share"].limits == (Bounds(gt=0.0),)
    assert (old["power"].default, old["wish"].default, old["share"].limits) == (None, 1.0, ())


def test_bounds_of_the_annotation_and_of_the_fact_all_count():
    assert SmallHeater.facts["size"].allowed == "a number, at least 0, at most 9, finite"
    for size in (-1, 10):
        with pytest.raises(AgentError, match=f"size = {size}; wanted"):
            SmallHeater(bare=1, size=size)


def test_help_shows_the_facts_of_a_type():
    shown = inspect.getdoc(Heater)
    assert shown.startswith("House that likes to be warm.\n\nAttributes\n----------\npower : (n, 1) kW, largest")
    assert "bare" not in shown
    assert "size : (n, 1) rooms" in inspect.getdoc(SmallHeater)


def test_a_docstring_that_describes_its_own_facts_stays_as_it_is():
    class Own(Heater):
        """Heater.

        Attributes
        ----------
        power : kW
        """

    class Silent(Heater):
        pass

    assert inspect.getdoc(Own).count("Attributes") == 1
    assert Silent.__doc__ is None


@pytest.mark.parametrize("name", ["names", "rows", "respond", "sources", "periods", "ports", "facts"])
def test_a_fact_may_not_have_the_name_of_something_that_every_society_has(name):
    with pytest.raises(AgentError, match=rf"Odd\.{name}: every society has a {name} of its own; wanted another name"):
        type("Odd", (Society,), {"__annotations__": {name: Array}})

"""Feeders: those that come along, and what is refused with the place."""

import math

import numpy as np
import pytest

from gridparley.agents import FeederError
from gridparley.agents.network import Feeder, FeederLine
from gridparley.runs.feeder.read import FEEDERS, load_feeder


def line(start, end, r=0.1, x=0.05, limit=math.inf):
    return FeederLine(start, end, r, x, limit)


@pytest.mark.parametrize(
    ("name", "buses", "load"), [("toy", 4, (40, 15)), ("ieee33", 33, (3715, 2300)), ("ieee69", 69, (3802.1, 2694.7))]
)
def test_a_feeder_that_comes_along_has_its_buses_and_its_load(name, buses, load):
    feeder = load_feeder(name)
    assert len(feeder.buses) == buses
    assert len(feeder.parent) == buses - 1
    assert (feeder.load_kw.sum(), feeder.load_kvar.sum()) == pytest.approx(load)
    assert feeder.base_kv == FEEDERS[name]


@pytest.mark.parametrize("name", FEEDERS)
def test_buses_come_after_the_one_that_feeds_them_and_keep_the_order_of_their_table(name):
    feeder = load_feeder(name)
    assert (feeder.parent < np.arange(1, len(feeder.buses))).all()
    assert feeder.buses == tuple(str(k + 1) for k in range(len(feeder.buses)))


def test_lines_may_stand_in_any_order_and_direction():
    lines = [line("c", "b", 0.2), line("a", "b", 0.1), line("d", "b", 0.3, limit=9.0)]
    feeder = Feeder.from_lines("mixed", 0.4, lines, {"d": (1.0, 0.5)}, source="a")
    assert feeder.buses == ("a", "b", "c", "d")
    assert feeder.parent.tolist() == [0, 1, 1]
    assert feeder.r_ohm.tolist() == [0.1, 0.2, 0.3]
    assert feeder.limit_kw.tolist() == [math.inf, math.inf, 9.0]
    assert feeder.load_kw.tolist() == [0, 0, 0, 1]
    assert feeder.line_names == ("a-b", "b-c", "b-d")
    assert feeder.distance_ohm().tolist() == pytest.approx([0, 0.1, 0.3, 0.4])
    assert feeder.at("c") == 2


def test_a_feeder_is_read_only():
    with pytest.raises(ValueError, match="read-only"):
        load_feeder("toy").r_ohm[0] = 1.0


def test_loads_are_scaled_and_nothing_else():
    half = load_feeder("toy").scaled(0.5)
    assert half.load_kvar.tolist() == [0, 4, 1, 2.5]
    assert half.r_ohm.tolist() == load_feeder("toy").r_ohm.tolist()
    with pytest.raises(FeederError, match="loads times nan"):
        half.scaled(math.nan)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "there is no line"),
        ([line("a", "b"), line("b", "c"), line("c", "a")], "is meshed: there is a loop .*-.*-.*open a line"),
        ([line("a", "b"), line("c", "d"), line("d", "e")], "no line joins bus c and 2 more to the source a"),
        ([line("a", "b"), line("b", "a")], "parallel lines between b and a"),
        ([line("a", "a")], "line a-a begins and ends at the same bus"),
        ([line("a", "b", r=0.0)], "line a-b: r_ohm = 0.0; wanted a resistance above zero"),
        ([line("a", "b", r=math.nan)], "line a-b: r_ohm = nan"),
        ([line("a", "b", x=-0.1)], "line a-b: x_ohm = -0.1; wanted a reactance of zero or above"),
        ([line("a", "b", limit=0.0)], "line a-b: limit_kw = 0.0"),
    ],
)
def test_what_is_no_radial_feeder_is_refused_with_the_place(lines, words):
    with pytest.raises(FeederError, match=words):
        Feeder.from_lines("street", 0.4, lines)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"loads": {"z": (1.0, 0.0)}}, "a load is at bus 'z'"),
        ({"loads": {"b": (1.0, math.inf)}}, "load at bus b: inf kvar"),
        ({"source": "z"}, "no line begins or ends at the source 'z'"),
        ({"base_kv": 0.0}, "base_kv = 0.0"),
    ],
)
def test_facts_of_a_feeder_are_checked(facts, words):
    with pytest.raises(FeederError, match=words):
        Feeder.from_lines(**({"name": "street", "base_kv": 0.4, "lines": [line("a", "b")]} | facts))


def test_a_bus_that_is_none_is_named_with_those_that_are():
    with pytest.raises(FeederError, match="feeder toy: no bus is called '9'; there is 1, 2, 3, 4"):
        load_feeder("toy").at("9")

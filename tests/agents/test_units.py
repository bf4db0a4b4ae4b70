"""Every fact of every type that comes with the package says what it is, in one unit a quantity."""

import pytest

import gridparley.agents
from gridparley.agents import Prosumer, Society

TYPES = [
    kind
    for name in gridparley.agents.__all__
    if isinstance(kind := getattr(gridparley.agents, name), type)
    and issubclass(kind, Society)
    and kind not in (Society, Prosumer)
]
UNITS = {
    "power": "kW",
    "energy": "kWh",
    "time": "h",
    "money rate": "$/h",
    "price": "$/kWh",
    "slope of a price": "$/kW²h",
    "voltage": "pu",
    "share, number or factor": "1",
    "saturation": "1/kW",
    "square-root utility": "$/h√kW",
}
FACTS = [pytest.param(kind, fact, id=f"{kind.__name__}.{fact.name}") for kind in TYPES for fact in kind.facts.values()]


def test_all_types_are_looked_at():
    assert {"EV", "LogLoad", "NetworkOperator", "PeerProsumer", "StorageOperator", "VirtualAgent"} <= {
        kind.__name__ for kind in TYPES
    }


@pytest.mark.parametrize(("kind", "fact"), FACTS)
def test_every_fact_has_a_unit_and_words(kind, fact):
    assert fact.unit in UNITS.values()
    assert len(fact.text) > 2
    assert f"{fact.name} : {fact.shape.value} {fact.about}" in kind.__doc__


def test_a_fact_of_one_name_has_one_unit_whatever_the_type():
    units = {}
    for kind in TYPES:
        for fact in kind.facts.values():
            units.setdefault(fact.name, set()).add(fact.unit)
    several = {name: found for name, found in units.items() if len(found) > 1}
    # The scale of a utility: of a logarithm, and of a square root.
    assert several == {"beta": {"$/h", "$/h√kW"}}


def test_names_that_end_in_a_unit_mean_it():
    ends = {"_kwh": "kWh", "_kw": "kW", "_h": "h"}
    for kind in TYPES:
        for fact in kind.facts.values():
            assert all(fact.unit == unit for end, unit in ends.items() if fact.name.endswith(end))

"""What may be asked of every type beside its answer: what it offers, and what it says by default."""

import numpy as np
import pytest

from gridparley.agents import (
    EV,
    DispatchOperator,
    LogLoad,
    MicrogridOperator,
    MiddleOperator,
    NetworkOperator,
    PeerProsumer,
    Period,
    Prosumer,
    Society,
    StorageOperator,
    VirtualAgent,
    within,
)
from gridparley.runs.feeder.read import load_feeder

OFFERS = {
    EV: {"slope", "reference"},
    LogLoad: {"slope", "reference"},
    MicrogridOperator: {"slope", "reference"},
    DispatchOperator: {"reference"},
    MiddleOperator: {"reference", "scaled"},
    PeerProsumer: {"slope", "reference", "scaled"},
    NetworkOperator: {"reference", "linearised"},
    VirtualAgent: set(),
}


class Plain(Society):
    """Operator without anything that is optional."""

    limit: float

    def cost(self, x):
        return within(x[:1], -self.limit, self.limit, 0 * x[:1])


@pytest.mark.parametrize(("kind", "offered"), OFFERS.items())
def test_each_type_says_what_it_offers(kind, offered):
    assert {name for name in ("slope", "reference", "scaled", "linearised") if kind.offers(name)} == offered


def test_a_subclass_may_take_back_what_its_base_offers():
    class Steep(LogLoad):
        slope = None

    assert not Steep.offers("slope")
    assert Steep(beta=1, sigma=1, demand=1).offers("reference")


def test_what_is_not_offered_says_so_when_asked():
    one, x = Plain(limit=1.0), np.zeros((1, 1))
    for name, asked in (("slope", (x,)), ("reference", (None, x)), ("scaled", (x,)), ("linearised", (x,))):
        assert not one.offers(name)
        with pytest.raises(NotImplementedError, match=rf"Plain has no {name}\("):
            getattr(one, name)(*asked)
    assert one.unregularised() is one


def test_an_unmarked_slope_of_a_user_s_type_is_asked_once_per_agent():
    class Sloped(Prosumer):
        steep: float

        def slope(self, price):
            return float(self.steep.item()) + 0 * price

    assert Sloped(names="ab", steep=[1, 2]).slope(np.zeros((2, 3))).tolist() == [[1, 1, 1], [2, 2, 2]]


def test_only_those_with_a_need_leave_any_of_it_unserved():
    late = Period(20, 20.0)
    assert Plain(names="ab", limit=1.0).unserved(late).tolist() == [[0], [0]]
    car = EV(names="ab", arrival=1, departure=[5, 30], need=[2, 3])
    assert car.unserved(late).tolist() == [[2], [0]]


def test_a_period_has_a_length_where_the_type_knows_one():
    assert Plain(limit=1.0).period_hours is None
    assert DispatchOperator(hours=0.25).period_hours == 0.25


def test_by_default_all_that_is_supplied_is_generation():
    society = Plain(ports=[2, 0], limit=9.0, periods=2)
    x = np.array([[1.0, 2], [-4, 1], [-3, 0], [-5, -6]])
    found = society.sources(x)
    assert list(found) == ["generation", "pv", "net_export"]
    assert found["generation"].tolist() == [[6, -3], [5, 6]]
    assert found["pv"].tolist() == [[0, 0], [0, 0]]
    assert found["net_export"].tolist() == [[7, -1], [0, 0]]


def drawn(society, seed=3):
    return np.random.default_rng(seed).uniform(-4.0, 0.0, (society.rows, society.periods))


@pytest.mark.parametrize("kind", [MicrogridOperator, StorageOperator])
def test_sources_of_a_microgrid_operator_add_up_to_what_it_supplies(kind):
    more = {"capacity_kwh": 5.0, "charge_max": 1.0, "discharge_max": 2.0} if kind is StorageOperator else {}
    society = kind(ports=[2, 1], cost_quadratic=0.1, cost_linear=0.2, power_max=50.0, pv=[[1.0, 2], [3, 0]], **more)
    x = drawn(society)
    found = society.sources(x)
    total = found["generation"] + found["pv"] + found.get("storage", 0.0)
    assert total == pytest.approx(society.supplied(x))
    assert found["net_export"] == pytest.approx(-np.add.reduceat(x, society.own_rows) + x[society.own_rows])
    assert ("soc" in found) is (kind is StorageOperator)


def test_sources_of_a_planned_day_serve_the_load_and_what_is_exported():
    society = DispatchOperator(
        ports=[1],
        load=[3.0, 5.0],
        power_max=50.0,
        storage_max=1.0,
        capacity_kwh=4.0,
        export_max=9.0,
        buy_max=50.0,
        tariff=0.1,
    )
    x = drawn(society)
    found = society.sources(x)
    assert list(found) == ["demand", "generation", "storage", "main_grid", "energy", "tariff", "net_export"]
    served = found["generation"] + found["storage"] + found["main_grid"]
    assert served == pytest.approx(found["demand"] + society.supplied(x))


def test_a_peer_consumes_and_generates_at_its_connection_alone():
    society = PeerProsumer(
        ports=[2, 1], cost_quadratic=0.1, cost_linear=2.0, low=-9.0, high=9.0, retail=25.0, feed_in=5.0, trade_cost=0.01
    )
    x = np.array([[0.0], [-3], [7], [0], [2]])
    found = {name: values.ravel().tolist() for name, values in society.sources(x).items()}
    assert found == {"demand": [0, 2], "generation": [3, 0], "net_export": [3, -2]}


def test_a_network_draws_from_above_what_its_loads_and_ports_take():
    society = NetworkOperator(
        feeder=load_feeder("toy"), ports=[2], bus=[1, 2], export_max=9.0, import_max=9.0, load_factor=0.5
    )
    found = society.sources(np.array([[0.0], [1.0], [2.0]]))
    load = 0.5 * load_feeder("toy").load_kw.sum()
    assert found["demand"].tolist() == [[load]]
    assert found["generation"].item() == pytest.approx(load - 3.0)
    assert found["net_export"].item() == pytest.approx(-3.0)

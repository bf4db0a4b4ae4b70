"""Electric vehicles: what they ask for while connected, and how their need rolls from period to period."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridparley.agents import EV, AgentError, Period
from gridparley.conformance import check_agent

from ..conftest import ask, assert_best, assert_same_bits

CAR = {"arrival": 18.64, "departure": 30.0, "need": 20.0, "efficiency": 0.92, "power_max": 7.2}


def hours(first, last, length=1.0):
    """Periods of a day that begins at `first`."""
    count = round((last - first) / length)
    return [Period(k, first + k * length, length) for k in range(count)]


def demand(car, period):
    return car.open(period).demand.item()


def test_an_ev_asks_only_in_periods_through_all_of_which_it_is_connected():
    car = EV(**CAR, periods=24)
    seen = [demand(car, period) for period in hours(6.0, 30.0)]
    assert np.flatnonzero(seen).tolist() == list(range(13, 24))  # 19:00 to 06:00
    assert set(seen) == {0.0, 7.2}


def test_a_period_that_ends_as_it_leaves_still_counts():
    # 0.1 added up is not 0.3; a minute less and it is gone.
    assert demand(EV(**{**CAR, "arrival": 0.1, "departure": 0.3}), Period(0, 0.1, 0.1 + 0.1)) == 7.2
    assert demand(EV(**{**CAR, "arrival": 0.1, "departure": 0.28}), Period(0, 0.1, 0.2)) == 0


def test_it_asks_for_no_more_than_is_left_to_charge():
    # 3 kWh in a quarter of an hour at 0.92 would be 13 kW; in an hour it is 3 / 0.92.
    car = EV(**{**CAR, "need": 3.0}, periods=96)
    assert demand(car, Period(0, 20.0, 0.25)) == 7.2
    assert demand(car, Period(0, 20.0, 1.0)) == pytest.approx(3 / 0.92)
    assert demand(EV(**{**CAR, "need": 0.0}), Period(0, 20.0, 1.0)) == 0


def test_until_a_period_is_opened_it_takes_nothing():
    assert ask(EV(**CAR), -1.0).item() == 0


def test_settling_takes_off_what_reached_the_battery_once():
    car, period = EV(**CAR, periods=24), Period(14, 20.0)
    x = np.array([[5.0]])
    after = car.settle(period, x)
    assert after.need.item() == 20 - 0.92 * 5
    assert after.periods == 24
    assert car.need.item() == 20
    assert_same_bits(car.settle(period, x).need, after.need)


def test_a_need_does_not_become_negative_by_rounding():
    car, period = EV(**{**CAR, "need": 0.3}), Period(0, 20.0, 0.1)
    x = car.open(period).demand * (1 + 1e-12)
    assert car.settle(period, x).need.item() == 0


@pytest.mark.slow
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_night_of_charging_never_brings_more_than_is_needed(data):
    length = data.draw(st.sampled_from([1.0, 0.5, 0.25]))
    needs = data.draw(st.lists(st.floats(0, 60), min_size=1, max_size=4))
    n = len(needs)
    arrival = np.array(data.draw(st.lists(st.floats(6, 25), min_size=n, max_size=n)))
    stay = np.array(data.draw(st.lists(st.floats(0.25, 12), min_size=n, max_size=n)))
    cars = EV(names=[str(k) for k in range(n)], arrival=arrival, departure=arrival + stay, need=needs, periods=96)
    first, slots = cars, hours(6.0, 30.0, length)
    brought = np.zeros((n, 1))
    for period in slots:
        x = ask(cars.open(period), data.draw(st.floats(-0.1, 0.5)))
        assert (x[~cars.connected(period)] == 0).all()
        assert (x <= 7.2).all()
        brought += 0.92 * length * x
        cars = cars.settle(period, x)
    assert first.need - brought == pytest.approx(cars.need, abs=1e-9)
    assert (cars.need >= 0).all()
    assert (cars.need >= first.unservable(slots) - 1e-9).all()


def test_full_power_all_the_time_leaves_exactly_what_cannot_be_served():
    cars = EV(names="abc", arrival=[18.5, 26.0, 7.0], departure=[30.0, 28.5, 9.0], need=[100.0, 10.0, 20.0], periods=24)
    slots = hours(6.0, 30.0)
    wanted = cars.unservable(slots)
    assert wanted.ravel() == pytest.approx([100 - 11 * 7.2 * 0.92, 0, 20 - 2 * 7.2 * 0.92])
    for period in slots:
        cars = cars.settle(period, ask(cars.open(period), -1.0))
    assert cars.need.ravel() == pytest.approx(wanted.ravel(), abs=1e-12)


def test_what_is_unserved_is_told_once_it_has_left():
    cars = EV(names="ab", arrival=7.0, departure=[17.82, 30.0], need=[6.55, 2.0])
    assert cars.unserved(Period(10, 16.0)).tolist() == [[0.0], [0.0]]
    assert cars.unserved(Period(11, 17.0)).tolist() == [[6.55], [0.0]]
    assert cars.unserved(Period(23, 29.0)).tolist() == [[6.55], [2.0]]


def test_an_ev_that_leaves_before_it_arrives_is_refused_by_name():
    with pytest.raises(AgentError, match=r"A\.ev-2: departure = 6; wanted more than arrival = 19;"):
        EV(names=["A.ev-1", "A.ev-2"], arrival=[18, 19], departure=[30, 6], need=1.0)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"need": -1}, "need = -1; wanted a number, at least 0"),
        ({"efficiency": 1.2}, "efficiency = 1.2; wanted a number, more than 0, at most 1"),
        ({"efficiency": 0}, "efficiency = 0; wanted a number, more than 0"),
        ({"power_max": 0}, "power_max = 0; wanted a number, more than 0"),
        ({"departure": np.nan}, "departure = nan; wanted a number, finite"),
    ],
)
def test_facts_without_sense_are_refused(facts, why):
    with pytest.raises(AgentError, match=why):
        EV(**{**CAR, **facts})


def test_a_period_that_the_profiles_do_not_have_is_refused():
    with pytest.raises(AgentError, match="EV: period 24; wanted 0 to 23"):
        EV(**CAR, periods=24).open(Period(24, 30.0))


@pytest.mark.slow
def test_an_opened_ev_keeps_the_contract_and_agrees_with_the_reference_solver():
    cars = EV(names="abc", arrival=[6, 7, 20], departure=[30, 8.5, 29], need=[20, 3, 0.5], beta=[2.6, 1, 2])
    opened = cars.open(Period(0, 20.0))
    assert len(check_agent(opened)) == 14
    rng = np.random.default_rng(2)
    assert_best(opened, rng.uniform(0, 1, (3, 1)), rng.uniform(-2, 8, (3, 1)), [[0.0], [0.3], [2.0]])

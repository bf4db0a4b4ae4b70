import numpy as np
import pytest

from gridparley.agents import AgentError, PeerProsumer
from gridparley.conformance import check_agent

FACTS = {
    "cost_quadratic": 0.1,
    "cost_linear": 2.0,
    "low": 0.0,
    "high": 80.0,
    "retail": 25.0,
    "feed_in": 5.0,
    "trade_cost": 0.01,
}


def alone(price, ports=1, rho=0.0, target=0.0, **facts):
    """Return what a prosumer at these prices, one a port, injects and sells."""
    rows = np.concatenate([[0.0], np.broadcast_to(price, ports)])[:, None]
    zero = np.zeros_like(rows)
    agent = PeerProsumer(ports=[ports], **{**FACTS, **facts})
    return -agent.respond(rows, zero + target, zero[:, :1] + rho)[1:, 0]


@pytest.mark.slow
def test_contract_with_as_many_partners_as_you_like():
    rng = np.random.default_rng(0)
    society = PeerProsumer(
        ports=[1, 3, 2, 4, 3],
        cost_quadratic=rng.uniform(0.03, 0.1, 5),
        cost_linear=rng.uniform(2, 14, 5),
        low=[[-60.0], [0.0], [5.0], [-30.0], [-20.0]],
        high=[[60.0], [80.0], [9.0], [-3.0], [0.0]],
        retail=25.0,
        feed_in=5.0,
        trade_cost=0.01,
    )
    assert {"slope_fits_answers", "reference_agrees"} <= set(check_agent(society))


@pytest.mark.slow
def test_contract_with_profiles():
    tariffs = {"retail": [[25.0, 20.0, 10.0]], "feed_in": [[5.0, 6.0, 7.0]]}
    limits = {"low": [[-5.0, -3.0, -2.0]], "high": [[5.0, 4.0, 0.0]]}
    check_agent(PeerProsumer(periods=3, ports=[3, 2], **{**FACTS, **limits, **tariffs}))


@pytest.mark.slow
def test_margins_on_wholesale_are_tariffs_with_other_numbers():
    check_agent(PeerProsumer(ports=[3, 2], **{**FACTS, "low": -9.0, "retail": 3.0, "feed_in": -3.0}))


def test_who_has_no_partner_sells_at_the_feed_in_tariff():
    # a p + b = feed_in
    assert alone(0.0) == pytest.approx([(5.0 - 2.0) / 0.1])


def test_who_must_consume_buys_at_retail():
    # Between the tariffs nothing is worth it, beyond them everything is.
    assert alone(0.0, cost_linear=15.0, low=-60.0) == pytest.approx([0.0])
    assert alone(0.0, cost_linear=28.0, low=-60.0) == pytest.approx([(25.0 - 28.0) / 0.1])


def test_partners_share_by_what_they_pay():
    p, to_one, to_other = alone([0.0, 6.0, 6.2], ports=3)
    assert to_other - to_one == pytest.approx(0.2 / FACTS["trade_cost"])
    # Everything sold is injected: the account's value is between the tariffs.
    assert p == pytest.approx(to_one + to_other)
    assert 0.1 * p + 2.0 == pytest.approx(6.0 - 0.01 * to_one)


def test_network_that_charges_is_fed_less():
    assert alone(-1.0) == pytest.approx([(5.0 - 1.0 - 2.0) / 0.1])


def test_weighted_costs_are_those_of_a_weighted_market():
    society = PeerProsumer(ports=[2, 3], **FACTS)
    weight = np.array([[2.0], [0.5]])
    x = society.respond(np.ones((7, 1)), np.zeros((7, 1)), np.ones((7, 1)))
    assert society.scaled(weight).cost(x) == pytest.approx(weight * society.cost(x))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"low": 90.0}, "high = 80; wanted at least low"),
        ({"feed_in": 30.0}, "retail = 25; wanted at least feed_in"),
        ({"trade_cost": 0.0}, "trade_cost = 0"),
        ({"ports": [0]}, "ports = 0; wanted 1 or more"),
    ],
)
def test_what_is_wrong_is_named(wrong, told):
    with pytest.raises(AgentError, match=told):
        PeerProsumer(**{"ports": [2], **FACTS, **wrong})

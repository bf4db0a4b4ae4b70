"""Producers and consumers with quadratic costs, at a pool or in trades alone."""

import numpy as np
import pytest

from gridparley.agents import AgentError, PeerTrader, Trader
from gridparley.conformance import check_agent


@pytest.mark.slow
def test_contract_of_traders():
    society = Trader(
        names=["plant", "town", "both"],
        periods=2,
        cost_quadratic=[0.01, 0.2, 0.05],
        cost_linear=[0.1, 4.0, 1.0],
        low=[[0.0], [-30.0], [-10.0]],
        high=[[50.0], [-2.0], [12.0]],
    )
    assert {"slope_fits_answers", "reference_agrees"} <= set(check_agent(society))


@pytest.mark.slow
def test_contract_of_peers_with_as_many_trades_as_you_like():
    rng = np.random.default_rng(0)
    society = PeerTrader(
        ports=[1, 3, 2, 4, 0],
        cost_quadratic=rng.uniform(0.03, 0.1, 5),
        cost_linear=rng.uniform(0.5, 3, 5),
        low=[[-6.0], [0.0], [5.0], [-30.0], [-20.0]],
        high=[[60.0], [80.0], [9.0], [-3.0], [0.0]],
        preference=rng.uniform(-0.5, 0.5, (10, 1)),
        limit=[[8.0], [9.0], [np.inf], [4.0], [5.0], [6.0], [2.0], [np.inf], [7.0], [0.0]],
        trade_cost=rng.uniform(0.02, 0.1, 5),
    )
    assert "reference_agrees" in check_agent(society)


def trades(price, **facts):
    """Return what a buyer at these prices, one a trade, buys."""
    rows = np.array([0.0, *price])[:, None]
    zero = np.zeros_like(rows)
    known = {"cost_quadratic": 0.1, "cost_linear": 5.0, "low": -40.0, "high": 0.0, "trade_cost": 0.1}
    return PeerTrader(ports=[len(price)], **{**known, **facts}).respond(rows, zero, zero)[1:, 0]


def test_a_preference_counts_like_a_part_of_the_price():
    assert trades([2.0, 2.5]) == pytest.approx(trades([2.0, 2.0], preference=[[0.0], [0.5]]))


def test_a_trade_carries_no_more_than_its_limit():
    assert trades([2.0, 2.0], limit=[[3.0], [100.0]]) == pytest.approx([3.0, (3.0 - 0.3) / 0.2])


def test_what_cannot_be_traded_is_refused():
    with pytest.raises(AgentError, match="low = 5; wanted at most what its trades can carry together"):
        PeerTrader(ports=[2], cost_quadratic=1.0, cost_linear=1.0, low=5.0, high=9.0, limit=2.0)
    with pytest.raises(AgentError, match="high = 1; wanted at least low"):
        Trader(cost_quadratic=1.0, cost_linear=1.0, low=5.0, high=1.0)

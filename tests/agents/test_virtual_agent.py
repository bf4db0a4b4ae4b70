"""The virtual agent: it owns first prices, and answers nothing."""

import numpy as np
import pytest

from gridparley.agents import AgentError, VirtualAgent

from .conftest import ask


def test_it_calls_1_for_each_balance_unless_told_otherwise():
    agents = VirtualAgent(ports=[2, 1], periods=3)
    assert agents.price.tolist() == [[1, 1, 1]] * 3


def test_prices_may_be_negative_and_differ_by_period_and_balance():
    agents = VirtualAgent(ports=[2, 1], price=[[-1, 2], [1, 2], [3, -4]])
    assert agents.price.tolist() == [[-1, 2], [1, 2], [3, -4]]
    assert agents[0].price.tolist() == [[-1, 2], [1, 2]]
    assert agents[1].price.tolist() == [[3, -4]]


def test_one_that_keeps_nothing_has_no_price():
    assert VirtualAgent(ports=[0], periods=2).price.shape == (0, 2)


@pytest.mark.parametrize("price", [np.nan, np.inf, "free"])
def test_a_price_that_is_none_is_refused(price):
    with pytest.raises(AgentError, match=r"price = .*; wanted a number, or one a period, finite"):
        VirtualAgent(ports=[1], price=price)


def test_it_has_no_local_problem():
    agent = VirtualAgent(ports=[1])
    with pytest.raises(NotImplementedError, match="VirtualAgent does not say how it responds"):
        ask(agent)
    assert agent.unregularised() is agent

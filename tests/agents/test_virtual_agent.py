"""The virtual agent: it owns first prices, and answers nothing."""

import numpy as np
import pytest

from gridparley.agents import AgentError, VirtualAgent

from .conftest import ask


def test_it_calls_1_for_its_bus_and_0_for_its_lines_unless_told_otherwise():
    agents = VirtualAgent(ports=[2, 1], periods=3)
    assert agents.price.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert agents.transfer_price.tolist() == [[0, 0, 0]] * 3


def test_prices_may_be_negative_and_differ_by_period_and_line():
    agents = VirtualAgent(ports=[2], price=[-1, 2], transfer_price=[[1, 2], [3, -4]])
    assert agents.price.tolist() == [[-1, 2]]
    assert agents.transfer_price.tolist() == [[1, 2], [3, -4]]


def test_without_lines_it_has_no_transfer_price():
    assert VirtualAgent(periods=2).transfer_price.shape == (0, 2)


@pytest.mark.parametrize("price", [np.nan, np.inf, "free"])
def test_a_price_that_is_none_is_refused(price):
    with pytest.raises(AgentError, match=r"price = .*; wanted a number, or one a period, finite"):
        VirtualAgent(price=price)


def test_it_has_no_local_problem():
    agent = VirtualAgent(ports=[1])
    with pytest.raises(NotImplementedError, match="VirtualAgent does not say how it responds"):
        ask(agent)
    assert agent.unregularised() is agent

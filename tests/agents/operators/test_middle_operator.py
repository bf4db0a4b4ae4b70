"""The operator in the middle: what comes in goes out, at least cost and within what its ports carry."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley.agents import MiddleOperator
from gridparley.conformance import check_agent


@pytest.mark.slow
def test_contract_with_as_many_prosumers_as_you_like():
    society = MiddleOperator(ports=[3, 1, 5], power_max=np.array([[9.0, 4.0, 3.1, 2.0, 20.0, 5.0, 7.0, 1.5, 8.0]]).T)
    assert "reference_agrees" in check_agent(society)


def test_targets_are_split_by_what_each_may_give_way():
    middle = MiddleOperator(ports=[3], power_max=100.0)
    target = np.array([[0.0], [-10.0], [2.0], [2.0]])
    x = middle.respond(0.0 * target, target, np.array([[1.0], [1.0], [1.0], [2.0]]))
    assert x[1:].sum() == pytest.approx(0.0)
    # Six are missing: who is held twice as firmly gives way half as much.
    assert (x - target)[1:, 0] == pytest.approx([2.4, 2.4, 1.2])


def test_power_passes_from_where_it_is_cheap_until_a_port_is_full():
    middle = MiddleOperator(ports=[3], power_max=[[9.0], [4.0], [8.0]])
    price, nothing = np.array([[0.0], [0.3], [0.1], [0.2]]), np.zeros((4, 1))
    assert middle.respond(price, nothing, nothing).ravel() == pytest.approx([0.0, -9.0, 4.0, 5.0])


def test_cost_tells_what_does_not_pass():
    middle = MiddleOperator(ports=[2], power_max=5.0)
    for x, good in (([0, 3, -3], True), ([0, 3, -2], False), ([0, 6, -6], False), ([1, 3, -3], False)):
        assert np.isfinite(middle.cost(np.array([x], dtype=float).T)).item() is good

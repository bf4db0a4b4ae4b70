"""The manager of a community: what comes in goes out, less a fee, within a limit."""

import numpy as np
import pytest

from gridparley.agents import AgentError, CommunityManager
from gridparley.conformance import check_agent


@pytest.mark.slow
def test_contract_with_and_without_a_port():
    society = CommunityManager(
        ports=[1, 1, 0, 1],
        limit=[[30.0], [5.0], [9.0], [12.0]],
        fee=[0.02, 0.0, 0.1, 0.5],
        cost_quadratic=[0.0, 0.01, 0.0, 0.2],
    )
    assert "reference_agrees" in check_agent(society)


def passed(home, port, **facts):
    price, nothing = np.array([[home], [port]]), np.zeros((2, 1))
    return CommunityManager(ports=[1], limit=30.0, **facts).respond(price, nothing, nothing)[0, 0]


def test_a_fee_keeps_small_differences_of_price():
    assert (passed(0.1, 0.11, fee=0.02), passed(0.1, 0.13, fee=0.02), passed(0.13, 0.1, fee=0.02)) == (0.0, 30.0, -30.0)
    assert passed(0.1, 0.13, fee=0.02, cost_quadratic=0.001) == pytest.approx(10.0)


def test_several_ports_are_refused():
    with pytest.raises(AgentError, match="ports = 2; wanted 1 at most"):
        CommunityManager(ports=[2], limit=1.0)

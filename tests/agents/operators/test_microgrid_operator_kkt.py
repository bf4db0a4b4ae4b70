"""Microgrid operators, with and without storage: every answer meets the conditions of optimality, read off one by one."""

import numpy as np
import pytest
from hypothesis import given, settings

from gridparley.agents import MicrogridOperator

from ..conftest import ask
from ..drawn_operators import KINDS, asked

SMALL = 1e-7


def check_supply(supply, margin, power_max, scale, power_min=0.0):
    """`margin` is what the last kilowatt costs less what it is worth: zero between the limits."""
    assert power_min - 1e-9 <= supply <= power_max + 1e-9
    if supply > power_min + SMALL:
        assert margin <= SMALL * scale
    if supply < power_max - SMALL:
        assert margin >= -SMALL * scale


def marginal_storage_cost(agent, power):
    """C'(B) as the note has it, with B = -power where its signs are taken literally."""
    k = agent.kappa.item() * (1 - agent.soc.item()) / agent.soc.item()
    b = agent._sign * power
    return agent._sign * (k * np.exp(b / agent.scale.item()) if b <= 0 else 2 * agent.q.item() * b + k)


def check_sources(agent, dispatch, k, t, value, scale):
    """Every source supplies until its last kilowatt costs what it is worth."""
    G, pv, B = dispatch.generation[k, t], dispatch.pv[k, t], dispatch.storage[k, t]
    margin = 2 * agent.cost_quadratic.item() * G + agent.cost_linear.item() - value
    check_supply(G, margin, agent.power_max.item(), scale)
    if type(agent) is MicrogridOperator:
        assert (pv, B) == (agent.pv[0, t], 0)
        return
    check_supply(pv, -value, agent.pv[0, t], scale)
    charge, discharge = (limit.item() for limit in agent.storage_limits())
    check_supply(B, marginal_storage_cost(agent, B) - value, discharge, scale, -charge)


def allowed_levels(export, margin, fee, low, high):
    """Return between which limits the price of the PV must lie, for this port to be content.

    `margin` is the cost of the last exported kilowatt without its fee, less what it earns. The subgradient of the fee
    is `fee` for an export, 0 for an import, and anything between at zero.
    """
    least_fee = fee if export > SMALL else 0.0
    most_fee = 0.0 if export < -SMALL else fee
    at_low, at_high = export <= low + SMALL, export >= high - SMALL
    below = -np.inf if at_high else -(margin + most_fee)
    above = np.inf if at_low else -(margin + least_fee)
    return below, above


@pytest.mark.slow
@given(asked(most=3, kinds=KINDS))
@settings(max_examples=500, deadline=None)
def test_every_answer_meets_the_conditions_of_optimality(case):
    society, (price, target, rho) = case
    x = ask(society, price, target, rho)
    dispatch = society.dispatch(x)
    pull = price + rho * (x - target)  # what one more kilowatt of import costs, row by row, the agent's own cost apart
    for k, agent in enumerate(society):
        first = society.row_start[k]
        ports = range(first + 1, society.row_start[k + 1])
        for t in range(society.periods):
            value = pull[first, t]
            scale = 1 + np.abs(pull[first : first + 1 + len(ports), t]).max() + np.abs(price).max() * 1e-3
            check_sources(agent, dispatch, k, t, value, scale)
            exports = [-x[row, t] for row in ports]
            spare = agent.pv[0, t] - sum(exports)
            assert spare >= -1e-9
            # One price of the PV, zero while there is PV to spare, must content all ports at once.
            lowest, highest = 0.0, (np.inf if spare <= SMALL else 0.0)
            for port, (row, export) in enumerate(zip(ports, exports, strict=True)):
                # Exporting one more kilowatt earns pull[row] and costs the bus `value`.
                margin = 2 * agent.alpha[port, 0] * export - pull[row, t] + value
                low, high = -agent.import_max[port, t], agent.export_max[port, t]
                assert low - 1e-9 <= export <= high + 1e-9
                below, above = allowed_levels(export, margin, agent.transfer_cost[port, 0], low, high)
                lowest, highest = max(lowest, below), min(highest, above)
            assert lowest <= highest + SMALL * scale

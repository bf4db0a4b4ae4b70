"""Microgrid operator: every answer meets the conditions of optimality, read off one by one."""

import numpy as np
from hypothesis import given, settings

from .conftest import ask
from .operators import asked

SMALL = 1e-7


def check_supply(supply, margin, power_max, scale):
    """`margin` is what the last kilowatt costs less what it is worth: zero between the limits."""
    if supply > SMALL:
        assert margin <= SMALL * scale
    if supply < power_max - SMALL:
        assert margin >= -SMALL * scale


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


@given(asked(most=3))
@settings(max_examples=250, deadline=None)
def test_every_answer_meets_the_conditions_of_optimality(case):
    society, (price, target, rho) = case
    x = ask(society, price, target, rho)
    supply = society.generation(x)
    pull = price + rho * (x - target)  # what one more kilowatt of import costs, row by row, the agent's own cost apart
    for k, agent in enumerate(society):
        first = society.row_start[k]
        ports = range(first + 1, society.row_start[k + 1])
        for t in range(society.periods):
            value, G = pull[first, t], supply[k, t]
            scale = 1 + np.abs(pull[first : first + 1 + len(ports), t]).max() + np.abs(price).max() * 1e-3
            a, b = agent.cost_quadratic.item(), agent.cost_linear.item()
            check_supply(G, 2 * a * G + b - value, agent.power_max.item(), scale)
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

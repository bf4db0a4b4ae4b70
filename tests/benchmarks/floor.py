"""The floor: a bare numpy loop of a round's arithmetic, without any message.

One round, with prices in one array and no agent waiting for another:

1. every household's price is gathered from its bus's, and all of them answer by the society's own `respond`;
2. the operators answer by theirs, at the prices of their bus and of their tie-lines;
3. imports are added up by bus and by tie-line with the same kernel (CSR times columns);
4. price += step x imbalance.

So it solves what the simulation solves and moves prices by the same formula; what it leaves out is what messages cost:
envelopes, a calendar, memories, waiting, stopping rules, metrics and books. The prices of both agree to the last bit,
which the benchmark checks.

It comes in two forms. The *bare* loop asks each society once, whole columns at a time, as one would write it. The *tiled*
loop asks large societies window by window, so that a column is still in the processor's cache when it is used again; the
simulation does that too, and it is worth more than half of the time at T = 24.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from gridparley.agents import tiles
from gridparley.protocols import Market


class Floor:
    """A loop over the rounds of dual decomposition on a generated market, bare or tiled."""

    def __init__(self, market: Market, step_size: float, *, tiled: bool) -> None:
        self.operators, self.houses = (population.society for population in market.populations)
        topology, self.step_size = market.topology, step_size
        # The rows of operators come first, then those of the households, each of which has one.
        (self.at, first), (_, second) = market.rows
        self.balance, self.home = topology.row_balance[first], topology.row_balance[second]
        balance = np.concatenate([self.balance, self.home])
        shape = (len(topology.balances), len(balance))
        self.sum = sparse.csr_array((np.ones(len(balance)), (balance, np.arange(len(balance)))), shape=shape)
        self.tiles = tiles(self.houses) if tiled else [(self.houses, slice(None))]
        self.price = market.first_price.copy()
        self.asked = np.zeros((self.operators.rows, market.periods))
        self.nothing = [np.broadcast_to(0.0, (s.rows, market.periods)) for s in (self.operators, self.houses)]
        self.rho = [np.broadcast_to(0.0, (s.rows, 1)) for s in (self.operators, self.houses)]

    def round(self) -> None:
        """Do one round."""
        x = np.empty((self.houses.rows, self.price.shape[1]))
        for part, rows in self.tiles:
            x[rows] = part.respond(self.price[self.home[rows]], self.nothing[1][rows], self.rho[1][rows])
        self.asked[self.at] = self.price[self.balance]
        y = self.operators.respond(self.asked, self.nothing[0], self.rho[0])
        self.price += self.step_size * (self.sum @ np.concatenate([y[self.at], x]))

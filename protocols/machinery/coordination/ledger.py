"""Ledger: the prices that some coordinators keep, and what a protocol keeps beside them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..market import Market
from ..memory import Memory
from ..options import Column, Options
from ..role import Role

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["Ledger"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Columns:
    """Columns as attributes: apart from whatever else a ledger has, so that a protocol may call its own as it likes."""


class Ledger:
    """What the coordinators of one role keep: the price of every balance, and the columns that the protocol declares.

    Parameters
    ----------
    role : the coordinators; this declares its state as a part of them
    protocol, market
    coordinators : (n,) addresses
    answers : the newest answer of each row that they ask about

    Attributes
    ----------
    balance : (b,) number of each balance in the topology
    row : (m,) number of each row in the topology
    group : (m,) which of the b balances each row is in
    of_balance, of_row : (b,), (m,) which of the coordinators keeps it
    weights : by asked field, (m, 1), by which it is multiplied when a row is asked; a field left out by 1
    held : the columns, as attributes
    elsewhere : (b, periods) kW, what rows of the same balance answer that others ask about, NaN where it is not known; None
        where there are no such rows
    """

    elsewhere: Floats | None = None

    def __init__(
        self, role: Role, protocol: Options, market: Market, coordinators: npt.NDArray[np.integer], answers: Memory
    ) -> None:
        topology = market.topology
        place = np.full(len(topology.coordinators), -1, dtype=np.int64)
        place[coordinators] = np.arange(len(coordinators))
        self.row = np.flatnonzero(place[topology.row_coordinator] >= 0)
        coordinator, balance = topology.row_coordinator[self.row].astype(np.int64), topology.row_balance[self.row]
        # A balance with two coordinators counts as two balances here, one for each.
        either, self.group = np.unique(
            balance.astype(np.int64) * len(topology.coordinators) + coordinator, return_inverse=True
        )
        self.balance, coordinator = either // len(topology.coordinators), either % len(topology.coordinators)
        self.of_balance = place[coordinator]
        self.of_row = self.of_balance[self.group]
        self.kind = topology.kind[self.balance]
        self.kinds = topology.kinds
        self.answers, self.periods = answers, market.periods
        self.weights = {name: weight[self.row] for name, weight in protocol.weights(market).items()}
        self.first = market.first_price[self.balance]
        self.held = Columns()
        self.spec: Mapping[str, Column] = {"price": Column("balance"), **protocol.columns}
        self._asks = tuple(protocol.asks)
        for name, spec in self.spec.items():
            count, owner = (len(self.row), self.of_row) if spec.by == "row" else (len(self.balance), self.of_balance)
            first = getattr(protocol, spec.first) if isinstance(spec.first, str) else spec.first
            column = self.first if name == "price" else np.full((count, self.width(name)), first)
            role.declare(name, column, owner=owner, per_period=spec.per_period, holder=self.held)
        self.personal = bool(self.weights) or any(self.spec[name].by == "row" for name in protocol.asks)

    @property
    def columns(self) -> dict[str, Floats]:
        """By name, (b, width) or (m, width): the price, and what the protocol declares."""
        return vars(self.held)

    def width(self, name: str) -> int:
        """Return how many numbers a column has."""
        return self.periods if self.spec[name].width == "periods" else 1

    @cached_property
    def add(self) -> sparse.csr_array:
        """(b, m): adds rows up by balance.

        Sums go through this one kernel, CSR times columns, whose order does not depend on which others are summed.
        """
        from scipy import sparse  # here: listing the protocols does without

        m = len(self.row)
        return sparse.csr_array((np.ones(m), (self.group, np.arange(m))), shape=(len(self.balance), m))

    def ask(self, rounds: npt.NDArray[np.integer]) -> Floats:
        """Return what is asked, (m, fields) where rows are asked differently, else (b, fields); rounds : (n,)."""
        parts: list[Any] = []
        for name in self._asks:
            column: Floats = self.columns[name]
            if self.personal and self.spec[name].by == "balance":
                column = column[self.group]
            if name in self.weights:
                column = np.asarray(column * self.weights[name])
            parts.append(column)
        of = self.of_row if self.personal else self.of_balance
        parts.append(rounds.take(of)[:, None])
        return np.concatenate(parts, axis=1)

    def recall(self, rows: Mask, asked: Mapping[str, Floats], newest: Places, balances: Mask) -> None:
        """Take up again what rows were asked last.

        Parameters
        ----------
        rows : (m,) rows that were asked at all
        asked : (m, width) by field
        newest : (b,) of each balance the row that was asked last
        balances : (b,) those that take up what that row was asked
        """
        for name in self._asks:
            values: Floats = asked[name]
            column = self.columns[name]
            if name in self.weights:
                weight = self.weights[name]
                if not weight.all():  # a term that is never asked cannot be recalled
                    continue
                values = values / weight
            if self.spec[name].by == "balance":
                column[balances] = values[newest[balances]]
            else:
                column[rows] = values[rows]

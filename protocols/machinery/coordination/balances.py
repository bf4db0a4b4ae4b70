"""Balances: what a protocol sees and moves, by balance and by row."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from .ledger import Ledger

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["Balances"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Number = TypeVar("Number", bound=np.generic)

_FEW = 200_000
"""Numbers heard, of all balances together, that are added up faster than those of some balances are picked out."""


class Balances:
    """Some balances, of coordinators whose round is complete: what a protocol's `update` reads and moves.

    Columns are attributes: `price`, and those that the protocol declares, by balance (b, width) or by row (m, width).
    Assigning writes them back.

    Attributes
    ----------
    price : (b, periods) $/kWh
    x : (m, periods) kW, the answer of each row, as heard; not to be written to
    imbalance : (b, periods) kW, what the rows of each balance add up to
    group : (m,) which of these balances each row is in
    coordinator : (b,) which coordinator runs each balance
    """

    group: Places
    _ledger: Ledger
    _at: Places | None
    _rows: Places | None

    def __init__(self, ledger: Ledger, which: Mask | None = None) -> None:
        at: Places | None = None
        rows: Places | None = None
        group: Places = ledger.group
        if which is not None and not which.all():
            at, rows = np.flatnonzero(which), np.flatnonzero(which.take(group))
            group = at.searchsorted(group.take(rows))
        vars(self).update(_ledger=ledger, _at=at, _rows=rows, group=group)  # past __setattr__, which is for columns

    def __len__(self) -> int:
        return len(self._ledger.balance) if self._at is None else len(self._at)

    def _place(self, name: str) -> Places | None:
        return self._rows if self._ledger.spec[name].by == "row" else self._at

    def __getattr__(self, name: str) -> Floats:
        """Return a column of these balances or of their rows."""
        try:
            column, at = self._ledger.columns[name], self._place(name)
        except KeyError:
            raise AttributeError(f"balances have no column {name!r}; the protocol declares its own") from None
        return column if at is None else column.take(at, axis=0)

    def __setattr__(self, name: str, value: Any) -> None:
        """Write a column of these balances or of their rows back."""
        column, at = self._ledger.columns[name], self._place(name)
        if value is not column:
            column[slice(None) if at is None else at] = value

    @property
    def x(self) -> Floats:
        """(m, periods) kW: the answer of each row."""
        x = self._ledger.answers.part("x")
        return x if self._rows is None else x.take(self._rows, axis=0)

    @cached_property
    def _add(self) -> sparse.csr_array:
        """(b, m): adds the rows of these balances up."""
        add = self._ledger.add
        if self._at is None or self._rows is None:
            return add
        from scipy import sparse

        some = add[self._at]
        columns = self._rows.searchsorted(some.indices)
        return sparse.csr_array((some.data, columns, some.indptr), shape=(len(self._at), len(self._rows)))

    @property
    def imbalance(self) -> Floats:
        """(b, periods) kW: what the answers add up to."""
        ledger, at = self._ledger, self._at
        # The round is added up too: cheaper than a copy without it.
        values = ledger.answers.values
        if at is None:
            total = ledger.add @ values
        elif values.size < _FEW:
            total = (ledger.add @ values).take(at, axis=0)
        else:
            total = ledger.add[at] @ values
        total = np.asarray(total[:, ledger.answers.kind.part("x")])
        if ledger.elsewhere is None:
            return total
        other = ledger.elsewhere if at is None else ledger.elsewhere[at]
        return np.where(np.isnan(other), 0.0, total + other)

    @property
    def coordinator(self) -> Places:
        """(b,): which coordinator runs each balance."""
        of = self._ledger.of_balance
        return of if self._at is None else of.take(self._at)

    def kind_in(self, *names: str) -> Mask:
        """(b,): whether each balance is of one of these kinds."""
        known = np.array([kind.name in names for kind in self._ledger.kinds])
        kind = self._ledger.kind
        return np.asarray(known.take(kind if self._at is None else kind.take(self._at)))

    def take(self, which: Mask) -> Balances:
        """Return some of these balances, (b,) bool."""
        everywhere = np.zeros(len(self._ledger.balance), dtype=bool)
        everywhere[slice(None) if self._at is None else self._at] = which
        return Balances(self._ledger, everywhere)

    @property
    def pairs(self) -> tuple[Places, Places]:
        """(b,), (b,): the first and the second row of each of these balances, which have two rows each."""
        order = np.argsort(self.group, kind="stable")
        return order[0::2], order[1::2]

    def sum(self, rows: Floats) -> Floats:
        """(b, ...): the sum over the rows of each balance of (m, ...)."""
        return np.asarray(self._add @ rows)

    def most(self, rows: Floats) -> Floats:
        """(b,): the largest over the rows of each balance of (m,); 0 at least."""
        found = np.zeros(len(self))
        np.maximum.at(found, self.group, rows)
        return found

    def spread(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """(m, ...): for each row the value of its balance, of (b, ...)."""
        return values.take(self.group, axis=0)

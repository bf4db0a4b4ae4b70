"""Kinds of balances: the names of balances, and of the messages about them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BALANCE_KINDS", "BalanceKind"]


@dataclass(frozen=True)
class BalanceKind:
    """A kind of balance: rows of agents that add up to zero, and a price that one coordinator keeps.

    Every protocol treats all kinds alike unless it says otherwise; the kind names the messages.

    Attributes
    ----------
    name : such as ``"bus"``
    ask, answer : what people call a question and an answer about it
    place : whether agents live there (a bus, a pool), in which case its row is an agent's first; else it joins agents
    """

    name: str
    ask: str
    answer: str
    place: bool


BALANCE_KINDS = {
    kind.name: kind
    for kind in (
        BalanceKind("bus", "price", "bid", place=True),
        BalanceKind("tie_line", "transfer_price", "transfer", place=False),
        BalanceKind("trade", "trade_price", "trade", place=False),
        BalanceKind("connection", "network_price", "injection", place=False),
        BalanceKind("pool", "price", "bid", place=True),
        BalanceKind("community", "price", "bid", place=True),
    )
}
"""The kinds that come with the package, by name; a graph may bring a `BalanceKind` of its own."""

"""Exchange ADMM: keepers ask with a price, a target and a penalty for each member (note 001, its last block put right)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from .machinery.exchange import RHO_MAX, RHO_MIN, Exchange
from .machinery.keeper import Keeper
from .machinery.market import Market
from .machinery.protocol import Protocol

__all__ = ["ExchangeADMM"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class ExchangeKeeper(Keeper):
    """Virtual agents of `ExchangeADMM`: one `Exchange` for their buses, one for their tie-lines.

    Attributes
    ----------
    exchange, line_exchange : what the buses and, if it is something else, the tie-lines go by
    kin : whether a keeper's tie-lines bound one another's penalties
    """

    personal = True
    exchange: type[Exchange] = Exchange
    line_exchange: type[Exchange] | None = None
    kin = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        protocol, w, periods = self.protocol, self.wiring, self.price.shape[1]
        assert isinstance(protocol, ExchangeADMM)
        slot_book = np.repeat(np.arange(len(w.book_hub)), 2)
        options = periods, protocol.rho, protocol.adapting, protocol.relaxation
        self.bus = self.exchange(w.member_hub, len(w.hub), *options)
        kin = w.book_hub if self.kin else None
        self.line = (self.line_exchange or self.exchange)(slot_book, len(w.book_hub), *options, kin=kin)

    def ask(self, *, books: bool) -> Floats:
        """Return price, target and penalty of each end of a line or each member."""
        return self.line.ask(self.transfer_price) if books else self.bus.ask(self.price)

    def update(self, hubs: Mask, books: Mask) -> None:
        """Take a step in every bus and every line."""
        self.bus.step(hubs, self.price, self.memory["bid"].part("x"))
        # Until both ends are heard there is nothing to agree on.
        both = self.memory["transfer"].sent.reshape(-1, 2).min(axis=1, initial=0) >= 0
        self.line.step(books & both, self.transfer_price, self.memory["transfer"].part("x"))

    def resting(self) -> Mask:
        """(n,): whether neither a price nor any penalty term moved by more than the tolerances."""
        eps_abs, eps_rel, w = self.protocol.eps_abs, self.protocol.eps_rel, self.wiring
        bus, line = (
            exchange.moved <= eps_abs + eps_rel * np.abs(price).max(axis=1, initial=0.0)
            for exchange, price in ((self.bus, self.price), (self.line, self.transfer_price))
        )
        return np.asarray(bus & (w.sum_by_hub(w.book_hub, ~line) == 0))

    def open(self, market: Market, first_round: int, tick: int) -> None:
        """Begin a period: targets and penalties stay, and the penalties may adapt again."""
        super().open(market, first_round, tick)
        self.bus.open()
        self.line.open()

    def forget(self, agents: Mask) -> None:
        """Make some hubs wake up without targets and penalties too."""
        super().forget(agents)
        self.bus.forget(agents)
        self.line.forget(agents[self.wiring.book_hub])

    def recall(self, rows: Mask, asked: Floats, *, books: bool) -> None:
        """Take up again what each member, or each end of a line, was asked last."""
        (self.line if books else self.bus).recall(rows, asked)


class ExchangeADMM(Protocol):
    """Every bus and every tie-line is a balance, whose keeper asks each row with (price, target, penalty).

    argmin cost(x) + price x + rho_i / 2 (x - target_i)^2 answers; see `Exchange` for the step and for the penalties, which
    adapt to the curvature of each member's cost from any start. A round is two ticks. It is the sound parallel form of the
    last block of note 001, which as printed lacks a term and diverges. The transfer price is in the sign of note 001.

    Examples
    --------
    >>> ExchangeADMM(rho=10.0).rho
    10.0
    """

    name: ClassVar[str] = "exchange_admm"
    ask: ClassVar[dict[str, str]] = {"price": "$/kWh", "target": "kW", "rho": "$/kW²h"}

    rho: float = Field(default=0.01, ge=RHO_MIN, le=RHO_MAX, description="first penalty, $/kW²h; it adapts by itself")
    adapting: int = Field(default=200, ge=0, description="rounds of a period in which penalties adapt")
    relaxation: float = Field(default=1.0, ge=1, lt=2, description="how far answers are taken; 1 as they are")

    @property
    def keeper(self) -> type[Keeper]:
        """The virtual agents' role."""
        return ExchangeKeeper

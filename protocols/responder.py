"""Responder: the role of every agent that is asked and answers with its local solve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..agents import AgentError, Society
from ..environment import Kind, Outbox
from .market import Market
from .memory import Memory
from .role import Role
from .state import MarketState
from .wiring import Wiring

if TYPE_CHECKING:
    from .protocol import Protocol

__all__ = ["Responder"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Responder(Role):
    """Agents of one society: each answers once all its rows are asked in the same round.

    An ask of a round that it has answered means that the answer was lost: it is repeated, unsolved. With
    ``on_silence = "newest"`` it answers whatever it has heard last on each row.

    Parameters
    ----------
    protocol, market, kinds
    population : which of the market's populations
    which : (n,) positions in that population
    """

    def __init__(
        self,
        protocol: Protocol,
        market: Market,
        kinds: dict[str, Kind],
        population: int,
        which: npt.NDArray[np.integer],
    ) -> None:
        super().__init__()
        whole = market.members[population]
        part = whole if len(which) == len(whole.address) else whole.take(which)
        self.population = population
        self.society: Society = part.society
        self.newest = protocol.on_silence == "newest"
        self._whole_rows = whole.society.rows_of(which)
        channels = market.topology.channels
        self._bid, self._transfer = kinds["bid"], kinds["transfer"]
        self._up = channels.up[part.address]
        self.memory["price"] = Memory(kinds["price"], channels.down[part.address], len(channels))
        self._has_ports = bool(self.society.port_count.any())
        self._port_agent = np.repeat(np.arange(len(self.society)), self.society.port_count)
        if self._has_ports:
            line, end = market.port_ends(part)
            down, up = Wiring.line_channels(market.topology, two_ledgers=protocol.keeper.two_ledgers)
            self._line_up = up[line, end]
            self.memory["transfer_price"] = Memory(kinds["transfer_price"], down[line, end], len(channels))
        self.answered = np.full(len(self.society), -1.0)
        self.x = np.full((self.society.rows, market.periods), np.nan)

    def speak(self, tick: int, outbox: Outbox) -> None:
        """Solve for those who are asked anew, repeat the answer of those who are asked again."""
        asked = self.memory["price"].round
        ready = self._ready(tick, asked)
        again = (self.memory["price"].heard == tick) & (asked == self.answered) & ~ready
        ports_again = self._ports_again(tick, ready)
        if ready.any():
            self._solve(ready)
            self.answered = np.where(ready, asked, self.answered)
        self._send(outbox, ready | again, ready[self._port_agent] | ports_again)

    def _ready(self, tick: int, asked: Floats) -> Mask:
        if self.newest:
            known = (asked >= 0) & self._all_ports(self._line_round() >= 0)
            news = (self.memory["price"].heard == tick) | ~self._all_ports(self._line_heard() != tick)
            return known & news
        return (asked > self.answered) & self._all_ports(self._line_round() == asked[self._port_agent])

    def _line_round(self) -> Floats:
        return self.memory["transfer_price"].round if self._has_ports else np.empty(0)

    def _line_heard(self) -> npt.NDArray[np.int32]:
        return self.memory["transfer_price"].heard if self._has_ports else np.empty(0, dtype=np.int32)

    def _all_ports(self, good: Mask) -> Mask:
        """(n,): whether every port of an agent is good."""
        if not self._has_ports:
            return np.ones(len(self.society), dtype=bool)
        return np.bincount(self._port_agent[~good], minlength=len(self.society)) == 0

    def _ports_again(self, tick: int, ready: Mask) -> Mask:
        if not self._has_ports or self.newest:
            return np.zeros(len(self._port_agent), dtype=bool)
        answered = self.answered[self._port_agent]
        return (self._line_heard() == tick) & (self._line_round() == answered) & ~ready[self._port_agent]

    def _solve(self, ready: Mask) -> None:
        if ready.all():
            # A new array each time: messages in flight may still point at the old one.
            self.x = answer(self.society, *(self._ask(field) for field in ("price", "target", "rho")))
            return
        which = np.flatnonzero(ready)
        rows = self.society.rows_of(which)
        price, target, rho = (self._ask(field)[rows] for field in ("price", "target", "rho"))
        x = self.x.copy()
        x[rows] = answer(self.society.take(which), price, target, rho)
        self.x = x

    def _ask(self, field: str) -> Floats:
        """(rows, periods), or (rows, 1) for rho: one field of the newest asks; zero where this protocol has no such field."""
        own = self.memory["price"]
        width = 1 if field == "rho" else self.society.periods
        if not own.kind.has(field):
            return np.broadcast_to(0.0, (self.society.rows, width))
        if not self._has_ports:
            return own.part(field)
        column = np.empty((self.society.rows, width))
        column[self.society.own_rows] = own.part(field)
        column[self.society.port_rows] = self.memory["transfer_price"].part(field)
        return column

    def _send(self, outbox: Outbox, agents: Mask, ports: Mask) -> None:
        everybody = agents.all()
        who = slice(None) if everybody else np.flatnonzero(agents)
        rows = slice(None) if everybody and not self._has_ports else self.society.own_rows[who]
        outbox.send(self._bid, self._up[who], np.concatenate([self.x[rows], self.answered[who, None]], axis=1))
        if ports.any():
            p = np.flatnonzero(ports)
            told = [self.x[self.society.port_rows[p]], self.answered[self._port_agent[p], None]]
            outbox.send(self._transfer, self._line_up[p], np.concatenate(told, axis=1))

    def report(self, state: MarketState) -> None:
        """Write everybody's last answer."""
        state.x[self.population][self._whole_rows] = self.x


def answer(society: Society, price: Floats, target: Floats, rho: Floats) -> Floats:
    """Ask a society the one question and check what comes back.

    Raises
    ------
    AgentError
        `respond` raised, or returned another shape or something that is not finite; says which agent and at what price.
    """
    name = type(society).__name__
    try:
        x: Any = np.asarray(society.respond(price, target, rho))
    except Exception as error:
        raise AgentError(
            f"{name}.respond raised {type(error).__name__}: {error} (first asked: {society[0].names[0]})"
        ) from error
    wanted = (society.rows, society.periods)
    if x.shape != wanted or x.dtype.kind not in "fiu":
        raise AgentError(
            f"{name}.respond returned {x.dtype} of shape {x.shape}; wanted floats of shape {wanted} = (rows, periods)"
        )
    good = np.isfinite(x)
    if not good.all():
        row, period = np.argwhere(~good)[0].tolist()
        who = society[int(np.searchsorted(society.row_start, row, side="right")) - 1].names[0]
        at = f"price {price[row, period]:g}, target {target[row, period]:g}, rho {rho[row, 0]:g}"
        raise AgentError(
            f"{name}.respond of {who} returned {x[row, period]} in row {row}, period {period}, asked with {at}"
        )
    return np.asarray(x, dtype=np.float64)

"""Responder: the role of every agent that is asked and answers with its local solve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...agents import Society, tiles
from ...agents.tiles import TILE
from ...environment import Kind, Outbox
from ...environment.remembered import fixed
from .answer import answer
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
        whole = market.members[population]
        part = whole if len(which) == len(whole.address) else whole.take(which)
        super().__init__(part.address)
        self.population = population
        self.society: Society = part.society
        self.newest = protocol.on_silence == "newest"
        self._which, self._whole_rows = which, whole.society.rows_of(which)
        channels = market.topology.channels
        self._kinds, self._patience = kinds, protocol.patience
        self._bid, self._transfer = kinds["bid"], kinds["transfer"]
        self._up = fixed(channels.up[part.address])
        self.memory["price"] = Memory(kinds["price"], channels.down[part.address], len(channels))
        self._has_ports = bool(self.society.port_count.any())
        self._row_agent = np.repeat(np.arange(len(self.society)), self.society.port_count + 1)
        self._port_agent = np.repeat(np.arange(len(self.society)), self.society.port_count)
        if self._has_ports:
            line, end = market.port_ends(part)
            down, up = Wiring.line_channels(market.topology, two_ledgers=protocol.keeper.two_ledgers)
            self._line_up = up[line, end]
            self.memory["transfer_price"] = Memory(kinds["transfer_price"], down[line, end], len(channels))
        down = channels.down[part.address]
        self._all_up = np.concatenate([self._up, self._line_up]) if self._has_ports else self._up
        self._all_agent = np.concatenate([np.arange(len(self.society)), self._port_agent])
        recalled = [down, self.memory["transfer_price"].channel] if self._has_ports else [down]
        self.memory["recall"] = Memory(kinds["recall"], np.concatenate(recalled), len(channels))
        self.called = np.full(len(self.society), np.inf)
        self.lost = np.zeros(len(self.society), dtype=bool)
        self.answered = np.full(len(self.society), -1.0)
        self._nothing = np.broadcast_to(0.0, (self.society.rows, market.periods))
        self._keep(np.full((self.society.rows, market.periods + 1), np.nan))

    def _keep(self, answers: Floats) -> None:
        """Take over new answers, (rows, periods + 1): x and the round they were asked in, as they will be said."""
        self._block, self._lent = answers, False
        self.answers = fixed(answers[:])
        self.x = fixed(answers[:, :-1])  # another array each time, by which an observer knows that something changed

    def speak(self, tick: int, outbox: Outbox) -> None:
        """Solve for those who are asked anew, repeat the answer of those who are asked again."""
        if not self.stirred and np.isinf(self.called).all():
            return
        asked = self.memory["price"].round
        ready = self._ready(tick, asked)
        again = self.awake & (self.memory["price"].heard > self.seen) & (asked == self.answered) & ~ready
        ports_again = self._ports_again(ready)
        if ready.any():
            self._solve(ready, asked)
            self.answered = np.where(ready, asked, self.answered)
            self.lost &= ~ready
        self._send(outbox, ready | again, ready[self._port_agent] | ports_again)
        self._tell(outbox)
        self._call(tick, outbox)
        self._answer_apart(outbox)
        self.acted(tick)

    def _ready(self, tick: int, asked: Floats) -> Mask:
        if self.newest:
            known = (asked >= 0) & self._all_ports(self._line_round() >= 0)
            line_seen = self.seen[self._port_agent]
            news = (self.memory["price"].heard > self.seen) | ~self._all_ports(self._line_heard() <= line_seen)
            return self.awake & known & news
        return self.awake & (asked > self.answered) & self._all_ports(self._line_round() == asked[self._port_agent])

    def _line_round(self) -> Floats:
        return self.memory["transfer_price"].round if self._has_ports else np.empty(0)

    def _line_heard(self) -> npt.NDArray[np.int32]:
        return self.memory["transfer_price"].heard if self._has_ports else np.empty(0, dtype=np.int32)

    def _all_ports(self, good: Mask) -> Mask:
        """(n,): whether every port of an agent is good."""
        if not self._has_ports:
            return np.ones(len(self.society), dtype=bool)
        return np.bincount(self._port_agent[~good], minlength=len(self.society)) == 0

    def _ports_again(self, ready: Mask) -> Mask:
        if not self._has_ports or self.newest:
            return np.zeros(len(self._port_agent), dtype=bool)
        agent = self._port_agent
        heard = self.awake[agent] & (self._line_heard() > self.seen[agent])
        return heard & (self._line_round() == self.answered[agent]) & ~ready[agent]

    def _solve(self, ready: Mask, asked: Floats) -> None:
        if ready.all():
            answers = np.empty((self.society.rows, self.society.periods + 1))
            columns = [self._ask(field) for field in ("price", "target", "rho")]
            for part, span in tiles(self.society):
                answers[span, :-1] = answer(part, *(column[span] for column in columns))
            answers[:, -1] = asked if not self._has_ports else asked[self._row_agent]
        else:
            # Messages in flight may point at the block.
            answers = self._block.copy() if self._lent else self._block
            self._solve_some(np.flatnonzero(ready), asked, answers)
        self._keep(answers)

    def _solve_some(self, which: npt.NDArray[np.integer], asked: Floats, answers: Floats) -> None:
        size = max(1, TILE * len(self.society) // (self.society.rows * self.society.periods))
        for first in range(0, len(which), size):
            some = which[first : first + size]
            rows = self.society.rows_of(some) if self._has_ports else some
            columns = (self._ask(field, rows) for field in ("price", "target", "rho"))
            answers[rows, :-1] = answer(self.society.take(some), *columns)
            answers[rows, -1] = asked[self._row_agent[rows]] if self._has_ports else asked[some]

    def _ask(self, field: str, rows: npt.NDArray[np.integer] | None = None) -> Floats:
        """(rows, periods), or (rows, 1) for rho: one field of the newest asks; zero where this protocol has no such field."""
        own = self.memory["price"]
        width = 1 if field == "rho" else self.society.periods
        if not own.kind.has(field):
            return self._nothing[: None if rows is None else len(rows), :width]
        if not self._has_ports:
            return own.part(field) if rows is None else own.values.take(rows, axis=0)[:, own.kind.part(field)]
        column = np.empty((self.society.rows, width))
        column[self.society.own_rows] = own.part(field)
        column[self.society.port_rows] = self.memory["transfer_price"].part(field)
        return column if rows is None else column[rows]

    def _send(self, outbox: Outbox, agents: Mask, ports: Mask) -> None:
        own = self.society.own_rows
        self._lent = self._lent or bool(agents.all() and not self._has_ports)
        if agents.all():  # the arrays themselves, so that they are recognised, and no copy of the answers
            outbox.send(self._bid, self._up, self.answers[own] if self._has_ports else self.answers)
        else:
            who = np.flatnonzero(agents)
            outbox.send(self._bid, self._up.take(who), self.answers.take(own[who] if self._has_ports else who, axis=0))
        if ports.any():
            p = np.flatnonzero(ports)
            outbox.send(self._transfer, self._line_up[p], self.answers[self.society.port_rows[p]])

    def open(self, market: Market, first_round: int, tick: int) -> None:
        """Begin a period: other facts; what was answered last stays until it is asked again."""
        whole = market.members[self.population].society
        self.society = whole if len(self._which) == len(whole) else whole.take(self._which)

    # After a crash --------------------------------------------------------------------------------------------------

    def forget(self, agents: Mask) -> None:
        """Make some agents wake up without what they heard and answered; they will say so until they are asked."""
        self.memory["price"].forget(agents)
        if self._has_ports:
            self.memory["transfer_price"].forget(agents[self._port_agent])
        self.memory["recall"].forget(agents[self._all_agent])
        self.answered[agents] = -1.0
        self.called[agents] = -1.0
        self.lost |= agents
        self.woken = True

    def _answer_apart(self, outbox: Outbox) -> None:
        """Answer, each in its own round, those who ask for a round that others have left behind.

        Only an agent that lost its memory comes into this: its answer of then is gone, and without one the round of a
        keeper that lost its memory too would never end. The answer is the best one to the newest asks; it may bend the
        path a little, but not its end.
        """
        if not (self.lost & self.awake).any():
            return
        agent, n = self._all_agent, len(self.society)
        asked = self._asked("values")[:, -1]
        first, last = np.full(n, np.inf), np.full(n, -1.0)
        np.minimum.at(first, agent, asked)
        np.maximum.at(last, agent, asked)
        fresh = np.concatenate([self.memory["price"].heard, self._line_heard()]) > self.seen[agent]
        which = fresh & (asked == first[agent]) & (self.lost & self.awake & (first >= 0) & (first < last))[agent]
        who = np.unique(agent[which])
        if not len(who):
            return
        rows = self.society.rows_of(who)
        x = np.zeros_like(self.x)
        x[rows] = answer(self.society.take(who), *(self._ask(field, rows) for field in ("price", "target", "rho")))
        row = np.concatenate([self.society.own_rows, self.society.port_rows])
        for kind, mine in ((self._bid, np.flatnonzero(which[:n])), (self._transfer, n + np.flatnonzero(which[n:]))):
            outbox.send(kind, self._all_up[mine], np.concatenate([x[row[mine]], asked[mine, None]], axis=1))

    def _call(self, tick: int, outbox: Outbox) -> None:
        """Say "I have no answer" on every channel on which nothing was heard since the memory was lost."""
        calling = self.awake & np.isfinite(self.called)
        if not calling.any():
            return
        never = self._asked("sent")[:, 0] < 0
        due = calling & ((self.called < 0) | (tick >= self.called + self._patience))
        which = np.flatnonzero(never & due[self._all_agent])
        nothing = np.zeros((1, self._bid.width))
        nothing[0, self._bid.part("round")] = -1.0
        n = len(self.society)
        for kind, mine in ((self._bid, which[which < n]), (self._transfer, which[which >= n])):
            outbox.send(kind, self._all_up[mine], nothing, np.zeros(len(mine), dtype=np.int64))
        waiting = np.bincount(self._all_agent[never], minlength=n) > 0
        self.called = np.where(due, tick, self.called)
        self.called[calling & ~waiting] = np.inf

    def _tell(self, outbox: Outbox) -> None:
        """Tell keepers that lost their memory what they asked last, and what was answered last."""
        recall, agent = self.memory["recall"], self._all_agent
        if recall.heard.max(initial=-1) < 0:
            return
        which = np.flatnonzero(self.awake[agent] & (recall.heard > self.seen[agent]))
        if not len(which):
            return
        # Rows of the society in the order of the channels: own rows first, then ports.
        row = np.concatenate([self.society.own_rows, self.society.port_rows])[which]
        kind = self._kinds["recollection"]
        asked = self._asked("values")[which]
        known = self.answered[agent[which], None]
        x = np.where(known >= 0, self.x[row], 0.0)
        outbox.send(kind, self._all_up[which], np.concatenate([asked, x, known], axis=1))

    def _asked(self, column: str) -> Floats:
        """(channels, ...): `values` or `sent` of the newest asks, own rows first; the round is -1 before the first."""
        memories = [self.memory[kind] for kind in ("price", "transfer_price") if kind in self.memory]
        if column == "sent":
            return np.concatenate([m.sent for m in memories])[:, None]
        return np.concatenate([np.concatenate([m.values[:, :-1], m.round[:, None]], axis=1) for m in memories])

    def report(self, state: MarketState) -> None:
        """Write everybody's last answer."""
        if self.x.shape == state.x[self.population].shape:
            state.x[self.population] = self.x  # read-only, by which an observer knows that nothing has changed
        else:
            state.x[self.population][self._whole_rows] = self.x

"""Participant: the role of every agent that is asked and answers with its local solve."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import tiles
from ...agents.tiles import TILE
from ...environment import Kind, Outbox
from ...environment.remembered import fixed
from .answer import answer
from .market import Market
from .memory import Memory
from .options import Options
from .role import Role
from .state import LastAsk, MarketState

__all__ = ["Participant"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_FIELDS = ("price", "target", "rho")
"""Of the one question that every agent answers."""


class Participant(Role):
    """Agents of one society: each answers once all its rows are asked in the same round.

    An ask of a round that it has answered means that the answer was lost: it is repeated, unsolved. With
    ``on_silence = "newest"`` it answers whatever it has heard last on each row. A row in no balance is never asked: its
    price, target and penalty are zero.

    Parameters
    ----------
    protocol, market, kinds
    population : which of the market's populations
    which : (n,) positions in that population

    Attributes
    ----------
    x : (rows, periods) kW, the last answers, read-only; another array whenever any of them changed
    answered : (n,) the round of each agent's last answer, -1 before the first
    """

    answered: Floats
    called: Floats
    lost: Mask

    def __init__(
        self, protocol: Options, market: Market, kinds: dict[str, Kind], population: int, which: npt.NDArray[np.integer]
    ) -> None:
        whole, (at, row) = market.populations[population], market.rows[population]
        part = whole if len(which) == len(whole.address) else whole.take(which)
        super().__init__(part.address)
        self.population, self.society = population, part.society
        self.newest, self._patience, self._kinds = protocol.on_silence == "newest", protocol.patience, kinds
        self._which, self._whole_rows = which, None
        self._first = int(which[0]) if len(which) else 0
        if part is not whole:
            rows = self._whole_rows = whole.society.rows_of(which)
            here = np.isin(at, rows)
            at, row = rows.searchsorted(at[here]), row[here]
        society, n = part.society, len(part.society)
        self._at, self._full = at, len(at) == society.rows
        every = np.arange(n)
        # One array may serve for several: with a million agents of one row each they are what memory goes to.
        self._agent_of_row = every if society.rows == n else np.repeat(every, society.port_count + 1)
        self._agent = self._agent_of_row if self._full else self._agent_of_row[at]
        self._single = len(at) == n and bool((np.bincount(self._agent, minlength=n) == 1).all())
        self._start = every if self._single else np.searchsorted(self._agent, every)
        about = market.topology.channels.about
        channels = len(about)
        self._up = fixed(row.astype(np.int32))
        down = fixed((len(market.topology.row_agent) + row).astype(np.int32))
        self._ask = self.listen("ask", Memory(kinds["ask"], down, channels, about), self._agent)
        self._recall = self.listen("recall", Memory(kinds["recall"], down, channels), self._agent)
        self.declare("answered", np.full(n, -1.0))
        # inf: nothing to call about; -1: memory was lost and nothing was said about it yet.
        self.called, self.lost = np.full(n, np.inf), np.zeros(n, dtype=bool)
        self._nothing = np.broadcast_to(0.0, (society.rows, market.periods))
        self._keep(np.full((society.rows, market.periods + 1), np.nan))

    def _keep(self, answers: Floats) -> None:
        """Take over new answers, (rows, periods + 1): x and the round they were asked in, as they will be said."""
        self._block, self._lent = answers, False
        self.answers = fixed(answers[:])
        self.x = fixed(answers[:, :-1])  # another array each time, by which an observer knows that something changed

    def speak(self, tick: int, outbox: Outbox) -> None:
        """Solve for agents that are asked anew, and repeat the answers of those that are asked again."""
        if not self.stirred and np.isinf(self.called).all():
            return
        asked = self._ask.round
        first, same = self._rounds(asked)
        ready = self._ready(first, same)
        again = self._again(asked, ready)
        if ready.any():
            self._solve(ready, first)
            self.answered = np.where(ready, first, self.answered)
            self.lost &= ~ready
        self._send(outbox, self._of_agent(ready) | again)
        self._recollect(outbox)
        self._call(tick, outbox)
        self._answer_apart(outbox)
        self.acted(tick)

    def _rounds(self, asked: Floats) -> tuple[Floats, Mask]:
        """(n,), (n,): the lowest round that any row of an agent is asked in, and whether all are asked in the same."""
        if self._single:
            return asked, np.ones(len(asked), dtype=bool)
        low, high = np.minimum.reduceat(asked, self._start), np.maximum.reduceat(asked, self._start)
        return low, low == high

    def _ready(self, first: Floats, same: Mask) -> Mask:
        """(n,): which agents answer anew."""
        if not self.newest:
            return self.awake & same & (first > self.answered)
        news = self._ask.heard > self.seen.take(self._agent)
        return self.awake & (first >= 0) & (np.bincount(self._agent[news], minlength=len(first)) > 0)

    def _again(self, asked: Floats, ready: Mask) -> Mask:
        """(m,): which rows were asked again in the round that the agent has answered."""
        if self.newest or ready.all():
            return np.zeros(len(asked), dtype=bool)
        waiting = self._of_agent(self.awake & ~ready)
        if not waiting.any():
            return waiting
        heard = self._ask.heard > self._of_agent(self.seen)
        return np.asarray(waiting & heard & (asked == self._of_agent(self.answered)))

    def _of_agent(self, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(m,): of each row that is asked, what stands in an agent's column, (n,)."""
        return column if self._single else column.take(self._agent)

    def _solve(self, ready: Mask, rounds: Floats) -> None:
        society = self.society
        if ready.all():
            answers = np.empty((society.rows, society.periods + 1))
            columns = [self._asked(field) for field in _FIELDS]
            for part, span in tiles(society):
                answers[span, :-1] = answer(part, *(column[span] for column in columns))
            answers[:, -1] = rounds if len(rounds) == society.rows else rounds[self._agent_of_row]
        else:
            # Messages in flight may point at the block.
            answers = self._block.copy() if self._lent else self._block
            self._solve_some(np.flatnonzero(ready), rounds, answers)
        self._keep(answers)

    def _solve_some(self, which: Places, rounds: Floats, answers: Floats) -> None:
        society = self.society
        size = max(1, TILE * len(society) // (society.rows * society.periods))
        for first in range(0, len(which), size):
            some = which[first : first + size]
            rows = some if society.rows == len(society) else society.rows_of(some)
            columns = (self._asked(field, rows) for field in _FIELDS)
            answers[rows, :-1] = answer(society.take(some), *columns)
            answers[rows, -1] = rounds[self._agent_of_row[rows]]

    def _asked(self, field: str, rows: npt.NDArray[np.integer] | None = None) -> Floats:
        """(rows, periods), or (rows, 1) for rho: one field of the newest asks; zero where this protocol has no such field."""
        memory, width = self._ask, 1 if field == "rho" else self.society.periods
        if not memory.kind.has(field):
            return self._nothing[: None if rows is None else len(rows), :width]
        if self._full:
            if rows is None:
                return memory.part(field)
            return memory.values.take(rows, axis=0)[:, memory.kind.part(field)]
        column = np.zeros((self.society.rows, width))
        column[self._at] = memory.part(field)
        return column if rows is None else column[rows]

    def _send(self, outbox: Outbox, rows: Mask) -> None:
        if not rows.any():
            return
        if rows.all():  # the arrays themselves, so that they are recognised, and no copy of the answers
            self._lent = self._lent or self._full
            outbox.send(self._kinds["answer"], self._up, self.answers if self._full else self.answers[self._at])
        else:
            at = np.flatnonzero(rows)
            outbox.send(self._kinds["answer"], self._up.take(at), self.answers.take(self._at[at], axis=0))

    def open(self, market: Market, first_round: int, tick: int) -> None:
        """Begin a period: other facts; what was answered last stays until it is asked again."""
        super().open(market, first_round, tick)
        whole = market.populations[self.population].society
        self.society = whole if len(self._which) == len(whole) else whole.take(self._which)

    # After a crash --------------------------------------------------------------------------------------------------

    def forget(self, agents: Mask) -> None:
        """Make some agents wake up without what they heard and answered; they will say so until they are asked."""
        super().forget(agents)
        self.called[agents] = -1.0
        self.lost |= agents

    def _recollect(self, outbox: Outbox) -> None:
        """Tell coordinators that lost their memory what they asked last, and what was answered last."""
        recall, agent = self._recall, self._agent
        if recall.heard.max(initial=-1) < 0:
            return
        which = np.flatnonzero(self.awake[agent] & (recall.heard > self.seen[agent]))
        if not len(which):
            return
        kind = self._ask.kind  # of a row that was never asked, anything that can be true
        fields = np.clip(self._ask.values[which, :-1], kind.low[:-1], kind.high[:-1])
        asked = np.concatenate([fields, self._ask.round[which, None]], axis=1)
        known = self.answered[agent[which], None]
        x = np.where(known >= 0, self.x[self._at[which]], 0.0)
        outbox.send(self._kinds["recollection"], self._up.take(which), np.concatenate([asked, x, known], axis=1))

    def _call(self, tick: int, outbox: Outbox) -> None:
        """Say "I have no answer" on every row on which nothing was heard since the memory was lost."""
        calling = self.awake & np.isfinite(self.called)
        if not calling.any():
            return
        never = self._ask.sent < 0
        due = calling & ((self.called < 0) | (tick >= self.called + self._patience))
        which = np.flatnonzero(never & due[self._agent])
        kind = self._kinds["answer"]
        nothing = np.zeros((1, kind.width))
        nothing[0, kind.part("round")] = -1.0
        outbox.send(kind, self._up.take(which), nothing, np.zeros(len(which), dtype=np.int64))
        waiting = np.bincount(self._agent[never], minlength=len(self.society)) > 0
        self.called = np.where(due, tick, self.called)
        self.called[calling & ~waiting] = np.inf

    def _answer_apart(self, outbox: Outbox) -> None:
        """Answer, each in its own round, coordinators that ask for a round that others have left behind.

        Only an agent that lost its memory comes into this: its answer of then is gone, and without one the round of a
        coordinator that lost its memory too would never end. The answer is the best one to the newest asks; it may bend
        the path a little, but not its end.
        """
        if not (self.lost & self.awake).any():
            return
        agent, asked = self._agent, self._ask.round
        first, last = np.minimum.reduceat(asked, self._start), np.maximum.reduceat(asked, self._start)
        fresh = self._ask.heard > self.seen[agent]
        which = fresh & (asked == first[agent]) & (self.lost & self.awake & (first >= 0) & (first < last))[agent]
        who = np.unique(agent[which])
        if not len(who):
            return
        rows = self.society.rows_of(who)
        x = np.zeros_like(self.x)
        x[rows] = answer(self.society.take(who), *(self._asked(field, rows) for field in _FIELDS))
        mine = np.flatnonzero(which)
        said = np.concatenate([x[self._at[mine]], asked[mine, None]], axis=1)
        outbox.send(self._kinds["answer"], self._up.take(mine), said)

    # What is kept, and what an observer sees -------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Return all of its state: arrays and numbers, by name."""
        more = {"called": self.called, "lost": self.lost, "block": self._block, "lent": self._lent}
        return {**super().snapshot(), **more}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up a state that `snapshot` returned for the same agents."""
        super().restore(kept)
        self._keep(kept["block"])
        self.called, self.lost, self._lent = kept["called"], kept["lost"], kept["lent"]

    def last_ask(self) -> LastAsk:
        """Return what its agents were asked last, and whether they have answered that."""
        asked = self._ask.round
        if self.newest:
            done = not (self._ask.heard > self._of_agent(self.seen)).any()
        else:
            done = bool((asked == self._of_agent(self.answered)).all())
        price, target, rho = (np.array(self._asked(field)) for field in _FIELDS)
        return LastAsk(price, target, rho, done and not self.lost.any())

    def report(self, state: MarketState) -> None:
        """Write the last answers of all agents, and how to learn what was asked."""
        state.last_ask[self.population, self._first] = self.last_ask
        if self.x.shape == state.x[self.population].shape:
            state.x[self.population] = self.x  # read-only, by which an observer knows that nothing has changed
        else:
            state.x[self.population][self._whole_rows] = self.x

"""The simulation: a Mesa model whose step is one tick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import mesa
import numpy as np

from ...environment import Fate, FaultError, Journal, MessageBatch, Outbox, Transport
from ...environment.code import Culprit
from ...environment.faults import Fault, Stage, fault_types
from ...protocols import Market, MarketState, Protocol, Role
from ..common.failure import FailedError, failure_of, is_own
from ..common.plugins import type_name
from ..judge.infeasibility import Infeasibility, look_for_proof
from ..judge.metrics import METRICS, Observer
from ..judge.restore_feasibility import restore_feasibility
from .day import Clock, Day
from .settlement_rule import SettlementRule
from .views import open_views

__all__ = ["Simulation"]

PRICE_MAX = 1e12
"""$/kWh beyond which a run has diverged."""


class Simulation(mesa.Model):
    """A negotiation, tick by tick: deliver, hear, speak, accept, record.

    Parameters
    ----------
    market, protocol, faults
    seed : of every draw; the same seed gives the same run to the last bit
    one_by_one : give every agent a role of its own instead of one role a population; the run is the same to the last bit
    order : in which order the roles are asked, a permutation or None; it makes no difference either
    keep_messages : keep every message in the journal
    check : verify at every tick that no message was created or lost
    cost_every : ticks between two values of the metric `cost`, which asks every agent and takes as long as a solve; 0: none
    clock : periods that are negotiated one after the other; without, all periods of the market are negotiated at once
    rule : what is dispatched when the gate of a period closes

    Attributes
    ----------
    tick : ticks done
    market : all agents, with the facts of the period that is open
    day : the periods, where there is a clock
    state : `MarketState` at the end of the last tick
    journal : `Journal`
    commands : what was changed while the run was going: tick, faults added, names of faults ended
    datacollector : the observer's metrics, one row a tick

    Examples
    --------
    >>> from gridparley.runs import load_scenario
    >>> simulation = load_scenario("three-microgrids").simulation()
    >>> simulation.step()
    >>> simulation.tick, simulation.journal.totals["sent"]
    (1, 18)
    """

    def __init__(
        self,
        market: Market,
        protocol: Protocol,
        faults: Sequence[Fault] = (),
        *,
        seed: int = 0,
        one_by_one: bool = False,
        order: Callable[[Sequence[Role]], Sequence[Role]] | None = None,
        keep_messages: bool = False,
        check: bool = True,
        cost_every: int = 1,
        clock: Clock | None = None,
        rule: SettlementRule = restore_feasibility,
    ) -> None:
        super().__init__(rng=seed)
        self.day = None if clock is None else Day(market, clock, rule)
        self.market = market = protocol.wired(market if self.day is None else self.day.market())
        self.protocol, self._own_protocol, self._priced = protocol, is_own(type(protocol)), False
        self.kinds = protocol.kinds_of(market)
        self.roles = protocol.roles(market, one_by_one=one_by_one)
        if order is not None:
            self.roles = list(order(self.roles))
        self.journal = Journal(keep_messages=keep_messages)
        self.transport = Transport(
            market.topology, self.kinds.values(), faults, seed=seed, journal=self.journal, check=check
        )
        self.tick = 0
        self.commands: list[dict[str, Any]] = []
        self.state = MarketState.blank(market)
        self.observer = Observer(market, cost_every)
        self._looked: tuple[int, int, Infeasibility | None] = (-1, -1, None)
        self.datacollector = mesa.DataCollector(model_reporters={name: _reader(name) for name in METRICS})
        open_views(self)

    def step(self) -> None:
        """Do one tick.

        Raises
        ------
        FailedError
            The code of a type that takes part failed: says which, in which tick, and where.
        """
        tick = self.tick
        try:
            self._step()
        except BaseException as error:
            self.tick = tick  # which was not done to its end
            failure = failure_of(error, tick, self.protocol)
            if failure is None:
                raise
            raise failure from error
        known = not (self._own_protocol and np.isnan(self.state.price).any())
        if self._priced and not known:
            kind = type(self.protocol)
            self.tick, text = tick, f"{kind.__name__}.update made a price nan"
            raise FailedError(text, Culprit.of(kind, "update", kind.__name__), tick)
        self._priced = known

    def _step(self) -> None:
        if self.day is not None and not self.day.last and self.day.over(self):
            self._turn(self.day)
        tick = self.tick
        for _, batches in groupby(self.transport.deliver(tick), key=lambda batch: batch.kind.name):
            self._hear(tick, list(batches))
        self._wake(tick)
        outbox = Outbox(tick)
        for role in self.roles:
            role.speak(tick, outbox)
        self.transport.accept(outbox)
        self.tick += 1
        self._report()
        self.observer.observe(self.state, self.journal, tick, self.transport.in_flight)
        self.datacollector.collect(self)

    def _turn(self, day: Day) -> None:
        """Close a period and open the next."""
        self.market = self.protocol.wired(day.turn(self))
        for role in self.roles:
            role.open(self.market, day.first_round, self.tick)
        self._report()
        self.observer.open(self.market)

    def _report(self) -> None:
        for role in self.roles:
            role.report(self.state)
        self.state.complete(self.market)

    def change_faults(self, *, add: Sequence[Fault] = (), end: Sequence[str] = ()) -> None:
        """Change the schedule while the run is going; from the next tick on, and noted in `commands`.

        Parameters
        ----------
        add : faults to add, as they are: a window in the past has passed
        end : names of faults to end now; agents that were down restart

        Raises
        ------
        FaultError
            No fault is called that, or a new one is refused; then nothing changes.
        """
        if isinstance(end, str) or isinstance(add, Fault):
            raise FaultError(
                f"add = {add!r}, end = {end!r}; wanted lists, as in add=[Loss(probability=1)], end=['loss']"
            )
        schedule = self.transport.schedule
        known = {fault.name: fault for fault in schedule.faults}
        for name in end:
            if name not in known:
                raise FaultError(f"no fault is called {name!r}; there is {', '.join(known) or 'none'}")
        kept = [known[name] for name in known if name not in end]
        # What has acted stays in the schedule with its end, so that the schedule tells what happened.
        ended = [
            fault.model_copy(update={"end": self.tick})
            for fault in (known[name] for name in end)
            if fault.start < self.tick
        ]
        self.transport.schedule = schedule.changed([*kept, *ended, *add])
        added = [
            {
                "kind": type_name(type(fault), fault_types(), type(fault).kind),
                **fault.model_dump(mode="json", by_alias=True, exclude_none=True),
            }
            for fault in add
        ]
        self.commands.append({"tick": self.tick, "add": added, "end": list(end)})

    def _hear(self, tick: int, batches: list[MessageBatch]) -> None:
        """Let all roles hear batches of one kind, the oldest first."""
        kind, labels = batches[0].kind, self.transport.labels
        if self.transport.schedule.corrupting:
            # Receivers refuse what cannot be true; nothing else would notice it.
            for k, arrived in enumerate(batches):
                batches[k] = sound = arrived.take(arrived.sound())
                self.transport.count(tick, arrived.take(~arrived.sound()), Fate.REFUSED, "unsound")
                self.journal.tell_change(arrived, sound, Fate.REFUSED, "unsound")
        # If the fate of every message is asked for, roles hear batch by batch.
        for some in [batches] if self.journal.events is None else [[batch] for batch in batches]:
            news: Any = 0
            stale: Any = 0
            for role in self.roles:
                written, old = role.hear(tick, *some)
                news, stale = news + written, stale + old
            # What no role listens to was sent by mistake, and the counts must still add up.
            lost: Any = 0
            fates: list[tuple[Fate, Any, str]] = [(Fate.DELIVERED, news, ""), (Fate.STALE, stale, "")]
            if sum(map(len, some)) != np.sum(news) + np.sum(stale):
                lost = sum(labels.by_about(kind, batch.channel) for batch in some) - news - stale
                fates.append((Fate.REFUSED, lost, "no role listens"))
            for fate, numbers, reason in fates:
                for label, number in labels.named(kind, numbers):
                    self.journal.count(tick, label, fate, number, reason)
            if self.journal.events is not None:
                self._tell(tick, some[0], whole=not np.any(stale) and not np.any(lost))

    def _tell(self, tick: int, batch: Any, *, whole: bool) -> None:
        """Tell the journal which messages of a batch, just heard, were news, and which stale."""
        if whole:
            self.journal.tell(Fate.DELIVERED, batch)
            return
        heard = np.zeros((2, len(self.market.topology.channels)), dtype=bool)
        for memory in (role.memory[batch.kind.name] for role in self.roles if batch.kind.name in role.memory):
            heard[0, memory.channel] = True
            heard[1, memory.channel] = (memory.sent == batch.sent) & (memory.heard == tick)
        listened, news = heard[:, batch.channel]
        news[1:] &= batch.channel[1:] != batch.channel[:-1]  # of two copies in one batch the first is news
        for fate, which in ((Fate.DELIVERED, news), (Fate.STALE, listened & ~news)):
            self.journal.tell(fate, batch.take(which))
        self.journal.tell(Fate.REFUSED, batch.take(~listened), "no role listens")

    def _wake(self, tick: int) -> None:
        """Tell the roles which of their agents are down or resting, and which have just lost their memory."""
        schedule = self.transport.schedule
        asleep, forgetting = schedule.asleep(tick), schedule.forgetting(tick)
        for role in self.roles:
            if forgetting is not None and forgetting[role.address].any():
                role.forget(forgetting[role.address])
            role.rest(asleep)

    @property
    def stopped(self) -> bool:
        """Whether every virtual agent has stopped."""
        return bool(self.state.stopped.all())

    @property
    def last_due(self) -> int:
        """The last tick in which anything is due that is in flight, -1 if nothing is."""
        return self.transport.last_due

    @property
    def garbling(self) -> tuple[str, ...]:
        """Names of faults that have changed what messages say, and were about to go on."""
        schedule = self.transport.schedule
        return tuple(
            fault.name
            for fault in schedule.faults
            if fault.stage is Stage.CORRUPTION and fault.name in schedule.acted and fault.active(self.tick)
        )

    @property
    def finished(self) -> bool:
        """Whether every virtual agent has stopped or never can, or in a day of periods the last of them is over."""
        if self.day is not None:
            return self.day.last and self.day.over(self)
        return self.stopped or self.proof is not None

    @property
    def proof(self) -> Infeasibility | None:
        """That no point balances, where that was found in this very tick: see `look_for_proof`."""
        opened = 0 if self.day is None else self.day.opened
        if self._looked[:2] != (self.tick, opened):
            found = look_for_proof(self.market, self.observer, self.state, self.tick - opened)
            self._looked = self.tick, opened, found
        return self._looked[2]

    @property
    def broken(self) -> bool:
        """Whether a price has diverged beyond `PRICE_MAX`, so that going on makes no sense."""
        return bool(self.tick and not (np.abs(self.state.price) < PRICE_MAX).all())

    def run(self, ticks: int, watch: Callable[[Simulation], None] | None = None) -> None:
        """Do ticks until it is finished, or that many have been done; `watch` is called after each."""
        while not (self.finished or self.broken) and self.tick < ticks:
            self.step()
            if watch is not None:
                watch(self)


def _reader(name: str) -> Callable[[Simulation], float]:
    return lambda model: model.observer.latest[name]

"""Checks of whole runs: where they end, and that neither order, grouping nor copies can be told from the messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...environment import MessageBatch, MessageError
from ...environment.faults import Delay, Duplicate, Fault, Loss
from ...protocols import Market, Protocol, Role
from ...runs.simulation.simulation import Simulation
from ..error import ConformanceError, shown
from ..fingerprint import same_bits
from ..market import with_facts
from .recording import Recording, rough_weather

__all__ = [
    "ProtocolSubject",
    "batch_equals_one_by_one",
    "hearing_twice_changes_nothing",
    "messages_are_allowed",
    "order_of_roles_changes_nothing",
    "same_seed_same_run",
    "stops_without_faults",
    "survives_delay",
    "survives_duplicates",
    "survives_everything_together",
    "survives_loss",
]

LENIENCY = 100.0
"""How many times its tolerance a protocol's final prices may be off: it watches residuals, not the prices' error."""


@dataclass(frozen=True)
class ProtocolSubject:
    """A protocol under test, and the runs that several checks share.

    Attributes
    ----------
    protocol, market, seed
    ticks : how many a run may take until every virtual agent has stopped
    may_tell : names of facts that messages carry on purpose
    compared_ticks : how many ticks of a run with faults are compared bit by bit
    """

    protocol: Protocol
    market: Market
    seed: int = 0
    ticks: int = 5000
    may_tell: frozenset[str] = frozenset()
    compared_ticks: int = 100

    def run(self, faults: Sequence[Fault] = (), *, ticks: int | None = None, **options: Any) -> Simulation:
        """Run until it stops, or for some ticks."""
        simulation = Simulation(self.market, self.protocol, faults, seed=self.seed, **options)
        with self.allowed():
            simulation.run(self.ticks if ticks is None else ticks)
        return simulation

    @cached_property
    def calm(self) -> Simulation:
        """The run without faults, its messages kept."""
        return self.run(keep_messages=True)

    @cached_property
    def rough(self) -> Simulation:
        """The first ticks of the run with every fault, its messages kept."""
        return self.run(rough_weather(), ticks=self.compared_ticks, keep_messages=True)

    @cached_property
    def recording(self) -> Recording:
        """A run one by one on a market of odd numbers, so that a fact is known when it is seen."""
        rng = np.random.default_rng(self.seed)
        odd = with_facts(self.market, lambda _, __, values: values * rng.uniform(1.0, 1.001, values.shape))
        with self.allowed():
            return Recording.of(self.protocol, odd, seed=self.seed, ticks=self.compared_ticks)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Turn what the transport refuses into the error of `messages_are_allowed`, whichever check meets it."""
        try:
            yield
        except MessageError as error:
            wanted = "messages as `kinds` declares them"
            raise self.error("messages_are_allowed", "a run", str(error), wanted) from error

    def error(self, check: str, given: str, got: str, wanted: str) -> ConformanceError:
        """Return the error of a check."""
        return ConformanceError(check, repr(self.protocol), given=given, got=got, wanted=wanted)


def messages_are_allowed(subject: ProtocolSubject) -> bool:
    """Every message is of a declared kind, on a channel that may carry it, one of a kind on a channel in a tick."""
    return subject.calm.tick > 0 and subject.rough.tick > 0


def stops_without_faults(subject: ProtocolSubject) -> bool:
    """Every virtual agent stops by itself."""
    run = subject.calm
    if not run.finished:
        got = f"not stopped after {run.tick} ticks: {_residuals(run)}"
        raise subject.error("stops_without_faults", "a run without faults", got, f"a stop within {subject.ticks} ticks")
    return True


def same_seed_same_run(subject: ProtocolSubject) -> bool:
    """A run follows from its seed alone."""
    again = subject.run(rough_weather(), ticks=subject.compared_ticks, keep_messages=True)
    return _same_run(subject, "same_seed_same_run", subject.rough, again, "the same run once more")


def order_of_roles_changes_nothing(subject: ProtocolSubject) -> bool:
    """In which order roles are asked cannot be told from what they say."""
    shuffle = np.random.default_rng(subject.seed).permutation

    def shuffled(roles: Sequence[Role]) -> Sequence[Role]:
        return [roles[k] for k in shuffle(len(roles)).tolist()]

    def backward(roles: Sequence[Role]) -> Sequence[Role]:
        return list(reversed(roles))

    orders: dict[str, Callable[[Sequence[Role]], Sequence[Role]]] = {"reversed": backward, "shuffled": shuffled}
    for how, order in orders.items():
        other = subject.run(rough_weather(), ticks=subject.compared_ticks, keep_messages=True, order=order)
        _same_run(subject, "order_of_roles_changes_nothing", subject.rough, other, f"the roles asked in {how} order")
    return True


def batch_equals_one_by_one(subject: ProtocolSubject) -> bool:
    """One role for a whole population says what one role for each of its agents says."""
    other = subject.run(rough_weather(), ticks=subject.compared_ticks, keep_messages=True, one_by_one=True)
    return _same_run(subject, "batch_equals_one_by_one", subject.rough, other, "a role for each agent")


def hearing_twice_changes_nothing(subject: ProtocolSubject) -> bool:
    """Messages are state: with every message delivered three times, at once and later, the run is the same."""
    copies = Duplicate(probability=1.0, copies=2, delay="0..3", name="conformance copies")
    other = subject.run([copies], keep_messages=True)
    return _same_run(subject, "hearing_twice_changes_nothing", subject.calm, other, "every message three times")


def survives_duplicates(subject: ProtocolSubject) -> bool:
    """With duplicates it ends where it ends without faults."""
    return _survives(subject, "survives_duplicates", [Duplicate(probability=0.5, delay="0..5")])


def survives_loss(subject: ProtocolSubject) -> bool:
    """With lost messages it ends where it ends without faults."""
    return _survives(subject, "survives_loss", [Loss(probability=0.3)])


def survives_delay(subject: ProtocolSubject) -> bool:
    """With messages that are late and overtake each other it ends where it ends without faults."""
    return _survives(subject, "survives_delay", [Delay(ticks="0..5")])


def survives_everything_together(subject: ProtocolSubject) -> bool:
    """With loss, delay and duplicates together it ends where it ends without faults."""
    return _survives(subject, "survives_everything_together", rough_weather())


def _survives(subject: ProtocolSubject, check: str, faults: list[Fault]) -> bool:
    stops_without_faults(subject)
    run, calm = subject.run(faults), subject.calm
    given = ", ".join(f"{fault.kind} {getattr(fault, fault.value)}" for fault in faults) + f", seed {subject.seed}"
    if not run.finished:
        got = f"not stopped after {run.tick} ticks: {_residuals(run)}"
        raise subject.error(check, given, got, f"a stop within {subject.ticks} ticks")
    right, protocol = calm.state.price, subject.protocol
    off = np.abs(run.state.price - right)
    allowed = LENIENCY * (protocol.eps_abs + protocol.eps_rel * np.abs(right))
    if not (off <= allowed).all():
        balance, period = np.unravel_index(int(np.argmax(off - allowed)), off.shape)
        where = subject.market.topology.balances[int(balance)]
        got = f"price {shown(run.state.price[balance, period])} of {where}, period {period}, after {run.tick} ticks"
        wanted = f"{shown(right[balance, period])}, as without faults, to {float(allowed[balance, period]):.3g} $/kWh"
        raise subject.error(check, given, got, wanted)
    return True


def _residuals(run: Simulation) -> str:
    latest = run.observer.latest
    prices = shown(run.state.price)
    return f"round {latest['round']:g}, imbalance {latest['primal_residual']:.3g} kW, prices {prices} $/kWh"


def _same_run(subject: ProtocolSubject, check: str, one: Simulation, two: Simulation, given: str) -> bool:
    """Refuse two runs whose messages differ in a bit; says where first."""
    said = [sorted(run.journal.said, key=lambda batch: (batch.sent, batch.kind.name)) for run in (one, two)]
    for then, now in zip(*said, strict=False):
        if (difference := _difference(one.market, then, now)) is not None:
            raise subject.error(check, given, difference, "the same run to the last bit")
    ends = [(run.tick, run.finished, len(batches)) for run, batches in zip((one, two), said, strict=True)]
    if ends[0] != ends[1]:
        got = "{} ticks, stopped: {}, {} batches of messages".format(*ends[1])
        raise subject.error(check, given, got, "{} ticks, stopped: {}, {} batches".format(*ends[0]))
    for name in ("price", "row_price"):  # the latter only where a price has several copies
        ours, theirs = getattr(one.state, name), getattr(two.state, name)
        if ours is not None and not same_bits(ours, theirs):
            raise subject.error(check, given, f"final {name} {shown(theirs)}", f"{shown(ours)}, to the last bit")
    return True


def _difference(market: Market, then: MessageBatch, now: MessageBatch) -> str | None:
    if (then.sent, then.kind.name) != (now.sent, now.kind.name):
        return f"{now.kind.name!r} in tick {now.sent}, where {then.kind.name!r} in tick {then.sent} was said before"
    if not np.array_equal(then.channel, now.channel):
        return f"tick {now.sent}: {len(now)} messages {now.kind.name!r}, before {len(then)}, or on other channels"
    if same_bits(then.values, now.values):
        return None
    row, column = np.argwhere((then.values != now.values) | (np.signbit(then.values) != np.signbit(now.values)))[
        0
    ].tolist()
    who = market.topology.name(int(market.topology.channels.sender[now.channel[row]]))
    numbers = f"{shown(now.values[row, column])}, before {shown(then.values[row, column])}"
    return f"tick {now.sent}: {now.kind.name!r} of {who} says {numbers}"

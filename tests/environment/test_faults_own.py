"""A user's own fault: one class, in a schedule like any other."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from pydantic import Field, ValidationError

from gridparley.environment import Fate, FaultError, Outbox, Transport
from gridparley.environment.errors import FaultCodeError
from gridparley.environment.faults import Crash, Delay, Fault, Loss, Slow, Stage, fault_types

from .conftest import KINDS, channel_names, fates, news, outbox, send_through, topology

TOWN = topology("A-B", load=20)


class Lottery(Fault):
    """Loses a message with one draw and delays it with another."""

    kind: ClassVar[str] = "lottery"
    stage: ClassVar[Stage] = Stage.DELAY

    lose: float = Field(ge=0, le=1)
    late: int = Field(default=0, ge=0)

    def on_send(self, envelopes, chance):
        kept = envelopes.take(chance(envelopes) >= self.lose)
        return kept.delay(np.where(chance(kept) < 0.5, self.late, 0))


class Wall(Fault):
    """Stops whatever arrives."""

    kind: ClassVar[str] = "wall"
    stage: ClassVar[Stage] = Stage.PARTITION

    def on_deliver(self, envelopes, chance):
        return envelopes.take(np.zeros(len(envelopes), dtype=bool))


class Scramble(Fault):
    """Puts another number into every payload, in a block of its own."""

    stage = Stage.CORRUPTION

    def on_deliver(self, envelopes, chance):
        return envelopes.rewrite(lambda batch, at: -1.0 - batch.values)


def test_it_is_known_by_its_kind():
    assert fault_types()["lottery"] is Lottery
    assert fault_types()["wall"] is Wall


def test_it_takes_parameters_a_scope_and_a_window_like_any_other():
    fault = Lottery(lose=0.5, late=3, agent="A.load", end=9)
    assert fault.name == "lottery agent=A.load to=9"
    left = fates(send_through([fault], TOWN), TOWN)
    here = [ticks for name, ticks in left.items() if "A.load" in str(name)]
    there = [ticks for name, ticks in left.items() if "A.load" not in str(name)]
    assert {tuple(ticks) for ticks in here} == {(), (1,), (4,)}
    assert {tuple(ticks) for ticks in there} == {(1,)}
    with pytest.raises(ValidationError, match="lose"):
        Lottery(lose=2)


def test_its_draws_are_independent_of_each_other():
    # Were the second draw the first again, none of those kept at lose = 0.5 would be late.
    left = send_through([Lottery(lose=0.5, late=3)], TOWN)
    assert set(left.due_ticks.tolist()) == {1, 4}


def test_it_does_not_move_the_draws_of_others():
    alone = send_through([Loss(probability=0.5)], TOWN)
    beside = send_through([Loss(probability=0.5), Lottery(lose=0, late=0)], TOWN)
    assert beside.channel.tolist() == alone.channel.tolist()


def test_what_it_stops_on_arrival_is_counted_under_its_name():
    t = Transport(TOWN, KINDS, [Wall(agent="B.load", end=3), Delay(ticks=1, agent="B.load.0")])
    t.accept(outbox(news(TOWN)))
    (batch,) = t.deliver(1)
    stopped = [row for row in t.journal.rows if row[2] == Fate.STOPPED]
    assert stopped == [(1, "news", Fate.STOPPED, "wall agent=B.load to=3", 38)]
    assert not [
        name for number, name in enumerate(channel_names(TOWN)) if "B.load" in str(name) and number in batch.channel
    ]
    assert t.deliver(2) == []


def test_a_window_on_arrival_counts_from_the_tick_of_arrival():
    t = Transport(TOWN, KINDS, [Wall(start=3, end=4), Delay(ticks="1..3")])
    t.accept(outbox(news(TOWN)))
    arrived = {tick: sum(map(len, t.deliver(tick))) for tick in range(1, 6)}
    assert [bool(arrived[tick]) for tick in range(1, 6)] == [False, True, False, True, False]


def test_what_it_changes_in_its_scope_leaves_the_rest_and_the_sender_s_own_array_alone():
    t = Transport(TOWN, KINDS, [Scramble(name="scramble", agent="A.load.3")])
    said = news(TOWN)
    before = said.payload.copy()
    t.accept(outbox(said))
    (batch,) = t.deliver(1)
    names = channel_names(TOWN)
    for number, value in zip(batch.channel.tolist(), batch.values.ravel().tolist(), strict=True):
        assert value == (-1.0 - number if "A.load.3" in names[number] else number)
    assert np.array_equal(said.payload, before)


class Swap(Fault):
    """Loses the first half of what is sent and has the second half three times."""

    def on_send(self, envelopes, chance):
        half = len(envelopes) // 2
        return envelopes.take(np.repeat(np.arange(half, len(envelopes)), 3))


def test_what_it_drops_and_copies_in_one_call_is_counted_apart():
    t = Transport(TOWN, KINDS, [Swap(name="swap")])
    said = news(TOWN)
    t.accept(outbox(said))  # the books balance, or this raises
    half = len(said) // 2
    assert t.journal.totals[Fate.LOST] == half
    assert t.journal.totals[Fate.COPIED] == 2 * (len(said) - half)
    assert t.in_flight == 3 * (len(said) - half)


@pytest.mark.parametrize("scope", [{}, {"agent": "A.load.3"}])
@pytest.mark.parametrize("method", ["on_send", "on_deliver"])
def test_one_that_returns_nothing_is_named(method, scope):
    class Forgetful(Fault):
        pass

    setattr(Forgetful, method, lambda self, envelopes, chance: None)
    Forgetful.stage = Stage.LOSS if method == "on_send" else Stage.PARTITION
    t = Transport(TOWN, KINDS, [Forgetful(name="oops", **scope)])
    with pytest.raises(FaultError, match=r"fault 'oops': Forgetful\.on_\w+ returned NoneType; wanted Envelopes"):
        carry(t)


def carry(transport):
    transport.accept(outbox(news(TOWN)))
    transport.deliver(1)


class Idle(Fault):
    """Writes nothing that is ever called."""


class Misplaced(Fault):
    """Written for arrival, declared for sending."""

    stage: ClassVar[Stage] = Stage.DELAY

    def on_deliver(self, envelopes, chance):
        return envelopes


class TwoFaced(Fault):
    """Acts at two stages, of which a fault has one."""

    def on_send(self, envelopes, chance):
        return envelopes

    on_deliver = on_send


class Amnesia(Fault):
    """Wipes the memory of agents that it never puts to sleep."""

    def on_send(self, envelopes, chance):
        return envelopes

    def wipes_memory(self, tick):
        return True


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (Idle, "Idle would never be called: its stage LOSS calls on_send .*, and it overrides none of them"),
        (Misplaced, "Misplaced would never be called: its stage DELAY calls on_send .*, and it overrides on_deliver"),
        (TwoFaced, "TwoFaced.on_deliver would never be called: its stage LOSS calls on_send; make it two faults"),
        (Amnesia, "Amnesia.wipes_memory would never be called"),
    ],
)
def test_one_that_would_never_be_called_is_refused_when_it_is_built(wrong, says):
    with pytest.raises(ValidationError, match=says):
        wrong(name="wrong")


def test_it_acts_where_the_method_that_it_writes_is_called():
    class Sent(Fault):
        def on_send(self, envelopes, chance):
            return envelopes

    class Arrived(Fault):
        def on_deliver(self, envelopes, chance):
            return envelopes

    class Nap(Fault):
        def puts_to_sleep(self, tick):
            return True

    class Later(Sent):
        stage: ClassVar[Stage] = Stage.DELAY

    assert [kind.stage for kind in (Sent, Arrived, Nap, Later)] == [
        Stage.LOSS,
        Stage.PARTITION,
        Stage.CRASH,
        Stage.DELAY,
    ]
    for kind in (Sent, Arrived, Nap, Later):
        kind(name="right")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (lambda self, e, chance: 1 / 0, "Bad.on_send raised ZeroDivisionError: division by zero"),
        (lambda self, e, chance: e.delay(np.ones(3, dtype=int)), r"raised MessageError: delays of shape \(3,\)"),
        (lambda self, e, chance: e.delay(np.full(len(e), 1.5)), "raised MessageError: delays .* type float64"),
        (lambda self, e, chance: e.delay(-np.ones(len(e), dtype=int)), "raised MessageError: a delay of -1 ticks"),
        (lambda self, e, chance: e.take(np.ones(3, dtype=bool)), r"raised MessageError: a mask of shape \(3,\)"),
        (lambda self, e, chance: e.take(chance() < 0.5), "raised TypeError: .*missing 1 required positional argument"),
        (lambda self, e, chance: e.take(chance(3) < 0.5), "raised AttributeError"),
        (lambda self, e, chance: chance(e) < 0.5, "returned ndarray; wanted Envelopes"),
        (
            lambda self, e, chance: replace(e, due=np.ones(3, dtype=np.int32)),
            r"returned channel .*, due of shape \(3,\)",
        ),
        (lambda self, e, chance: sys.exit(3), "raised SystemExit: 3"),
        (lambda self, e, chance: raise_it(KeyboardInterrupt()), "raised KeyboardInterrupt"),
    ],
)
def test_one_whose_code_fails_is_named_with_its_method_and_line(body, says):
    class Bad(Fault):
        on_send = body

    with pytest.raises(FaultCodeError, match=f"fault 'bad': .*{says}") as told:
        carry(Transport(TOWN, KINDS, [Bad(name="bad")]))
    culprit = told.value.culprit
    assert (culprit.kind.__name__, culprit.method, culprit.file) == ("Bad", "on_send", __file__)
    line = Path(__file__).read_text().splitlines()[culprit.line - 1].strip()
    assert (
        line == "raise error"
        if "KeyboardInterrupt" in says
        else line.removeprefix("(").startswith("lambda self, e, chance")
    )


def raise_it(error):
    raise error


def test_a_fault_that_changed_nothing_has_not_acted():
    faults = [
        Loss(probability=0.0),
        Loss(probability=1.0, name="all", agent="A.load.0"),
        Delay(ticks=0),
        Delay(ticks=2, name="2"),
        Scramble(name="scramble"),
        Wall(name="wall", start=50),
        Crash(agent="A.load.1"),
        Slow(agent="A.load.2", start=9),
    ]
    t = Transport(TOWN, KINDS, faults, check=False)  # nobody hears, so the books do not balance
    for tick in range(6):
        t.deliver(tick)
        t.schedule.asleep(tick)
        t.accept(outbox(news(TOWN, tick)) if tick < 2 else Outbox(tick))
    assert t.schedule.acted == {"all": 0, "2": 0, "scramble": 3, "crash agent=A.load.1": 0}
    assert t.schedule.changed([*faults, Loss(probability=1.0, name="new")]).acted == t.schedule.acted


def test_a_kind_of_fault_that_builds_on_another_does_not_take_its_name():
    class HeavyLoss(Loss):
        pass

    assert fault_types()["loss"] is Loss
    assert issubclass(HeavyLoss, Loss)


class Far(Fault):
    """Loses a message the more likely, the farther apart the homes of its ends are."""

    per_km: float
    distance: tuple[tuple[float, ...], ...]  # km, between homes

    def on_send(self, envelopes, chance):
        sender, receiver = chance.homes(envelopes)
        return envelopes.take(chance(envelopes) >= self.per_km * np.array(self.distance)[sender, receiver])


def test_a_fault_may_depend_on_where_sender_and_receiver_are():
    where = topology("A-B B-C", load=2)
    apart = ((0, 1, 0), (1, 0, 0), (0, 0, 0))  # only A and B are far from each other
    left = set(send_through([Far(name="far", per_km=1, distance=apart)], where).channel.tolist())
    lost = {name[:2] for number, name in enumerate(channel_names(where)) if number not in left}
    assert lost == {one for one in ((n[0], n[1]) for n in channel_names(where)) if {one[0][0], one[1][0]} == {"A", "B"}}

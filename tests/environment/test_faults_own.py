"""A user's own fault: one class, in a schedule like any other."""

from typing import ClassVar

import numpy as np
import pytest
from pydantic import Field, ValidationError

from gridparley.environment import Fate, FaultError, Transport
from gridparley.environment.faults import Delay, Fault, Loss, Stage, fault_types

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
@pytest.mark.parametrize("base", [Fault, Wall])
def test_one_that_returns_nothing_is_named(base, scope):
    class Forgetful(base):
        def on_send(self, envelopes, chance):
            envelopes.take(chance(envelopes) < 0.5)

        on_deliver = on_send

    t = Transport(TOWN, KINDS, [Forgetful(name="oops", **scope)])
    with pytest.raises(FaultError, match=r"fault 'oops': Forgetful\.on_\w+ returned NoneType; wanted Envelopes"):
        carry(t)


def carry(transport):
    transport.accept(outbox(news(TOWN)))
    transport.deliver(1)


def test_a_fault_that_does_nothing_changes_nothing():
    class Idle(Fault):
        pass

    assert send_through([Idle(name="idle")], TOWN).channel.tolist() == list(range(len(TOWN.channels)))


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

"""The transport: what it refuses, and that whatever the faults do, no message appears or vanishes unseen."""

import re
from dataclasses import replace

import numpy as np
import pytest

from gridparley.environment import Fate, FaultError, Field, Journal, Kind, MessageError, Outbox, Transport
from gridparley.environment.errors import ConservationError, FaultCodeError
from gridparley.environment.faults import Delay, Fault, Stage
from gridparley.environment.topology.channels import Link

from .conftest import BID, ECHO, KINDS, NEWS, PRICE, channel, news, outbox, topology

TOWN = topology("A-B", load=2)


def transport(*faults, **options):
    return Transport(TOWN, KINDS, faults, **options)


def accept(*batches, tick=0, **options):
    t = transport(**options)
    t.accept(outbox(*batches, tick=tick))
    return t


def test_every_message_takes_one_tick():
    t = accept(news(TOWN))
    assert t.deliver(0) == []
    assert t.in_flight == len(TOWN.channels)
    (batch,) = t.deliver(1)
    assert batch.channel.tolist() == list(range(len(TOWN.channels)))
    assert t.in_flight == 0
    assert t.deliver(2) == []


def test_kinds_arrive_by_name_and_within_a_kind_the_oldest_first():
    t = transport(Delay(ticks=2, message="news", end=1))
    for tick in range(3):
        t.accept(outbox(news(TOWN, tick), news(TOWN, tick, kind=ECHO), tick=tick))
        arrived = t.deliver(tick + 1)
        for batch in arrived:
            t.journal.count(tick + 1, batch.kind.name, Fate.DELIVERED, len(batch))
    assert [(batch.kind.name, batch.sent) for batch in arrived] == [("echo", 2), ("news", 0), ("news", 2)]


@pytest.mark.parametrize("number", [-1, len(TOWN.channels), 10_000])
def test_a_channel_that_does_not_exist_is_refused(number):
    with pytest.raises(MessageError, match=f"'news' on channel {number}: .*channels 0 to {len(TOWN.channels) - 1}"):
        accept(news(TOWN, channels=[0, 1, number]))


def test_two_messages_of_a_kind_on_one_channel_in_one_tick_are_refused():
    lane = channel(TOWN, "A.load.1", "A.virtual", "A")
    one = news(TOWN, 4, [lane])
    with pytest.raises(MessageError, match=re.escape("'news' in tick 4 on A.load.1 -> A.virtual: one is allowed")):
        accept(one, one, tick=4)


def test_two_messages_on_one_channel_are_refused_also_when_one_speaker_says_both():
    box = Outbox(0)
    box.send(NEWS, np.array([5, 3, 5], dtype=np.int32), np.zeros((3, 1)))
    with pytest.raises(MessageError, match="one is allowed"):
        transport().accept(box)


def test_messages_of_two_kinds_may_share_a_channel():
    assert accept(news(TOWN), news(TOWN, kind=ECHO)).in_flight == 2 * len(TOWN.channels)


@pytest.mark.parametrize(("kind", "link"), [(BID, Link.UP), (PRICE, Link.DOWN)])
def test_a_kind_travels_on_its_own_links_and_no_other(kind, link):
    for number in range(len(TOWN.channels)):
        batch = news(TOWN, channels=[number], kind=kind)
        if TOWN.channels.link[number] == link:
            assert accept(batch).in_flight == 1
        else:
            with pytest.raises(MessageError, match=f"kind '{kind.name}' may not travel on [AB].* -> [AB]"):
                accept(batch)


@pytest.mark.parametrize(
    "kind", [Kind("gossip", (Link.UP,), BID.fields), Kind("bid", (Link.UP,), (Field("x", 1, "W"),))]
)
def test_a_kind_that_the_protocol_did_not_declare_is_refused(kind):
    with pytest.raises(MessageError, match=f"'{kind.name}' is not one of this protocol's: price, bid, news, echo"):
        accept(news(TOWN, channels=[channel(TOWN, "A.load.0", "A.virtual", "A")], kind=kind))


def test_an_outbox_that_is_refused_leaves_nothing_in_flight():
    t = transport()
    with pytest.raises(MessageError):
        t.accept(outbox(news(TOWN, channels=[99_999])))
    assert (t.in_flight, t.journal.rows) == (0, [])


def test_a_transport_that_drops_a_message_is_found_out():
    class Leaky(Transport):
        def _enter(self, due, batch):
            super()._enter(due, batch.take(np.arange(1, len(batch))))

    with pytest.raises(ConservationError, match=r"tick 0: sent 18, .*in flight 17: 18 went in, 17 are accounted for"):
        Leaky(TOWN, KINDS).accept(outbox(news(TOWN)))


def test_a_transport_that_makes_up_a_message_is_found_out():
    class Echoing(Transport):
        def _enter(self, due, batch):
            super()._enter(due, batch)
            super()._enter(due, batch.take(np.array([0])))

    with pytest.raises(ConservationError, match="in flight 19"):
        Echoing(TOWN, KINDS).accept(outbox(news(TOWN)))


def test_a_delivery_that_nobody_counts_is_found_out_in_the_next_tick():
    t = accept(news(TOWN))
    t.deliver(1)
    with pytest.raises(ConservationError, match=r"tick 1: sent 18, .*delivered 0, .*in flight 0"):
        t.accept(Outbox(1))


def test_the_check_can_be_left_out():
    t = accept(news(TOWN), check=False)
    t.deliver(1)
    t.accept(Outbox(1))


class Hasty(Fault):
    """A broken fault: it makes messages arrive in the tick in which they are sent."""

    stage = Stage.DELAY

    def on_send(self, envelopes, chance):
        return replace(envelopes, due=envelopes.sent)


class Whisper(Fault):
    """A broken fault: it rewrites messages at a stage at which no receiver expects it."""

    def on_send(self, envelopes, chance):
        return envelopes.rewrite(lambda batch, at: 0.5 * batch.values)


def test_a_fault_that_delivers_too_early_is_refused_by_its_name():
    with pytest.raises(FaultError, match="fault 'hasty': a message sent in tick 0 is due in tick 0; wanted 1 or later"):
        transport(Hasty(name="hasty")).accept(outbox(news(TOWN)))


def test_a_fault_that_rewrites_messages_says_so_by_its_stage():
    with pytest.raises(
        FaultCodeError, match=r"Whisper\.on_send rewrites messages; only a fault of stage CORRUPTION"
    ) as told:
        transport(Whisper(name="whisper")).accept(outbox(news(TOWN)))
    assert (told.value.culprit.file, told.value.culprit.method) == (__file__, "on_send")


class Encore(Fault):
    """A fault that makes copies on arrival rather than on sending."""

    stage = Stage.CORRUPTION

    def on_deliver(self, envelopes, chance):
        return envelopes.take(np.repeat(np.arange(len(envelopes)), 2))


def test_copies_made_on_arrival_are_counted_as_copies():
    t = transport(Encore(name="encore"))
    t.accept(outbox(news(TOWN)))
    (batch,) = t.deliver(1)
    assert len(batch) == 36
    assert (t.journal.totals[Fate.COPIED], t.journal.totals[Fate.STOPPED]) == (18, 0)


def test_the_journal_keeps_every_message_on_request():
    t = transport(journal=Journal(keep_messages=True))
    t.accept(outbox(news(TOWN), news(TOWN, kind=ECHO)))
    arrived = t.deliver(1)
    assert [(b.kind.name, len(b)) for b in t.journal.said] == [("echo", 18), ("news", 18)]
    assert t.journal.heard == [(1, batch) for batch in arrived]
    assert not transport().journal.keep_messages

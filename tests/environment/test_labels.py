"""Labels: messages of one kind are counted, and chosen by faults, by what their channel is about."""

from dataclasses import replace

import numpy as np
import pytest

from gridparley.environment import Fate, FaultError, Field, Kind, MessageError, Outbox, Transport
from gridparley.environment.faults import Delay, Duplicate, FaultSchedule, Loss, Partition
from gridparley.environment.labels import Labels
from gridparley.environment.remembered import fixed
from gridparley.environment.topology.channels import Link

from .conftest import KINDS, NEWS, news, outbox, topology

ASK = Kind("ask", tuple(Link), (Field("price", 1, "$/kWh"),), ("price", "transfer_price", "trade_price", "price"))
ANSWER = Kind("answer", tuple(Link), (Field("x", 1, "kW"),), ("bid", "transfer", "trade", "bid"))
BOTH = (ASK, ANSWER, NEWS)


def labelled(about=None):
    """Two pairs of microgrids with 20 channels, about 0, 1, 2, 3, 0, 1, ..."""
    town = topology("A-B C-D")
    n = len(town.channels)
    marks = np.arange(n) % 4 if about is None else np.full(n, about)
    return replace(town, channels=replace(town.channels, about=fixed(marks.astype(np.int8))))


TOWN = labelled()


def counts(*faults, kinds=BOTH, deliver=()):
    """What the journal counts of one message of each kind on each channel, by label, fate and reason."""
    transport = Transport(TOWN, BOTH, faults, check=not deliver)
    transport.accept(outbox(*(news(TOWN, kind=kind) for kind in kinds)))
    for tick in deliver:
        transport.deliver(tick)
    found = {}
    for _, label, fate, reason, number in transport.journal.rows:
        found[label, fate, reason] = found.get((label, fate, reason), 0) + number
    return found


def test_what_is_sent_is_counted_by_what_its_channel_is_about():
    assert counts(kinds=[ASK, NEWS]) == {
        ("price", Fate.SENT, ""): 10,  # of two sorts that share a label
        ("transfer_price", Fate.SENT, ""): 5,
        ("trade_price", Fate.SENT, ""): 5,
        ("news", Fate.SENT, ""): 20,  # without labels the name of the kind
    }


def ended(*faults, **options):
    return {key: number for key, number in counts(*faults, **options).items() if key[1] is not Fate.SENT}


def test_a_fault_chooses_by_label_and_is_counted_by_it():
    assert ended(Loss(probability=1, message="transfer", name="x")) == {("transfer", Fate.LOST, "x"): 5}
    assert ended(Loss(probability=1, message="bid", name="x")) == {("bid", Fate.LOST, "x"): 10}
    assert ended(Delay(ticks=1, message="trade_price")) == {("trade_price", Fate.LATE, ""): 5}
    assert ended(Duplicate(probability=1, message="price", name="x")) == {("price", Fate.COPIED, "x"): 10}


def test_a_fault_on_a_kind_hits_all_its_labels():
    assert ended(Loss(probability=1, message="ask", name="x")) == {
        ("price", Fate.LOST, "x"): 10,
        ("transfer_price", Fate.LOST, "x"): 5,
        ("trade_price", Fate.LOST, "x"): 5,
    }


def test_a_label_and_an_agent_together_mean_both():
    c = TOWN.channels
    here = (c.receiver == TOWN.address("A.operator")) | (c.sender == TOWN.address("A.operator"))
    number = int(np.count_nonzero(here & (c.about == 1)))
    found = ended(Loss(probability=1, message="transfer", agent="A.operator", name="x"))
    assert found == {("transfer", Fate.LOST, "x"): number}


def test_copies_that_are_lost_and_what_is_stopped_are_counted_by_label():
    found = ended(
        Duplicate(probability=1, name="twice"), Loss(probability=1, message="trade", name="lost"), kinds=[ANSWER]
    )
    assert found == {
        ("bid", Fate.COPIED, "twice"): 10,
        ("transfer", Fate.COPIED, "twice"): 5,
        ("trade", Fate.COPIED, "twice"): 5,
        ("trade", Fate.LOST, "lost"): 10,
    }
    cut = Partition(groups=("A.*", "B.*"), message="transfer", name="cut")
    home, c = TOWN.home, TOWN.channels
    number = int(np.count_nonzero((home[c.sender] != home[c.receiver]) & (c.about == 1)))
    assert ended(cut, kinds=[ASK, ANSWER], deliver=[1]) == {("transfer", Fate.STOPPED, "cut"): number}


def test_what_is_copied_without_a_mark_is_counted_by_label_too():
    class Twice(Loss):
        def on_send(self, envelopes, chance):
            return envelopes.take(np.repeat(np.arange(len(envelopes)), 2))

    found = ended(Twice(probability=0, message="transfer", name="x"))
    assert found == {("transfer", Fate.COPIED, "x"): 5}


def test_labels_move_no_draw():
    plain = topology("A-B C-D")
    bare = tuple(replace(kind, labels=()) for kind in BOTH)
    fates = []
    for town, kinds in ((plain, bare), (TOWN, BOTH)):
        transport = Transport(town, kinds, [Loss(probability=0.5), Delay(ticks="0..3")], check=False)
        transport.accept(outbox(*(news(town, kind=kind) for kind in kinds)))
        arrived = [(tick, batch) for tick in range(1, 5) for batch in transport.deliver(tick)]
        fates.append([(tick, batch.kind.name, batch.channel.tolist()) for tick, batch in arrived])
    assert fates[0] == fates[1]


def test_a_name_that_no_message_has_is_refused_with_all_that_there_are():
    names = "price, transfer_price, trade_price, bid, transfer, trade, news, ask, answer"
    assert ", ".join(Labels(TOWN, BOTH).names) == names
    with pytest.raises(FaultError, match=f"no message is called 'gossip'; this protocol has {names}"):
        FaultSchedule([Loss(probability=1, message="gossip")], TOWN, BOTH, 0)
    assert Labels(TOWN, KINDS).names == ("price", "bid", "news", "echo")


@pytest.mark.parametrize("about", [-1, 4])
def test_a_kind_needs_a_label_for_whatever_its_channels_are_about(about):
    with pytest.raises(MessageError, match=rf"kind 'ask' has no label {about}: its labels are price, transfer_price"):
        Transport(labelled(about), BOTH)
    Transport(labelled(about), [NEWS])  # one without labels needs none


def test_channels_that_come_again_are_looked_at_once(monkeypatch):
    looked = []
    channel = fixed(np.arange(len(TOWN.channels), dtype=np.int32))
    transport = Transport(TOWN, BOTH, check=False)
    make = transport.labels._by_about._make
    monkeypatch.setattr(transport.labels._by_about, "_make", lambda *arrays: looked.append(1) or make(*arrays))
    for tick in range(5):
        box = Outbox(tick)
        box.send(ASK, channel, np.zeros((len(channel), 1)))
        transport.accept(box)
    assert looked == [1]
    assert transport.journal.by_label["price", Fate.SENT] == 50

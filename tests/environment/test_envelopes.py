"""Mail: all kinds of a tick go through the faults together, and nothing shows that they did."""

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridparley.environment import Journal, Transport
from gridparley.environment.envelopes import Mail
from gridparley.environment.faults import BurstLoss, Delay, Duplicate, Loss, Partition, RateLimit, Reorder

from .conftest import BID, ECHO, KINDS, NEWS, PRICE, news, outbox, topology

TOWN = topology("A-B B-C", load=4)
C = TOWN.channels
ALIKE = (
    Loss(probability=0.3),
    Delay(ticks="0..3"),
    Delay(mean=2.0, name="far"),
    Duplicate(probability=0.4),
    Duplicate(probability=0.3, copies=2, delay="0..2", name="twice more"),
    BurstLoss(worsen=0.3),
    Reorder(probability=0.5, window=3),
    Delay(ticks=5, start=1, end=2, name="window"),
)


def said(tick, which):
    """Some messages of some kinds: prices go down, bids up, news and echoes anywhere."""
    batches = []
    for kind, lanes in ((PRICE, C.down[C.down >= 0]), (BID, C.up[C.up >= 0]), (NEWS, range(len(C))), (ECHO, range(3))):
        lanes = [lane for lane in lanes if which(kind.name, int(lane))]
        batches += [news(TOWN, tick, lanes, kind)] if lanes else []
    return outbox(*batches, tick=tick)


def carried(faults, which, *, apart, ticks=3):
    """Everything that arrives, message by message, and what the journal counted."""
    journal = Journal(keep_messages=True)
    journal.events = [] if apart else None  # whoever wants every event is told kind by kind
    transport = Transport(TOWN, KINDS, faults, seed=3, journal=journal, check=False)
    for tick in range(ticks):
        transport.accept(said(tick, which))
    arrived = []
    for tick in range(1, transport.last_due + 1):
        for batch in transport.deliver(tick):
            copies = np.zeros(len(batch)) if batch.copy is None else batch.copy
            assert (batch.due_ticks == tick).all()
            lines = zip(batch.channel.tolist(), copies.tolist(), batch.values.tolist(), strict=True)
            arrived.append((tick, batch.kind.name, batch.sent, list(lines)))
    rows = {}
    for tick, kind, fate, reason, number in journal.rows:
        rows[tick, kind, fate, reason] = rows.get((tick, kind, fate, reason), 0) + number
    return arrived, rows


@pytest.mark.slow
@given(st.sets(st.sampled_from(ALIKE)), st.integers(0, 2**16))
@settings(max_examples=100, deadline=None)
def test_together_or_kind_by_kind_every_message_has_the_same_fate(faults, salt):
    def which(kind, lane):
        return (salt >> (lane + len(kind)) % 16) % 4 > 0

    assert carried(faults, which, apart=False) == carried(faults, which, apart=True)


def together(*faults):
    return Transport(TOWN, KINDS, faults)._alike(said(0, lambda kind, lane: True).batches())


def test_what_looks_at_the_kind_or_has_a_scope_is_asked_kind_by_kind():
    class Fussy(Loss):
        """A loss that looks at the kind, and did not say that it does not."""

    assert together(*ALIKE)
    assert together(ALIKE[0], Partition(groups=("A.*", "B.*")))  # acts on arrival
    assert not together()
    assert not together(*ALIKE, RateLimit(rate=1))  # the queue is filled kind after kind
    assert not together(Loss(probability=0.1, message="bid"))
    assert not together(Loss(probability=0.1, agent="A.*"))
    assert not together(Fussy(probability=0.1))


def test_a_fault_sees_every_kind_at_once():
    seen = []

    class Nosy(Loss):
        any_kind: ClassVar[bool] = True

        def on_send(self, batch, chance):
            seen.append(batch)
            return super().on_send(batch, chance)

    transport = Transport(TOWN, KINDS, [Nosy(probability=0.5)])
    transport.accept(said(0, lambda kind, lane: True))
    (mail,) = seen
    assert isinstance(mail, Mail)
    assert mail.sizes.tolist() == [len(batch) for batch in said(0, lambda kind, lane: True).batches()]


@pytest.mark.parametrize("ticks", [0, 1, 5_000])
def test_a_mail_comes_apart_by_due_tick_and_kind(ticks):
    batches = said(4, lambda kind, lane: lane % 2 == 0).batches()
    late = np.arange(sum(map(len, batches))) % 2 * ticks
    mail = Mail.of(batches).delay(late)
    split = mail.split()
    assert [(due, part.kind.name) for due, part in split] == [
        (5 + extra, batch.kind.name) for extra in sorted({0, ticks}) for batch in batches
    ]
    assert sum(len(part) for _, part in split) == len(mail)
    for due, part in split:
        assert (part.due_ticks == due).all()
        assert (part.values == np.repeat(part.channel[:, None], part.kind.width, axis=1)).all()
        assert (np.diff(part.channel) > 0).all()

"""Envelopes: all kinds of a tick go through the faults together, and nothing shows that they did."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridparley.environment import Journal, MessageBatch, MessageError, Transport
from gridparley.environment.envelopes import Envelopes
from gridparley.environment.faults import (
    BurstLoss,
    Corrupt,
    Crash,
    Delay,
    Duplicate,
    Loss,
    Partition,
    RateLimit,
    Reorder,
)

from .conftest import BID, ECHO, KINDS, NEWS, PRICE, news, outbox, topology

TOWN = topology("A-B B-C", load=4)
C = TOWN.channels
UP, DOWN = range(C.rows), range(C.rows, 2 * C.rows)
EVERYTHING = (
    Loss(probability=0.3),
    Loss(probability=0.5, message="bid"),
    Loss(probability=0.5, agent="A.*", name="at home"),
    Delay(ticks="0..3"),
    Delay(mean=2.0, name="far", message="news", agent="*.operator"),
    Duplicate(probability=0.4),
    Duplicate(probability=0.3, copies=2, delay="0..2", name="twice more", message="echo"),
    BurstLoss(worsen=0.3),
    Reorder(probability=0.5, window=3),
    Delay(ticks=5, start=1, end=2, name="window"),
    Partition(groups=("A.*", "B.*"), start=2, end=4),
    Crash(agent="C.load.1", start=3, end=5),
    Corrupt(probability=0.4, mode="scale"),
    Corrupt(probability=0.4, mode="replay", agent="B.virtual", name="again"),
)


def said(tick, which, kinds=KINDS):
    """Some messages of some kinds: prices go down, bids up, news and echoes anywhere."""
    batches = []
    for kind, lanes in ((PRICE, DOWN), (BID, UP), (NEWS, range(len(C))), (ECHO, range(3))):
        lanes = [lane for lane in lanes if which(kind.name, int(lane))]
        batches += [news(TOWN, tick, lanes, kind)] if lanes and kind in kinds else []
    return outbox(*batches, tick=tick)


def carried(faults, which, kinds, ticks=5):
    """Everything of some kinds that arrives, message by message, and what the journal counted."""
    journal = Journal(keep_messages=True)
    transport = Transport(TOWN, KINDS, faults, seed=3, journal=journal, check=False)
    arrived = []
    for tick in range(60):
        for batch in transport.deliver(tick):
            assert (batch.due_ticks == tick).all()
            lines = zip(batch.channel.tolist(), batch.copies.tolist(), batch.values.tolist(), strict=True)
            arrived.append((batch.kind.name, tick, batch.sent, list(lines)))
        if tick < ticks:
            transport.accept(said(tick, which, kinds))
    assert not transport.in_flight
    rows = {}
    for tick, kind, fate, reason, number in journal.rows:
        rows[kind, tick, fate, reason] = rows.get((kind, tick, fate, reason), 0) + number
    return sorted(arrived), rows


@pytest.mark.slow
@given(st.sets(st.sampled_from(EVERYTHING)), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_together_or_kind_by_kind_every_message_has_the_same_fate(faults, salt):
    def which(kind, lane):
        return (salt >> (lane + len(kind)) % 16) % 4 > 0

    arrived, rows = carried(faults, which, KINDS)
    alone = [carried(faults, which, [kind]) for kind in KINDS]
    assert arrived == sorted(batch for some, _ in alone for batch in some)
    assert rows == {key: number for _, some in alone for key, number in some.items()}


def test_a_narrow_channel_is_filled_kind_after_kind():
    transport = Transport(TOWN, KINDS, [RateLimit(rate=1, queue=1)], check=False)
    transport.accept(said(0, lambda kind, lane: True, [BID, NEWS, PRICE]))
    first, second = ({b.kind.name: set(b.channel.tolist()) for b in transport.deliver(tick)} for tick in (1, 2))
    up, down = set(UP), set(DOWN)
    assert first == {"bid": up, "news": set(range(len(C))) - up}
    assert second == {"news": up, "price": down}


def test_a_fault_sees_every_kind_at_once_and_once_a_tick():
    seen = []

    class Nosy(Loss):
        def on_send(self, envelopes, chance):
            seen.append(envelopes)
            return super().on_send(envelopes, chance)

    transport = Transport(TOWN, KINDS, [Nosy(probability=0.5)])
    transport.accept(said(0, lambda kind, lane: True))
    (all_of_them,) = seen
    batches = said(0, lambda kind, lane: True).batches()
    assert all_of_them.sizes.tolist() == [len(batch) for batch in batches]
    assert [batch.kind for batch in all_of_them.batches] == [batch.kind for batch in batches]


@pytest.mark.parametrize("ticks", [0, 1, 300, 70_000])
def test_they_come_apart_by_due_tick_and_kind(ticks):
    batches = said(4, lambda kind, lane: lane % 2 == 0).batches()
    late = np.arange(sum(map(len, batches))) % 2 * ticks
    split = Envelopes.of(batches).delay(late).by_due()
    assert [(due, part.kind.name) for due, part in split] == [
        (5 + extra, batch.kind.name) for extra in sorted({0, ticks}) for batch in batches
    ]
    assert sum(len(part) for _, part in split) == len(late)
    for due, part in split:
        assert (part.due_ticks == due).all()
        assert (part.values == np.repeat(part.channel[:, None], part.kind.width, axis=1)).all()
        assert (np.diff(part.channel) > 0).all()


def test_what_is_not_late_is_not_copied():
    batches = said(4, lambda kind, lane: True).batches()
    assert all(due == 5 for due, _ in Envelopes.of(batches).by_due())
    assert [id(batch) for _, batch in Envelopes.of(batches).by_due()] == list(map(id, batches))


def some(channels, *, kind=NEWS, sent=5, values=None, row=None, due=None, copy=None):
    """A batch whose messages say the numbers of their channels."""
    channel = np.array(channels, dtype=np.int32)
    payload = np.array(channels if values is None else values, dtype=float).reshape(-1, kind.width)
    due = None if due is None else np.array(due, dtype=np.int32)
    copy = None if copy is None else np.array(copy, dtype=np.uint64)
    return MessageBatch(kind, sent, channel, payload, row if row is None else np.array(row), due, copy)


def test_every_message_is_due_in_the_tick_after_its_own_unless_told_otherwise():
    both = Envelopes.of([some([3, 4]), some([3], kind=ECHO, sent=7)])
    assert both.sent.tolist() == [5, 5, 7]
    assert both.due_ticks.tolist() == [6, 6, 8]
    assert both.delay(np.array([0, 2, 1])).due_ticks.tolist() == [6, 8, 9]
    assert Envelopes.of([some([3, 4], due=[6, 9])]).delay(np.array([1, 2])).due_ticks.tolist() == [7, 11]
    assert Envelopes.of([some([1]), some([2], kind=ECHO, due=[9])]).due_ticks.tolist() == [6, 9]


def test_delay_leaves_the_envelopes_that_it_was_asked_of_alone():
    first = Envelopes.of([some([3, 4], due=[6, 9])])
    first.delay(np.array([1, 1]))
    assert first.due_ticks.tolist() == [6, 9]


@pytest.mark.parametrize("which", [np.array([False, True, True, False, True]), np.array([1, 2, 4])])
def test_take_keeps_channel_value_due_copy_and_batch_together(which):
    whole = Envelopes.of([some([2, 5, 9], due=[6, 7, 8], copy=[0, 0, 4]), some([1, 5], kind=ECHO)])
    left = whole.take(which)
    assert left.channel.tolist() == [5, 9, 5]
    assert left.due_ticks.tolist() == [7, 8, 6]
    assert left.copies.tolist() == [0, 4, 0]
    assert left.sizes.tolist() == [2, 1]
    assert [(piece.kind.name, piece.values.ravel().tolist()) for piece in left.pieces()] == [
        ("news", [5, 9]),
        ("echo", [5]),
    ]


def test_take_does_not_copy_payloads_and_may_repeat_messages():
    whole = Envelopes.of([some([2, 5, 9]), some([1, 5], kind=ECHO)])
    left = whole.take(np.array([0, 0, 2, 4])).take(np.array([1, 2, 3]))
    assert [piece.values.ravel().tolist() for piece in left.pieces()] == [[2, 9], [5]]
    assert all(piece.payload is batch.payload for piece, batch in zip(left.pieces(), whole.batches, strict=True))


def test_positions_in_any_order_leave_each_message_with_its_batch():
    whole = Envelopes.of([some([2, 5, 9]), some([1, 5], kind=ECHO)])
    turned = whole.take(np.arange(5)[::-1])
    assert [(p.kind.name, p.channel.tolist(), p.values.ravel().tolist()) for p in turned.pieces()] == [
        ("news", [9, 5, 2], [9, 5, 2]),
        ("echo", [5, 1], [5, 1]),
    ]


def test_a_batch_of_which_nothing_is_left_stays_and_is_passed_over():
    whole = Envelopes.of([some([2, 5, 9]), some([1, 5], kind=ECHO)])
    left = whole.take(whole.each([batch.kind.name == "echo" for batch in whole.batches]))
    assert left.sizes.tolist() == [0, 2]
    assert [piece.kind.name for piece in left.pieces()] == ["echo"]
    assert left.take(slice(0, 0)).pieces() == left.take(slice(0, 0)).delay(np.empty(0, dtype=int)).by_due() == []


@given(st.sets(st.integers(0, 8)))
@settings(max_examples=50, deadline=None)
def test_join_after_any_parting_gives_the_whole_back(inside):
    whole = Envelopes.of(
        [
            some([1, 1, 4, 6, 9], due=[6, 7, 8, 9, 10], copy=[0, 3, 0, 0, 0], values=[1, 1, 4, 6, 9]),
            some([1, 4, 7], kind=ECHO, values=[7, 1, 4], row=[1, 2, 0]),
        ]
    )
    mask = np.isin(whole.channel, list(inside))
    joined = whole.take(mask).join(whole.take(~mask))
    for seen, wanted in zip(joined.pieces(), whole.pieces(), strict=True):
        assert seen.payload is wanted.payload
        assert seen.channel.tolist() == wanted.channel.tolist()
        assert seen.values.tolist() == wanted.values.tolist()
        assert seen.due_ticks.tolist() == wanted.due_ticks.tolist()
        assert seen.copies.tolist() == wanted.copies.tolist()


def test_join_orders_by_batch_and_channel_and_keeps_copies_behind_each_other():
    whole = Envelopes.of([some([5, 5, 7], copy=[0, 9, 0]), some([6, 6], kind=ECHO, copy=[0, 3])])
    mask = np.array([False, False, True, True, True])
    joined = whole.take(mask).join(whole.take(~mask))
    assert joined.channel.tolist() == [5, 5, 7, 6, 6]
    assert joined.copies.tolist() == [0, 9, 0, 0, 3]


def test_join_fills_in_the_due_tick_of_those_that_are_not_late_and_passes_over_nothing():
    whole = Envelopes.of([some([1, 2]), some([2], kind=ECHO)])
    first, rest = whole.take(whole.channel == 1), whole.take(whole.channel == 2)
    assert first.join(rest.delay(np.array([3, 4]))).due_ticks.tolist() == [6, 9, 10]
    empty = whole.take(slice(0, 0))
    assert empty.join(whole) is whole.join(empty) is whole
    assert len(empty.join(empty)) == 0


def test_rewriting_changes_what_some_messages_say_and_no_array_that_others_hold():
    first, second = some([2, 5, 9]), some([1, 5], kind=ECHO)
    whole = Envelopes.of([first, second])
    other = whole.rewrite(lambda batch, at: -batch.values if batch.kind is NEWS else None)
    assert [piece.values.ravel().tolist() for piece in other.pieces()] == [[-2, -5, -9], [1, 5]]
    assert first.values.ravel().tolist() == [2, 5, 9]
    assert other.batches[1] is second
    left = whole.take(np.array([1, 2, 4])).rewrite(lambda batch, at: batch.values + np.arange(10, 13)[at, None])
    assert [piece.values.ravel().tolist() for piece in left.pieces()] == [[15, 20], [17]]


def test_what_is_rewritten_and_what_is_not_come_together_again():
    whole = Envelopes.of([some([2, 5, 9]), some([1, 5], kind=ECHO)])
    mask = whole.channel == 5
    joined = whole.take(~mask).join(whole.take(mask).rewrite(lambda batch, at: -batch.values))
    assert [piece.values.ravel().tolist() for piece in joined.pieces()] == [[2, -5, 9], [1, -5]]


def test_payloads_of_another_shape_are_refused():
    with pytest.raises(MessageError, match=r"payloads of shape \(2, 2\) for 'news': wanted \(3, 1\)"):
        Envelopes.of([some([2, 5, 9])]).rewrite(lambda batch, at: np.zeros((2, 2)))

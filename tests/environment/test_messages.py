"""Messages: widths, taking, delaying, joining, and an outbox in which it makes no difference who speaks first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridparley.environment import Field, Kind, MessageBatch, MessageError, Outbox
from gridparley.environment.topology.channels import Link

from .conftest import BID, ECHO, NEWS, PRICE


def batch(channels, values=None, *, due=None, copy=None, row=None, kind=NEWS):
    channel = np.array(channels, dtype=np.int32)
    payload = np.array(channels if values is None else values, dtype=float).reshape(-1, kind.width)
    due = None if due is None else np.array(due, dtype=np.int32)
    copy = None if copy is None else np.array(copy, dtype=np.uint64)
    return MessageBatch(kind, 5, channel, payload, row if row is None else np.array(row), due, copy)


def test_a_kind_is_as_wide_as_its_fields_together():
    assert PRICE.width == 3
    assert (PRICE.part("price"), PRICE.part("round")) == (slice(0, 2), slice(2, 3))
    assert PRICE.has("round")
    assert not PRICE.has("x")


def test_a_field_that_a_kind_lacks_is_refused_with_those_it_has():
    with pytest.raises(MessageError, match="kind 'price' has no field 'x'; it has price, round"):
        PRICE.part("x")


@pytest.mark.parametrize("width", [0, -1])
def test_a_field_has_a_width(width):
    with pytest.raises(MessageError, match=f"field 'x' has width {width}; wanted at least 1"):
        Field("x", width, "kW")


def test_without_rows_message_k_has_row_k():
    assert batch([3, 4], [7, 8]).values.tolist() == [[7], [8]]


def test_rows_share_one_payload():
    both = batch([3, 4], [7], row=[0, 0])
    assert both.values.tolist() == [[7], [7]]
    assert len(both.payload) == 1


def test_every_message_is_due_in_the_next_tick_unless_told_otherwise():
    assert batch([3, 4]).due_ticks.tolist() == [6, 6]
    assert batch([3, 4], due=[6, 9]).due_ticks.tolist() == [6, 9]


@pytest.mark.parametrize("which", [np.array([False, True, True]), np.array([1, 2])])
def test_take_keeps_channel_value_due_and_copy_together(which):
    some = batch([2, 5, 9], [20, 50, 90], due=[6, 7, 8], copy=[0, 0, 4]).take(which)
    assert some.channel.tolist() == [5, 9]
    assert some.values.tolist() == [[50], [90]]
    assert some.due_ticks.tolist() == [7, 8]
    assert np.asarray(some.copy).tolist() == [0, 4]


def test_take_does_not_copy_payloads():
    whole = batch([2, 5, 9])
    assert whole.take(np.array([0, 0, 2])).take(np.array([1, 2])).payload is whole.payload


def test_join_keeps_values_with_their_channels_when_payloads_differ():
    joined = MessageBatch.join([batch([4, 8], [40, 80]), batch([2, 6], [60], row=[0, 0]), batch([5], [50])])
    assert joined.channel.tolist() == [2, 4, 5, 6, 8]
    assert joined.values.ravel().tolist() == [60, 40, 50, 60, 80]


def test_join_stacks_no_payload_that_the_parts_share():
    whole = batch([2, 5, 9], [20, 50, 90])
    parts = [whole.take(np.array([2])), whole.take(np.array([0, 1]))]
    joined = MessageBatch.join(parts)
    assert joined.payload is whole.payload
    assert joined.values.ravel().tolist() == [20, 50, 90]


def test_join_of_one_batch_is_that_batch():
    whole = batch([2])
    assert MessageBatch.join([whole]) is whole


@given(st.permutations(range(6)), st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=50, deadline=None)
def test_join_after_any_split_gives_the_whole_back(order, a, b):
    whole = batch([1, 2, 4, 6, 7, 9], [10, 20, 40, 60, 70, 90])
    first, last = sorted((a, b))
    pieces = [np.array(part, dtype=int) for part in (order[:first], order[first:last], order[last:])]
    joined = MessageBatch.join([whole.take(np.sort(piece)) for piece in pieces if len(piece)])
    for seen, wanted in ((joined.channel, whole.channel), (joined.values, whole.values)):
        assert np.asarray(seen).tolist() == np.asarray(wanted).tolist()


def said(order):
    """Say three things of two kinds, in a given order of speakers."""
    box = Outbox(5)
    speeches = [
        lambda: box.send(NEWS, np.array([8, 2], dtype=np.int32), np.array([[80.0], [20.0]])),
        lambda: box.send(ECHO, np.array([3], dtype=np.int32), np.array([[30.0]])),
        lambda: box.send(NEWS, np.array([5, 1, 9], dtype=np.int32), np.array([[1.5], [2.5]]), np.array([1, 0, 1])),
    ]
    for k in order:
        speeches[k]()
    return [(b.kind.name, b.sent, b.channel.tolist(), b.values.ravel().tolist()) for b in box.batches()]


@given(st.permutations(range(3)))
def test_who_speaks_first_makes_no_difference(order):
    assert said(order) == [("echo", 5, [3], [30]), ("news", 5, [1, 2, 5, 8, 9], [1.5, 20, 2.5, 80, 2.5])]


def test_an_outbox_in_which_nobody_spoke_has_no_batches():
    box = Outbox(0)
    box.send(NEWS, np.empty(0, dtype=np.int32), np.empty((0, 1)))
    assert box.batches() == []


@pytest.mark.parametrize("payload", [np.zeros((2, 2)), np.zeros(2), np.zeros((2, 4))])
def test_a_payload_of_another_width_is_refused(payload):
    with pytest.raises(MessageError, match=r"payload of shape .* for kind 'price': wanted \(rows, 3\)"):
        Outbox(0).send(PRICE, np.array([0, 1], dtype=np.int32), payload)


def test_a_payload_without_a_row_for_each_message_is_refused():
    with pytest.raises(MessageError, match="1 payload rows for 2 messages of kind 'bid'"):
        Outbox(0).send(BID, np.array([0, 1], dtype=np.int32), np.zeros((1, 1)))


def test_row_numbers_that_do_not_match_the_channels_are_refused():
    with pytest.raises(MessageError, match="3 row numbers for 2 messages of kind 'bid'"):
        Outbox(0).send(BID, np.array([0, 1], dtype=np.int32), np.zeros((1, 1)), np.zeros(3, dtype=int))


@pytest.mark.parametrize("row", [[0, 1], [-1, 0]])
def test_a_row_number_that_the_payload_does_not_have_is_refused(row):
    with pytest.raises(MessageError, match=r"kind 'bid' .*payload row"):
        Outbox(0).send(BID, np.array([0, 1], dtype=np.int32), np.zeros((1, 1)), np.array(row))


def test_two_kinds_of_one_name_in_one_outbox_are_refused():
    box = Outbox(0)
    box.send(BID, np.array([0], dtype=np.int32), np.zeros((1, 1)))
    wider = Kind("bid", (Link.UP,), (Field("x", 2, "kW"),))
    with pytest.raises(MessageError, match="two kinds are called 'bid'"):
        box.send(wider, np.array([1], dtype=np.int32), np.zeros((1, 2)))

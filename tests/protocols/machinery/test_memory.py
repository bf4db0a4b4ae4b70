"""Memory keeps the newest message per channel, whatever comes in which order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gridparley.environment import Field, Kind, MessageBatch
from gridparley.environment.topology.channels import Link
from gridparley.protocols import Memory

KIND = Kind("bid", (Link.UP,), (Field("x", 1, "kW"), Field("round", 1, "1")))


def batch(sent, channels, values, copies=None):
    channel = np.array(channels, dtype=np.int32)
    payload = np.array([[v, sent] for v in values], dtype=float)
    copy = None if copies is None else np.array(copies, dtype=np.uint64)
    return MessageBatch(KIND, sent, channel, payload, copy=copy)


def memory():
    return Memory(KIND, np.array([2, 5, 7], dtype=np.int32), 10)


def test_nothing_heard_is_round_minus_one():
    assert memory().round.tolist() == [-1, -1, -1]


def test_messages_on_other_channels_are_somebody_elses():
    m = memory()
    assert m.write(3, batch(2, [0, 5, 9], [1.0, 2.0, 3.0])) == (1, 0)
    assert m.part("x")[:, 0].tolist() == [0.0, 2.0, 0.0]


def test_an_older_message_is_stale():
    m = memory()
    m.write(5, batch(4, [5], [2.0]))
    assert m.write(6, batch(3, [5], [9.0])) == (0, 1)
    assert m.part("x")[1, 0] == 2.0
    assert m.heard.tolist() == [-1, 5, -1]


def test_of_two_copies_in_one_batch_the_second_is_stale():
    m = memory()
    assert m.write(5, batch(4, [2, 2, 2, 7], [1.0, 1.0, 1.0, 3.0], [0, 8, 9, 0])) == (2, 2)
    assert m.write(6, batch(4, [2], [1.0], [7])) == (0, 1)


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([2, 5, 7])), min_size=1, max_size=40))
def test_the_order_of_arrival_never_matters(messages):
    def value(sent, channel):
        return 100.0 * sent + channel

    one, other = memory(), memory()
    total = 0
    for tick, (sent, channel) in enumerate(messages):
        news, stale = one.write(tick, batch(sent, [channel], [value(sent, channel)]))
        total += news + stale
    for tick, (sent, channel) in enumerate(sorted(messages)):
        other.write(tick, batch(sent, [channel], [value(sent, channel)]))
    assert total == len(messages)
    assert np.array_equal(one.values, other.values)
    assert np.array_equal(one.sent, other.sent)

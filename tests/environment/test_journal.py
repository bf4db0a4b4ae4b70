"""The journal: counts by tick, kind, fate and reason, and the balance of what went in and came out."""

from dataclasses import replace

import numpy as np
import pytest

from gridparley.environment import Fate, Journal
from gridparley.environment.errors import ConservationError
from gridparley.environment.faults import Delay, Duplicate, Fault, Loss
from gridparley.environment.transport import Transport

from .conftest import ECHO, KINDS, news, outbox, topology


def test_counts_add_up_by_fate_and_by_label():
    journal = Journal()
    journal.count(0, "price", Fate.SENT, 5)
    journal.count(1, "price", Fate.SENT, 2)
    journal.count(1, "bid", Fate.SENT, 3)
    journal.count(1, "price", Fate.LOST, 1, "loss")
    assert journal.totals[Fate.SENT] == 10
    assert journal.by_label["price", Fate.SENT] == 7
    assert journal.rows[-1] == (1, "price", Fate.LOST, "loss", 1)


def test_nothing_is_not_noted():
    journal = Journal()
    journal.count(0, "price", Fate.LOST, 0, "loss")
    assert journal.rows == []


@pytest.mark.parametrize("fate", [Fate.DELIVERED, Fate.LOST, Fate.STOPPED, Fate.STALE, Fate.REFUSED])
def test_every_end_of_a_message_balances_one_that_was_sent(fate):
    journal = Journal()
    journal.count(0, "price", Fate.SENT, 1)
    with pytest.raises(ConservationError, match=r"tick 3: .*1 went in, 0 are accounted for"):
        journal.check(3, 0)
    journal.count(1, "price", fate, 1)
    journal.check(3, 0)


def test_a_copy_must_come_to_an_end_too():
    journal = Journal()
    journal.count(0, "price", Fate.SENT, 1)
    journal.count(0, "price", Fate.COPIED, 2)
    journal.check(0, 3)
    with pytest.raises(ConservationError):
        journal.check(0, 1)


def test_being_late_is_not_an_end():
    journal = Journal()
    journal.count(0, "price", Fate.SENT, 1)
    journal.count(0, "price", Fate.LATE, 1)
    journal.check(0, 1)
    with pytest.raises(ConservationError):
        journal.check(0, 0)


def test_the_reason_of_a_fate_is_the_name_of_its_fault():
    town = topology("A-B", load=3)
    faults = [Loss(probability=0.5), Duplicate(probability=1, name="twins"), Delay(ticks=3, agent="A.load")]
    transport = Transport(town, KINDS, faults)
    transport.accept(outbox(news(town)))
    reasons = {(fate, reason) for _, _, fate, reason, _ in transport.journal.rows}
    assert reasons == {(Fate.SENT, ""), (Fate.COPIED, "twins"), (Fate.LOST, "loss"), (Fate.LATE, "")}


def drop_and_copy(mark):
    """A fault that loses messages 0 to 4 and has 5 to 11 once more, as a user may write it."""

    class Mixed(Fault):
        def on_send(self, envelopes, chance):
            twice = np.concatenate([np.arange(5, len(envelopes)), np.arange(5, 12)])
            left = envelopes.take(np.sort(twice, kind="stable"))
            again = np.concatenate([[False], left.channel[1:] == left.channel[:-1]])
            return replace(left, copy=np.where(again, np.uint64(mark), np.uint64(0))) if mark else left

    return Mixed(name="mixed")


@pytest.mark.parametrize("mark", [0, 77])
@pytest.mark.parametrize("before", [[], [Duplicate(probability=1)]])
def test_what_a_fault_takes_away_and_what_it_adds_are_counted_apart_whoever_wrote_it(mark, before):
    town = topology("A-B", load=3)
    transport = Transport(town, KINDS, [*before, drop_and_copy(mark)])
    transport.accept(outbox(news(town)))  # what is counted adds up, or this raises
    counts = {(fate, reason): number for _, _, fate, reason, number in transport.journal.rows}
    if not before:
        assert (counts[Fate.LOST, "mixed"], counts[Fate.COPIED, "mixed"]) == (5, 7)
    assert transport.in_flight == len(town.channels) * (1 + len(before)) + 2


def test_as_many_taken_away_as_added_is_not_nothing():
    class Swap(Fault):
        def on_send(self, envelopes, chance):
            return envelopes.take(np.sort(np.arange(len(envelopes)) // 2 * 2, kind="stable"))

    town = topology("A-B", load=3)
    transport = Transport(town, KINDS, [Swap(name="swap")])
    transport.accept(outbox(news(town), news(town, kind=ECHO)))
    half = len(town.channels) // 2
    assert sorted(row[1:] for row in transport.journal.rows if row[3]) == [
        (kind, fate, "swap", half) for kind in ("echo", "news") for fate in (Fate.COPIED, Fate.LOST)
    ]


def test_a_fault_that_only_delays_or_passes_everything_changes_no_count():
    town = topology("A-B", load=3)
    transport = Transport(town, KINDS, [Delay(ticks=2), Loss(probability=0)])
    transport.accept(outbox(news(town)))
    assert {row[2] for row in transport.journal.rows} == {Fate.SENT, Fate.LATE}

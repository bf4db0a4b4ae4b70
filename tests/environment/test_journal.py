"""The journal: counts by tick, kind, fate and reason, and the balance of what went in and came out."""

import pytest

from gridparley.environment import Fate, Journal
from gridparley.environment.errors import ConservationError
from gridparley.environment.faults import Delay, Duplicate, Loss
from gridparley.environment.transport import Transport

from .conftest import KINDS, news, outbox, topology


def test_counts_add_up_by_fate_and_by_kind():
    journal = Journal()
    journal.count(0, "price", Fate.SENT, 5)
    journal.count(1, "price", Fate.SENT, 2)
    journal.count(1, "bid", Fate.SENT, 3)
    journal.count(1, "price", Fate.LOST, 1, "loss")
    assert journal.totals[Fate.SENT] == 10
    assert journal.by_kind["price", Fate.SENT] == 7
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

"""The protocols' part of the conformance kit: dual decomposition passes, and each check catches what it is for."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from gridparley.conformance import ConformanceError, check_protocol
from gridparley.conformance.market import three_microgrids
from gridparley.conformance.protocols.protocol import PROTOCOL_CHECKS
from gridparley.conformance.protocols.protocol_runs import ProtocolSubject
from gridparley.environment import Field, Kind
from gridparley.environment.topology.channels import Link
from gridparley.protocols import Coordinator, DualDecomposition, Memory, Participant
from gridparley.protocols.machinery.coordination.barrier import WholeRounds

ALL = [check.__name__ for check in PROTOCOL_CHECKS]
AFTER_STOPPING = {name for name in ALL if name.startswith("survives")}
# Few rounds, since most of what is tested here shows in each of them.
ROUGH = {"eps_abs": 1e-2, "eps_rel": 1e-2}


class Own(DualDecomposition):
    """A user's own protocol: dual decomposition with other roles."""

    coordinator_type: ClassVar[type] = Coordinator
    participant_type: ClassVar[type] = Participant

    @property
    def coordinator(self):
        return self.coordinator_type

    def roles(self, market, *, one_by_one=False):
        roles = super().roles(market, one_by_one=one_by_one)
        for role in roles:
            if type(role) is Participant:
                role.__class__ = self.participant_type
                role.market = market
        return roles


class WithNote(Own):
    """Answers carry one number more."""

    def kinds(self, periods, asks=(), answers=()):
        kinds = super().kinds(periods, asks, answers)
        answer = kinds["answer"]
        return kinds | {"answer": replace(answer, fields=(*answer.fields, Field("note", 1, "1")))}


class Noting(Participant):
    """Writes a note beside each answer."""

    def note(self):
        return np.zeros(len(self.society))

    def _send(self, outbox, rows):
        at = np.flatnonzero(rows)
        told = [self.answers[self._at[at]], self.note()[self._agent[at], None]]
        self.last = np.concatenate(told, axis=1)
        outbox.send(self._kinds["answer"], self._up[at], self.last)


@pytest.mark.slow
def test_dual_decomposition_passes_every_check():
    assert check_protocol(DualDecomposition()) == ALL


@pytest.mark.slow
def test_so_does_a_protocol_whose_messages_say_more_and_with_another_seed():
    class Harmless(WithNote):
        participant_type: ClassVar[type] = Noting

    assert check_protocol(Harmless(**ROUGH), seed=3) == ALL


@pytest.mark.slow
def test_acting_on_the_newest_heard_survives_neither_loss_nor_delay():
    found = failures(DualDecomposition(on_silence="newest", eps_abs=1e-4, eps_rel=1e-4), ticks=300)
    assert found == {"survives_loss", "survives_delay", "survives_everything_together"}


@pytest.mark.slow
def test_two_ledgers_do_not_survive_loss():
    found = failures(DualDecomposition(two_ledgers=True, eps_abs=1e-4, eps_rel=1e-4), ticks=300)
    assert "survives_loss" in found
    assert found <= AFTER_STOPPING


# Protocols that are wrong in one way each ------------------------------------------------------------------------------


class Gossips(Coordinator):
    def speak(self, tick, outbox):
        super().speak(tick, outbox)
        gossip = Kind("gossip", (Link.PEER,), (Field("word", 1, "1"),))
        outbox.send(gossip, self.termination.out, np.zeros((len(self.termination.out), 1)))


class Updating(Coordinator):
    """Moves prices in its own way; `move` is what a protocol's `update` would be, and knows the coordinators."""

    def __init__(self, protocol, update, *args):
        super().__init__(protocol, self.move, *args)
        self.usual = update

    def move(self, balances):
        self.usual(balances)


class Jitters(Updating):
    dice = np.random.default_rng(0)

    def move(self, balances):
        super().move(balances)
        balances.price *= 1 + 1e-12 * self.dice.random()


class ListensToTheRoom(Coordinator):
    """Peeks at what others have said in this very tick."""

    def speak(self, tick, outbox):
        if "answer" in outbox._said:
            self.ledger.columns["price"] *= 1 + 1e-12
        super().speak(tick, outbox)


class FeelsTheCrowd(Updating):
    def move(self, balances):
        super().move(balances)
        balances.price *= 1 + 1e-12 * (len(self.address) > 1)


class Counting(Memory):
    """Counts what it hears, copies and all."""

    def write(self, tick, *batches):
        for batch in batches:
            mine = self._slot[batch.channel]
            np.add.at(self.count, mine[mine >= 0], 1)
        return super().write(tick, *batches)


class Counts(Updating):
    """Goes by how often it has been told, rather than by what."""

    def __init__(self, *args):
        super().__init__(*args)
        self.answers.__class__ = Counting
        self.answers.count = np.zeros(len(self.answers))
        self.at_bus = np.array([kind.place for kind in self.ledger.kinds])[self.ledger.kind[self.ledger.group]]

    def told(self):
        """(n,): answers heard about buses, however often."""
        return np.bincount(self.of_row, self.answers.count * self.at_bus)

    def move(self, balances):
        pace = np.where(self.told() % 4 == 0, 1.0, 0.9)[balances.coordinator]
        balances.price += np.where(balances.kind_in("bus"), pace, 1.0)[:, None] * balances.imbalance


class ChokesOnCopies(Counts):
    """Waits for ever for the next round once it has been told something twice."""

    def __init__(self, *args):
        super().__init__(*args)
        self.barrier = Choking(self)

    def move(self, balances):
        self.usual(balances)


class Choking(WholeRounds):
    def complete(self, tick, missing):
        return super().complete(tick, missing) & (self.role.told() <= 2 * (self.role.round + 1))


class RemembersWhen(Coordinator):
    def hear(self, tick, *batches):
        self.last_heard = tick
        return super().hear(tick, *batches)


class IntegratesInHear(Updating):
    """Moves the price of a bus by every answer as it comes in."""

    def hear(self, tick, *batches):
        news = super().hear(tick, *batches)
        for batch in batches:
            if batch.kind.name == "answer":
                mine = np.isin(batch.channel, self.answers.channel)
                place = dict(zip(self.answers.channel.tolist(), self.ledger.group.tolist(), strict=True))
                for channel, x in zip(batch.channel[mine].tolist(), batch.values[mine, 0].tolist(), strict=True):
                    at_bus = self.ledger.kinds[self.ledger.kind[place[channel]]].name == "bus"
                    self.ledger.columns["price"][place[channel]] += 0.3 * x * at_bus
        return news

    def move(self, balances):
        balances.price += np.where(balances.kind_in("bus"), 0.0, 1.0)[:, None] * balances.imbalance


class SpeaksForItsCoordinator(Participant):
    """Passes the price on to the operator next door, as if it came from the virtual agent."""

    def speak(self, tick, outbox):
        super().speak(tick, outbox)
        asked = self.memory["ask"]
        if tick in (1, 3) and self.society.rows == len(self.society):
            heard = asked.sent >= 0
            topology = self.market.topology
            next_door = topology.channels.sender[self._up] - 3
            own_bus = np.searchsorted(topology.row_agent, next_door)  # the first row of each
            down = len(topology.row_agent) + own_bus
            outbox.send(asked.kind, down[heard].astype(np.int32), asked.values[heard])


class SaysNan(Noting):
    def note(self):
        return np.full(len(self.society), np.nan)


class Corrects(Noting):
    """Improves what it has said last."""

    def _send(self, outbox, rows):
        if hasattr(self, "last"):
            self.last[:, -1] += 1
        super()._send(outbox, rows)


class Confides(Noting):
    def note(self):
        return -self.society.cap[:, 0] if hasattr(self.society, "cap") else np.zeros(len(self.society))


class KnowsTheTown(Updating):
    """Sets its pace by what the loads of the whole town are like."""

    def __init__(self, protocol, update, market, *args):
        super().__init__(protocol, update, market, *args)
        self.pace = 1 / (1 + 0.01 * market.populations[1].society.beta.sum())

    def move(self, balances):
        balances.price += np.where(balances.kind_in("bus"), self.pace, 1.0)[:, None] * balances.imbalance


class ReadsTheBoard(Updating):
    """Compares its price with the neighbours', on a board that hangs in no agent's house."""

    board: ClassVar[dict] = {}

    def move(self, balances):
        super().move(balances)
        for balance, price in zip(
            self.ledger.balance.tolist(), self.ledger.columns["price"][:, 0].tolist(), strict=True
        ):
            self.board[balance] = price
        balances.price += np.where(balances.kind_in("bus"), 1e-12, 0.0)[:, None] * sum(self.board.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("coordinator", "check", "others"),
    [
        (Gossips, "messages_are_allowed", set()),
        (Jitters, "same_seed_same_run", set(ALL)),
        (ListensToTheRoom, "order_of_roles_changes_nothing", set()),
        (FeelsTheCrowd, "batch_equals_one_by_one", set()),
        (Counts, "hearing_twice_changes_nothing", set()),
        # Whoever is asked again answers again.
        (ChokesOnCopies, "survives_duplicates", {"hearing_twice_changes_nothing", *AFTER_STOPPING}),
        (RemembersWhen, "hearing_only_writes", set()),
        (IntegratesInHear, "hearing_only_writes", set(ALL)),
        (KnowsTheTown, "knows_only_what_it_heard", set()),
        (ReadsTheBoard, "knows_only_what_it_heard", set(ALL)),
    ],
)
def test_each_check_fails_on_a_coordinator_it_is_for_and_on_no_other(coordinator, check, others):
    class Wrong(Own):
        coordinator_type: ClassVar[type] = coordinator

    found = failures(Wrong(**ROUGH), ticks=300)
    assert check in found
    assert found <= {check} | others


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "participant", "check", "others"),
    [
        (Own, SpeaksForItsCoordinator, "speaks_for_itself", set()),
        (WithNote, SaysNan, "payloads_are_finite", set()),
        # Where many speak their payloads are copied together, so that corrections come too late there.
        (WithNote, Corrects, "payloads_stay_as_said", {"batch_equals_one_by_one"}),
        (WithNote, Confides, "tells_no_private_fact", set()),
    ],
)
def test_each_check_fails_on_a_participant_it_is_for_and_on_no_other(base, participant, check, others):
    class Wrong(base):
        participant_type: ClassVar[type] = participant

    assert failures(Wrong(**ROUGH), ticks=300) == {check} | others


@pytest.mark.slow
def test_what_a_protocol_tells_on_purpose_is_no_leak():
    class Confiding(WithNote):
        participant_type: ClassVar[type] = Confides

    with pytest.raises(ConformanceError, match=r"'answer' says .*, its sender's cap"):
        check_protocol(Confiding(**ROUGH))
    assert check_protocol(Confiding(**ROUGH), may_tell=["cap"]) == ALL


@pytest.mark.slow
def test_a_protocol_that_never_asks_again_does_not_survive_loss():
    found = failures(DualDecomposition(**ROUGH, patience=10_000), ticks=300)
    assert found == {"survives_loss", "survives_everything_together"}


@pytest.mark.slow
def test_a_protocol_that_does_not_settle_is_told_so_whatever_else_is_asked():
    found = failures(DualDecomposition(**ROUGH, step_size=50.0), ticks=100)
    assert found == {"stops_without_faults"}


def failures(protocol, ticks):
    """Return the names of all the checks that fail."""
    found = set()
    subject = ProtocolSubject(protocol, three_microgrids(), ticks=ticks, compared_ticks=50)
    for check in PROTOCOL_CHECKS:
        try:
            check(subject)
        except ConformanceError as error:
            found.add(error.check)
    return found


@pytest.mark.slow
def test_an_error_says_which_check_in_which_run_what_happened_and_what_was_wanted():
    with pytest.raises(ConformanceError) as caught:
        check_protocol(DualDecomposition(on_silence="newest", **ROUGH), ticks=300)
    text = str(caught.value)
    assert text.startswith("survives_loss: DualDecomposition(")
    assert "given:  loss 0.3, seed 0" in text
    assert "got:    not stopped after 300 ticks: round " in text
    assert "wanted: a stop within 300 ticks" in text


def test_what_is_no_protocol_is_refused():
    with pytest.raises(TypeError, match="no protocol"):
        check_protocol(DualDecomposition)  # type: ignore[arg-type]

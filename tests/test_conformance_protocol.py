"""The protocols' part of the conformance kit: dual decomposition passes, and each check catches what it is for."""

from typing import ClassVar

import numpy as np
import pytest

from gridparley.conformance import ConformanceError, check_protocol
from gridparley.conformance.market import three_microgrids
from gridparley.conformance.protocol import PROTOCOL_CHECKS
from gridparley.conformance.protocol_runs import ProtocolSubject
from gridparley.environment import Field, Kind
from gridparley.environment.channels import Link
from gridparley.protocols import DualDecomposition, Memory, Responder
from gridparley.protocols.dual_decomposition import DualKeeper

ALL = [check.__name__ for check in PROTOCOL_CHECKS]
AFTER_STOPPING = {name for name in ALL if name.startswith("survives")}
# Few rounds, since most of what is tested here shows in each of them.
ROUGH = {"eps_abs": 1e-2, "eps_rel": 1e-2}


class Own(DualDecomposition):
    """A user's own protocol: dual decomposition with other roles."""

    keeper_type: ClassVar[type] = DualKeeper
    responder_type: ClassVar[type] = Responder

    @property
    def keeper(self):
        return self.keeper_type

    def roles(self, market, *, one_by_one=False):
        roles = super().roles(market, one_by_one=one_by_one)
        for role in roles:
            if type(role) is Responder:
                role.__class__ = self.responder_type
                role.market = market
        return roles


class WithNote(Own):
    """Bids carry one number more."""

    def kinds(self, periods):
        kinds = super().kinds(periods)
        bid = kinds["bid"]
        return kinds | {"bid": Kind("bid", bid.links, (*bid.fields, Field("note", 1, "1")))}


class Noting(Responder):
    """Writes a note beside each bid."""

    def note(self):
        return np.zeros(len(self.society))

    def _send(self, outbox, agents, ports):
        super()._send(outbox, np.zeros_like(agents), ports)
        who = np.flatnonzero(agents)
        told = [self.x[self.society.own_rows[who]], self.answered[who, None], self.note()[who, None]]
        self.last = np.concatenate(told, axis=1)
        outbox.send(self._bid, self._up[who], self.last)


@pytest.mark.slow
def test_dual_decomposition_passes_every_check():
    assert check_protocol(DualDecomposition()) == ALL


@pytest.mark.slow
def test_so_does_a_protocol_whose_messages_say_more_and_with_another_seed():
    class Harmless(WithNote):
        responder_type: ClassVar[type] = Noting

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


class Gossips(DualKeeper):
    def speak(self, tick, outbox):
        super().speak(tick, outbox)
        gossip = Kind("gossip", (Link.PEER,), (Field("word", 1, "1"),))
        outbox.send(gossip, self.wiring.peer_out, np.zeros((len(self.wiring.peer_out), 1)))


class Jitters(DualKeeper):
    dice = np.random.default_rng(0)

    def update(self, hubs, books):
        super().update(hubs, books)
        self.price[hubs] *= 1 + 1e-12 * self.dice.random()


class ListensToTheRoom(DualKeeper):
    """Peeks at what others have said in this very tick."""

    def speak(self, tick, outbox):
        if "bid" in outbox._said:
            self.price = self.price * (1 + 1e-12)
        super().speak(tick, outbox)


class FeelsTheCrowd(DualKeeper):
    def update(self, hubs, books):
        super().update(hubs, books)
        self.price[hubs] *= 1 + 1e-12 * (len(self.price) > 1)


class Counting(Memory):
    """Counts what it hears, copies and all."""

    def write(self, tick, *batches):
        for batch in batches:
            mine = self._slot[batch.channel]
            np.add.at(self.count, mine[mine >= 0], 1)
        return super().write(tick, *batches)


class Counts(DualKeeper):
    """Goes by how often it has been told, rather than by what."""

    def __init__(self, *args):
        super().__init__(*args)
        self.memory["bid"].__class__ = Counting
        self.memory["bid"].count = np.zeros(len(self.memory["bid"]))

    def update(self, hubs, books):
        told = np.bincount(self.wiring.member_hub, self.memory["bid"].count)
        pace = np.where(told % 4 == 0, 1.0, 0.9)[:, None]
        self.price[hubs] += (pace * self.imbalance)[hubs]
        self.transfer_price[books] += self.disagreement[books]


class ChokesOnCopies(Counts):
    """Waits for ever for the next round once it has been told something twice."""

    def _complete(self, tick, missing):
        told = np.bincount(self.wiring.member_hub, self.memory["bid"].count)
        return super()._complete(tick, missing) & (told <= 2 * (self.round + 1))

    update = DualKeeper.update


class RemembersWhen(DualKeeper):
    def hear(self, tick, *batches):
        self.last_heard = tick
        return super().hear(tick, *batches)


class IntegratesInHear(DualKeeper):
    """Moves the price by every bid as it comes in."""

    def hear(self, tick, *batches):
        news = super().hear(tick, *batches)
        for batch in batches:
            if batch.kind.name == "bid":
                mine = np.isin(batch.channel, self.wiring.member_up)
                place = {int(c): int(h) for c, h in zip(self.wiring.member_up, self.wiring.member_hub, strict=True)}
                for channel, x in zip(batch.channel[mine].tolist(), batch.values[mine, 0].tolist(), strict=True):
                    self.price[place[channel]] += 0.3 * x
        return news

    def update(self, hubs, books):
        self.transfer_price[books] += self.disagreement[books]


class SpeaksForItsHub(Responder):
    """Passes the price on to the operator next door, as if it came from their hub."""

    def speak(self, tick, outbox):
        super().speak(tick, outbox)
        price = self.memory["price"]
        if tick == 1 and not self._has_ports:
            heard = price.sent >= 0
            topology = self.market.topology
            next_door = topology.channels.sender[self._up] - 3
            outbox.send(price.kind, topology.channels.down[next_door][heard], price.values[heard])


class SaysNan(Noting):
    def note(self):
        return np.full(len(self.society), np.nan)


class Corrects(Noting):
    """Improves what it has said last."""

    def _send(self, outbox, agents, ports):
        if hasattr(self, "last"):
            self.last[:, -1] += 1
        super()._send(outbox, agents, ports)


class Confides(Noting):
    def note(self):
        return -self.society.cap[:, 0] if hasattr(self.society, "cap") else np.zeros(len(self.society))


class KnowsTheTown(DualKeeper):
    """Sets its pace by what the loads of the whole town are like."""

    def __init__(self, protocol, market, kinds, hubs):
        super().__init__(protocol, market, kinds, hubs)
        self.pace = 1 / (1 + 0.01 * market.members[1].society.beta.sum())

    def update(self, hubs, books):
        self.price[hubs] += self.pace * self.imbalance[hubs]
        self.transfer_price[books] += self.disagreement[books]


class ReadsTheBoard(DualKeeper):
    """Compares its price with the neighbours', on a board that hangs in no agent's house."""

    board: ClassVar[dict] = {}

    def update(self, hubs, books):
        super().update(hubs, books)
        for place, hub in enumerate(self.wiring.hub.tolist()):
            self.board[hub] = float(self.price[place, 0])
        self.price[hubs] += 1e-12 * sum(self.board.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keeper", "check", "others"),
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
def test_each_check_fails_on_a_keeper_it_is_for_and_on_no_other(keeper, check, others):
    class Wrong(Own):
        keeper_type: ClassVar[type] = keeper

    found = failures(Wrong(**ROUGH), ticks=300)
    assert check in found
    assert found <= {check} | others


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "responder", "check", "others"),
    [
        (Own, SpeaksForItsHub, "speaks_for_itself", set()),
        (WithNote, SaysNan, "payloads_are_finite", set()),
        # Where many speak their payloads are copied together, so that corrections come too late there.
        (WithNote, Corrects, "payloads_stay_as_said", {"batch_equals_one_by_one"}),
        (WithNote, Confides, "tells_no_private_fact", set()),
    ],
)
def test_each_check_fails_on_a_responder_it_is_for_and_on_no_other(base, responder, check, others):
    class Wrong(base):
        responder_type: ClassVar[type] = responder

    assert failures(Wrong(**ROUGH), ticks=300) == {check} | others


@pytest.mark.slow
def test_what_a_protocol_tells_on_purpose_is_no_leak():
    class Confiding(WithNote):
        responder_type: ClassVar[type] = Confides

    with pytest.raises(ConformanceError, match=r"'bid' says .*, its sender's cap"):
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

"""The faults' part of the conformance kit: every built-in fault passes, and each check catches what it is for."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from gridparley.conformance import ConformanceError, check_fault
from gridparley.conformance.fault import FAULT_CHECKS, fault_subject
from gridparley.environment import FaultError
from gridparley.environment.faults import (
    BurstLoss,
    Corrupt,
    Crash,
    Delay,
    Duplicate,
    Fault,
    Loss,
    Partition,
    RateLimit,
    Reorder,
    Slow,
    Stage,
    fault_types,
)

ALL = [check.__name__ for check in FAULT_CHECKS]


TRIED = [
    Loss(probability=0.3),
    Loss(probability=0.0),
    Loss(probability=1.0),
    Loss(probability=0.5, agent="B.operator", start=3, end=7),
    Delay(ticks=2),
    Delay(ticks="0..5", message="bid"),
    Duplicate(probability=0.5),
    Duplicate(probability=1.0, copies=3, delay="0..4", channel="A.virtual<->B.virtual"),
    Delay(mean=2.5),
    Delay(table=[(0, 3.0), (4, 1.0)]),
    BurstLoss(worsen=0.2, recover=0.4, loss_good=0.05, loss_bad=0.9),
    Reorder(probability=0.4, window=4),
    Partition(groups=["A.*", "B.*|C.*"]),
    Partition(channel="A.virtual<->B.virtual", start=2),
    Crash(agent="B.operator", start=1, end=4),
    Slow(agent="*.operator", every=3),
    Corrupt(probability=0.5),
    Corrupt(probability=0.5, mode="scale", factor=3.0),
    Corrupt(probability=0.5, mode="sign"),
    Corrupt(probability=0.5, mode="replay"),
    RateLimit(rate=0.5, queue=2),
]


@pytest.mark.parametrize("fault", TRIED, ids=str)
def test_a_fault_that_is_right_passes_every_check(fault):
    corrupts = fault.stage is Stage.CORRUPTION
    wanted = [name for name in ALL if not (corrupts and name == "leaves_payloads_alone")]
    assert check_fault(fault) == wanted
    assert check_fault(fault, seed=5) == wanted


def test_every_known_fault_is_tried_above():
    known = {kind for kind, cls in fault_types().items() if cls.__module__.startswith("gridparley.")}
    tried = {type(fault).kind for fault in TRIED}
    assert known == tried


class Jam(Fault):
    """A user's own fault, on arrival: what comes in odd ticks does not come."""

    stage: ClassVar[Stage] = Stage.PARTITION

    def on_deliver(self, envelopes, chance):
        return envelopes.take(envelopes.sent % 2 == 0)


class FlipSign(Fault):
    """A user's own corruption."""

    stage: ClassVar[Stage] = Stage.CORRUPTION

    def on_deliver(self, envelopes, chance):
        sign = np.where(chance(envelopes) < 0.2, -1.0, 1.0)
        return envelopes.rewrite(lambda batch, at: batch.values * sign[at, None])


def test_faults_on_arrival_are_tried_on_arrival():
    assert check_fault(Jam()) == ALL
    assert check_fault(FlipSign()) == [name for name in ALL if name != "leaves_payloads_alone"]


# Faults that are wrong in one way each ---------------------------------------------------------------------------------


class ReturnsAMask(Fault):
    def on_send(self, envelopes, chance):
        return chance(envelopes) > 0.5


class ForgetsAColumn(Fault):
    def on_send(self, envelopes, chance):
        after = envelopes.take(chance(envelopes) > 0.5)
        return replace(after, due=np.zeros(len(after) + 1, dtype=np.int32) + chance.tick + 1)


class AddsToNothing(Fault):
    def on_send(self, envelopes, chance):
        if not len(envelopes):
            start = np.array([0] + [1] * len(envelopes.batches))
            return type(envelopes)(envelopes.batches, start, np.zeros(1, dtype=np.int32), np.zeros(1, dtype=int))
        return envelopes


class WritesOnPayloads(Fault):
    def on_send(self, envelopes, chance):
        kept = envelopes.rewrite(lambda batch, at: batch.values.copy())
        for batch in envelopes.batches:
            batch.payload[:] = 0.0
        return kept


class WritesOnColumns(Fault):
    def on_send(self, envelopes, chance):
        kept = replace(envelopes, channel=envelopes.channel.copy())
        envelopes.channel[:] = 0
        return kept


class Invents(Fault):
    def on_send(self, envelopes, chance):
        channel = envelopes.channel.copy()
        channel[-1:] = 10_000
        return replace(envelopes, channel=channel)


class CopiesAtTheWrongStage(Fault):
    stage: ClassVar[Stage] = Stage.DELAY

    def on_send(self, envelopes, chance):
        twin = envelopes.take(envelopes.channel % 2 == 0)
        return envelopes.join(replace(twin, copy=twin.copies + np.uint64(99)))


class LosesAtTheWrongStage(Fault):
    stage: ClassVar[Stage] = Stage.COPIES

    def on_send(self, envelopes, chance):
        return envelopes.take(chance(envelopes) > 0.5)


class ForgetsToNameCopies(Fault):
    stage: ClassVar[Stage] = Stage.COPIES

    def on_send(self, envelopes, chance):
        return envelopes.take(np.repeat(np.arange(len(envelopes)), 2))


class Shuffles(Fault):
    def on_send(self, envelopes, chance):
        return envelopes.take(np.arange(len(envelopes))[::-1])


class Whispers(Fault):
    def on_send(self, envelopes, chance):
        return envelopes.rewrite(lambda batch, at: batch.values * 0.5)


class TravelsInTime(Fault):
    stage: ClassVar[Stage] = Stage.DELAY

    def on_send(self, envelopes, chance):
        return replace(envelopes, due=envelopes.sent)


class PutsOff(Fault):
    stage: ClassVar[Stage] = Stage.PARTITION

    def on_deliver(self, envelopes, chance):
        return envelopes.delay(np.ones(len(envelopes), dtype=np.int32))


dice = np.random.default_rng(0)


class OwnDice(Fault):
    def on_send(self, envelopes, chance):
        return envelopes.take(dice.random() < 0.5 + 0 * envelopes.channel)


class OnePerTick(Fault):
    """Loses whatever is sent beside a lucky message."""

    def on_send(self, envelopes, chance):
        luck = chance(envelopes)
        return envelopes.take(luck == luck.max(initial=0.0))


@pytest.mark.parametrize(
    ("wrong", "check", "others"),
    [
        (ReturnsAMask, "gives_back_envelopes", ["takes_no_messages"]),
        (ForgetsAColumn, "gives_back_envelopes", []),
        (AddsToNothing, "takes_no_messages", []),
        (WritesOnPayloads, "leaves_its_input_alone", []),
        (WritesOnColumns, "leaves_its_input_alone", []),
        (Invents, "invents_no_message", ["luck_is_its_own"]),
        (CopiesAtTheWrongStage, "invents_no_message", []),
        (LosesAtTheWrongStage, "invents_no_message", []),
        (ForgetsToNameCopies, "tells_copies_apart", []),
        (Shuffles, "keeps_the_order", []),
        (Whispers, "leaves_payloads_alone", []),
        (TravelsInTime, "arrives_after_it_was_sent", []),
        (PutsOff, "arrives_after_it_was_sent", []),
        (OwnDice, "same_seed_same_fate", ["luck_is_its_own"]),
        (OnePerTick, "luck_is_its_own", []),
    ],
)
def test_each_check_fails_on_what_it_is_for_and_on_nothing_else(wrong, check, others):
    fault = wrong(name="wrong")
    assert failures(fault) <= {check, *others}
    with pytest.raises(ConformanceError, match=check) as caught:
        check_fault(fault)
    assert caught.value.check == check


def failures(fault):
    """Return the names of all the checks that fail, each run on messages of its own."""
    found = set()
    for check in FAULT_CHECKS:
        try:
            check(fault_subject(fault))
        except ConformanceError as error:
            found.add(error.check)
    return found


def test_an_error_says_which_check_on_which_messages_what_came_and_what_was_wanted():
    with pytest.raises(ConformanceError) as caught:
        check_fault(TravelsInTime(name="tardis"))
    text = str(caught.value)
    assert text.startswith("arrives_after_it_was_sent: TravelsInTime(name='tardis'")
    assert "given:  54 messages sent in tick 0, seed 0" in text
    assert "got:    a message due in tick 0" in text
    assert "wanted: tick 1 or later" in text


def test_a_scope_that_fits_nothing_and_what_is_no_fault_are_refused():
    with pytest.raises(FaultError, match=r"no agent is called 'Z\.load'"):
        check_fault(Loss(probability=0.5, agent="Z.load"))
    with pytest.raises(TypeError, match="no fault"):
        check_fault("loss 0.3")  # type: ignore[arg-type]

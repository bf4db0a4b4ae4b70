"""The participant answers once per round, repeats when asked again, and refuses answers that are none."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import load_scenario
from gridparley.agents import AgentError, SquareRootLoad
from gridparley.environment import MessageBatch, Outbox
from gridparley.protocols.machinery.answer import answer


def loads():
    """The loads of three microgrids, as one role, with the channels on which they are asked."""
    simulation = load_scenario("three-microgrids").simulation()
    role = next(r for r in simulation.roles if type(getattr(r, "society", None)).__name__ == "SquareRootLoad")
    return role, role.memory["ask"].channel, simulation.kinds


def ask(kinds, channels, price, round_, sent):
    payload = np.array([[price, round_]] * len(channels), dtype=float)
    return MessageBatch(kinds["ask"], sent, channels, payload)


def said(role, tick):
    outbox = Outbox(tick)
    role.speak(tick, outbox)
    return outbox.batches()


def test_each_round_is_solved_once_and_answered_again_only_when_asked_again():
    role, channels, kinds = loads()
    role.hear(1, ask(kinds, channels, 2.0, 0, 0))
    (first,) = said(role, 1)
    assert len(first) == 3
    assert said(role, 2) == []  # silence is not answered
    role.hear(4, ask(kinds, channels[:1], 99.0, 0, 3))  # same round: an answer was lost, not a new price
    (again,) = said(role, 4)
    assert len(again) == 1
    assert np.array_equal(again.values[0], first.values[0])


def test_only_those_who_are_asked_anew_answer():
    role, channels, kinds = loads()
    role.hear(1, ask(kinds, channels, 2.0, 0, 0))
    (first,) = said(role, 1)
    role.hear(3, ask(kinds, channels[1:2], 5.0, 1, 2))
    (second,) = said(role, 3)
    assert len(second) == 1
    assert second.values[0, 0] != first.values[1, 0]


def test_an_answer_in_flight_is_not_changed_by_the_next_one():
    role, channels, kinds = loads()
    role.hear(1, ask(kinds, channels, 2.0, 0, 0))
    (first,) = said(role, 1)
    before = first.values.copy()
    role.hear(3, ask(kinds, channels, 5.0, 1, 2))
    said(role, 3)
    assert np.array_equal(first.values, before)


def broken(result):
    class Broken(SquareRootLoad):
        def respond(self, price, target, rho):
            if isinstance(result, Exception):
                raise result
            return result

    return Broken(names=["A.load"], beta=1.0, cap=1.0)


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (np.array([[np.nan]]), "Broken.respond of A.load returned nan in row 0, period 0, asked with price 2"),
        (np.array([[np.inf]]), "returned inf"),
        (np.zeros((2, 1)), r"returned float64 of shape \(2, 1\); wanted floats of shape \(1, 1\)"),
        (np.array([["x"]]), "wanted floats"),
        (ZeroDivisionError("no"), "Broken.respond of A.load raised ZeroDivisionError: no"),
        (None, "wanted floats"),
    ],
)
def test_an_answer_that_is_none_is_refused_and_says_whose_it_is(result, says):
    with pytest.raises(AgentError, match=says):
        answer(broken(result), np.full((1, 1), 2.0), np.zeros((1, 1)), np.zeros((1, 1)))

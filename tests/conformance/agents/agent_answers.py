"""Checks of what every answer must be: an answer at all, the same each time, and nobody else's business."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ...agents import Society
from ..error import shown
from ..fingerprint import same_bits
from .questions import AgentSubject, Question, questions_for

__all__ = [
    "answers_are_finite",
    "answers_every_question",
    "answers_have_shape",
    "answers_keep_no_inputs",
    "arguments_stay_as_they_are",
    "batch_equals_one_by_one",
    "facts_stay_as_they_are",
    "same_question_same_answer",
]

Floats = npt.NDArray[np.float64]

CROWD = 19
"""Agents in the batch: neither a power of two nor fewer than the widest vector instruction takes at once."""


def answers_every_question(subject: AgentSubject) -> bool:
    """`respond` raises nothing."""
    for question in subject.questions:
        subject.ask(question)
    return True


def answers_have_shape(subject: AgentSubject) -> bool:
    """`respond` returns float64 in (rows, periods)."""
    return answers_every_question(subject)


def answers_are_finite(subject: AgentSubject) -> bool:
    """`respond` returns neither NaN nor infinity, whatever the price."""
    return answers_every_question(subject)


def arguments_stay_as_they_are(subject: AgentSubject) -> bool:
    """Nothing writes to price, target, rho or x: they are other people's memory."""
    for question in subject.questions:
        x = subject.ask(question)
        for method, given in _calls(subject.society, question, x):
            before = [column.copy() for column in given]
            subject.told(method, question, given)
            for name, column, old in zip(("price", "target", "rho"), given, before, strict=False):
                if not same_bits(column, old):
                    what = "x" if method == "cost" else name
                    got = f"{what} {shown_change(old, column)} afterwards"
                    raise subject.error("arguments_stay_as_they_are", method, question, got, f"{what} untouched")
    return True


def answers_keep_no_inputs(subject: AgentSubject) -> bool:
    """`respond` returns a new array: a view of the price would change when the next price is heard."""
    question = subject.questions[-1]
    columns = question.columns()
    x = subject.society.respond(*columns)
    held = dict(zip(("price", "target", "rho"), columns, strict=True)) | _facts(subject.society)
    for name, column in held.items():
        if np.may_share_memory(x, column):
            got, wanted = f"a view of {name}", "an array of its own"
            raise subject.error("answers_keep_no_inputs", "respond", question, got, wanted)
    return True


def facts_stay_as_they_are(subject: AgentSubject) -> bool:
    """Answering changes no fact: an agent that is asked twice is asked as the same agent."""
    before = {name: column.copy() for name, column in _facts(subject.society).items()}
    for question in subject.questions:
        x = subject.ask(question)
        for method, given in _calls(subject.society, question, x):
            subject.told(method, question, given)
            for name, column in _facts(subject.society).items():
                if not same_bits(column, before[name]):
                    got = f"fact {name} {shown_change(before[name], column)}"
                    raise subject.error("facts_stay_as_they_are", method, question, got, "facts untouched")
    return True


def same_question_same_answer(subject: AgentSubject) -> bool:
    """`respond` depends on the question and the facts alone, not on what was asked before, or by whom."""
    first = [subject.ask(question) for question in subject.questions]
    twin = type(subject.society).stack([subject.society])
    for question, x in zip(reversed(subject.questions), reversed(first), strict=True):
        for again in (subject.ask(question), subject.ask(question, twin)):
            if not same_bits(x, again):
                got = shown_change(x, again) + " when asked again"
                raise subject.error("same_question_same_answer", "respond", question, got, "the same to the last bit")
    return True


def batch_equals_one_by_one(subject: AgentSubject) -> bool:
    """Many agents in columns answer as each of them does alone, in whatever order they stand."""
    crowd = _crowd(subject.society)
    shuffle = np.random.default_rng(subject.seed).permutation(len(crowd))
    shuffled = crowd.take(shuffle)
    for question in questions_for(crowd, 2 + len(subject.questions) // 3, subject.seed + 1):
        x = subject.ask(question, crowd)
        for method, given in _calls(crowd, question, x):
            whole = subject.told(method, question, [column.copy() for column in given], crowd)
            for k in range(len(crowd)):
                asked = crowd.rows_of(np.array([k]))
                alone = subject.told(method, question, [column[asked] for column in given], crowd[k])
                # A cost is a row an agent, everything else a row for each of its rows.
                mine = whole[k : k + 1] if method == "cost" else whole[asked]
                _compare(subject, method, question.rows(asked), mine, alone, "alone", len(crowd))
            asked = crowd.rows_of(shuffle)
            there = subject.told(method, question, [column[asked] for column in given], shuffled)
            moved = whole[shuffle if method == "cost" else asked]
            _compare(subject, method, question, moved, there, "in another order", len(crowd))
    return True


def _compare(
    subject: AgentSubject, method: str, question: Question, batch: Floats, other: Floats, how: str, n: int
) -> None:
    if same_bits(batch, other):
        return
    if batch.shape == other.shape:
        differs = (batch != other) | (np.signbit(batch) != np.signbit(other))
        where = tuple(np.argwhere(differs)[0].tolist())
        got = f"{shown(batch[where])} among {n} agents, {shown(other[where])} {how}"
    else:
        got = f"shape {batch.shape} among {n} agents, {other.shape} {how}"
    raise subject.error("batch_equals_one_by_one", method, question, got, "the same to the last bit")


def _calls(society: Society, question: Question, x: Floats) -> Iterator[tuple[str, tuple[Floats, ...]]]:
    """Yield each method that a type answers by, with arguments that may be written to."""
    yield "respond", question.columns()
    yield "cost", (x.copy(),)
    if society.offers("slope"):
        yield "slope", (question.price.copy(),)


def _facts(society: Society) -> dict[str, Floats]:
    return {name: getattr(society, name) for name in society.facts}


def _crowd(society: Society) -> Society:
    """Return the agents beside somewhat smaller ones, repeated until there are enough of them."""
    kind = type(society)
    parts = [society]
    for factor in (0.8, 0.9):
        facts = {name: column * factor for name, column in _facts(society).items()}
        try:
            parts.append(kind(periods=society.periods, ports=society.port_count, names=society.names, **facts))
        except Exception:  # this type allows no smaller agents: copies of the given ones must do
            continue
    several = kind.stack(parts)
    return several.take(np.resize(np.arange(len(several)), max(CROWD, len(several))))


def shown_change(old: Floats, new: Floats) -> str:
    """Say where two columns differ first."""
    if old.shape != new.shape:
        return f"shape {old.shape} became {new.shape}"
    row, period = np.argwhere((old != new) | (np.signbit(old) != np.signbit(new)))[0].tolist()
    return f"{shown(old[row, period])} became {shown(new[row, period])} (row {row}, period {period})"

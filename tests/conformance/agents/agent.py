"""The contract of an agent type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...agents import Society
from ..error import passed
from . import agent_answers, agent_cost, agent_optimal
from .questions import AgentSubject, questions_for

__all__ = ["AGENT_CHECKS", "check_agent"]

AGENT_CHECKS = (
    agent_answers.answers_every_question,
    agent_answers.answers_have_shape,
    agent_answers.answers_are_finite,
    agent_answers.arguments_stay_as_they_are,
    agent_answers.answers_keep_no_inputs,
    agent_answers.facts_stay_as_they_are,
    agent_answers.same_question_same_answer,
    agent_answers.batch_equals_one_by_one,
    agent_cost.cost_is_a_number,
    agent_cost.cost_is_convex,
    agent_optimal.answers_are_optimal,
    agent_optimal.ties_go_to_the_least,
    agent_cost.slope_fits_answers,
    agent_cost.reference_agrees,
)
"""Every check of an agent type, in the order in which they are run; the first that fails is reported."""


def check_agent(
    cls_or_society: type[Society] | Society,
    *,
    facts: Mapping[str, Any] | None = None,
    seed: int = 0,
    trials: int = 40,
    tolerance: float = 1e-9,
) -> list[str]:
    """Check that an agent type keeps the contract of `Society.respond` and of what stands beside it.

    It is asked at prices that are zero, negative, huge and random, with and without a pull to a target. Its answers
    must be the best that independent searches find, which look at nothing but its `cost`; the same alone, in a batch
    and in another order, to the last bit; and free of side effects. Its cost must be a convex number of $/h. `slope`
    and `reference` are checked where it has them.

    Parameters
    ----------
    cls_or_society : a type, or some agents of it; agents with different facts and numbers of ports are the harder test
    facts : for a type, what to build an agent from: its facts, and ``periods``, ``ports`` or ``names`` where wanted
    seed : of the random questions and searches
    trials : number of questions
    tolerance : how much worse than the best found an answer may be, relative to the terms of the objective; an agent
        whose `respond` is iterative may need a larger one

    Returns
    -------
    names of the checks that it passed; those of `slope` and `reference` only where it has them

    Raises
    ------
    ConformanceError
        A check failed: says which, what was asked, what came back and what was wanted.
    TypeError
        Neither a type nor agents, or facts for agents that have theirs already.

    Examples
    --------
    >>> from gridparley.agents import SquareRootLoad
    >>> from gridparley.conformance import check_agent
    >>> check_agent(SquareRootLoad, facts={"beta": 10.0, "cap": 100.0}, trials=5)[:3]
    ['answers_every_question', 'answers_have_shape', 'answers_are_finite']
    """
    return passed(AGENT_CHECKS, agent_subject(cls_or_society, facts, seed=seed, trials=trials, tolerance=tolerance))


def agent_subject(
    cls_or_society: object,
    facts: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    trials: int = 40,
    tolerance: float = 1e-9,
) -> AgentSubject:
    """Return what every check of an agent type is given: agents, and the questions to put to them."""
    if isinstance(cls_or_society, Society):
        if facts is not None:
            raise TypeError(f"facts={facts!r}: {cls_or_society!r} has its facts already; give facts with a type only")
        society = cls_or_society
    elif isinstance(cls_or_society, type) and issubclass(cls_or_society, Society):
        society = cls_or_society(**(facts or {}))
    else:
        raise TypeError(f"{cls_or_society!r} is no agent: wanted a type derived from Society, or agents of one")
    if trials < 2:
        raise TypeError(f"trials={trials}: wanted at least 2")
    return AgentSubject(society, questions_for(society, trials, seed), seed, tolerance)

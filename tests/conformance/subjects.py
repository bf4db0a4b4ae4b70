"""What a type named on the command line is tried on: agents with facts, a market, or messages."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from ..agents import AgentError, Society
from ..environment.code import ended_from_outside
from ..environment.faults import Fault, fault_types
from ..protocols import Protocol, protocol_types
from ..runs.common.errors import ScenarioError, did_you_mean
from ..runs.common.plugins import OtherSortError, find_type
from ..runs.scenario.fault_text import read_fault, read_fault_table
from ..runs.scenario.known_types import agent_types
from ..runs.scenario.scenario import load_scenario, scenario_names
from ..runs.scenario.validation import explain
from .agents.agent import agent_subject
from .agents.questions import AgentSubject
from .fault import fault_subject
from .fault_subject import FaultSubject
from .market import three_microgrids
from .protocols.protocol_runs import ProtocolSubject

__all__ = ["named_type", "subject_of"]

_BASES: tuple[type, ...] = (Society, Protocol, Fault)
AGENTS_MAX = 4
"""Agents of a scenario that are tried, if they do not have too many rows and periods."""
MANY, TRIALS, TRIALS_FEW = 30, 40, 10
"""Numbers in an answer of all of them, beyond which fewer questions are put: general searches take long then."""
DRAWN, DRAWS = 3, 40
"""Agents whose facts are drawn, and how often that is tried until they can answer."""
TICKS = 5000
FAULTS = {"partition": {"groups": "A.*/B.*|C.*"}, "crash": {"agent": "B.operator"}, "slow": {"agent": "*.operator"}}
"""Parameters of built-in faults for which no number will do."""


def named_type(text: str) -> type:
    """Return the type that a text names: built in, ``FILE:Type``, ``MODULE:Type``, or a fault as ``--fault`` takes it.

    Raises
    ------
    ScenarioError
        Nothing is called that, its file cannot be run, or it is neither agent, protocol nor fault.
    """
    known: dict[str, type] = {**agent_types(Society), **protocol_types(), **fault_types()}
    name = text.partition(",")[0].partition("=")[0].strip()
    if name not in known and ":" not in name:
        hint = did_you_mean(name, known)
        raise ScenarioError(f"{name!r} is no agent, protocol or fault{hint} Known: {', '.join(known)}; or FILE.py:Type")
    if name in known:
        return known[name]
    for base in _BASES:
        with suppress(OtherSortError):
            return find_type(name, {}, base, where="conform")
    raise ScenarioError(f"{name}: derives from neither Prosumer (or another Society), Protocol nor Fault")


def subject_of(
    text: str, kind: type, values: Mapping[str, Any], scenario: str | None, *, seed: int, tolerance: float
) -> tuple[AgentSubject | FaultSubject | ProtocolSubject, str]:
    """Return what a type's checks are given, and in words what that is.

    Parameters
    ----------
    text, kind : as for and from `named_type`
    values : facts, options or parameters by name
    scenario : whose agents, or whose market, are taken instead
    seed : of what is drawn
    tolerance : as for `check_agent`

    Raises
    ------
    ScenarioError, AgentError, FaultError, ProtocolError
        Values that the type does not allow, or a scenario without such agents.
    """
    if issubclass(kind, Society):
        society, told = _agents(kind, values, scenario, seed)
        few = society.rows * society.periods > MANY
        return agent_subject(society, seed=seed, tolerance=tolerance, trials=TRIALS_FEW if few else TRIALS), told
    market = three_microgrids() if scenario is None else load_scenario(scenario).simulation().market
    where = "three microgrids" if scenario is None else scenario
    if issubclass(kind, Protocol):
        try:
            protocol = kind.model_validate(dict(values))
        except ValidationError as error:
            raise ScenarioError(f"{kind.__name__}: {explain(error, kind)}") from None
        return ProtocolSubject(protocol, market, seed, TICKS), f"{where}, with loss, delay and duplicates"
    if not issubclass(kind, Fault):
        raise TypeError(f"{kind!r}: wanted a type that `named_type` returns")
    fault = _fault(text, kind, values)
    subject = fault_subject(fault, seed=seed, topology=None if scenario is None else market.topology)
    return subject, f"messages of all kinds in {where}: {fault.name}"


def _fault(text: str, kind: type[Fault], values: Mapping[str, Any]) -> Fault:
    """Return a fault with the parameters it is given; what it needs beside those is a number that some allow."""
    name = text.partition(",")[0].partition("=")[0].strip()
    table = {**(read_fault(text) if "=" in text else {"kind": name}), **values}
    usual = FAULTS.get(kind.kind, {}) if len(table) == 1 else {}
    needs = [
        one for one, field in kind.model_fields.items() if one not in table and (field.is_required() or one in usual)
    ]
    for guess in (0.3, 2, 0.05, "*"):
        given = {one: usual.get(one, guess) for one in needs}
        try:
            return read_fault_table({**given, **table}, "conform")
        except ScenarioError as error:
            if guess == "*" or not needs:
                hint = f" Give {', '.join(needs)} with --set." if needs else ""
                raise ScenarioError(f"{error}{hint}") from None
    raise AssertionError  # the last guess returns or raises


def _agents(kind: type[Society], values: Mapping[str, Any], scenario: str | None, seed: int) -> tuple[Society, str]:
    if scenario is not None:
        found = _of_scenario(kind, scenario)
        if found is None:
            raise ScenarioError(f"scenario {scenario}: no agent in it is a {kind.__name__}")
        return found, f"{', '.join(found.names)} of {scenario}"
    if not values and kind.__name__ in agent_types(Society):
        for name in scenario_names():
            if (found := _of_scenario(kind, name)) is not None:
                return found, f"{', '.join(found.names)} of {name}"
    return _drawn(kind, values, seed)


def _of_scenario(kind: type[Society], name: str) -> Society | None:
    where = Path(name)
    market = load_scenario(where if where.is_file() else name).simulation().market
    society = next((p.society for p in market.populations if type(p.society).__name__ == kind.__name__), None)
    if society is None:
        return None
    each = int(np.max(society.port_count + 1)) * society.periods
    return society.take(np.arange(max(1, min(AGENTS_MAX, len(society), MANY // each))))


def _drawn(kind: type[Society], values: Mapping[str, Any], seed: int) -> tuple[Society, str]:
    """Return agents whose facts, where they are neither given nor have a default, are drawn."""
    rng, refused = np.random.default_rng(seed), None
    free = [fact for fact in kind.facts.values() if fact.name not in values and fact.default is None]
    ports = [2] * DRAWN if any(fact.shape.by_port for fact in kind.facts.values()) else [0] * DRAWN
    last: Society | None = None
    for _ in range(DRAWS if free else 1):
        drawn = {}
        for fact in free:
            rows = sum(ports) if fact.shape.by_port else DRAWN
            most = min((b.le for b in fact.limits if b.le is not None), default=np.inf)
            column = 10.0 ** rng.uniform(-0.5, 0.8, (rows, 2 if fact.shape.by_period else 1))
            drawn[fact.name] = np.minimum(column, 0.9 * most)
        try:
            last = kind(periods=2, ports=ports, names=[f"agent {k}" for k in range(DRAWN)], **{**drawn, **values})
        except AgentError as error:
            refused = error
            continue
        if _can_answer(last):
            break
    if last is None:
        raise refused or AgentError(f"{kind.__name__}: no facts were found that it allows; give them with --set")
    named = ", ".join(fact.name for fact in free)
    return last, f"{DRAWN} agents, two periods" + (
        f"; {named} drawn, --set {free[0].name}=... gives one" if free else ""
    )


def _can_answer(society: Society) -> bool:
    """Tell whether agents have an answer within their limits; whatever is wrong else the checks will say."""
    zero = np.zeros((society.rows, society.periods))
    try:
        return bool(np.isfinite(society.cost(society.respond(zero, zero.copy(), zero[:, :1].copy()))).all())
    except BaseException as error:
        if ended_from_outside(error):
            raise
        return True

"""The probe: the answers of all agents, tried against their own cost. Nobody is trusted, by name or otherwise."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...agents import AgentError, Society, tiles
from ...protocols import Market, MarketState
from ...protocols.machinery.answer import answer
from .findings import FINDINGS_MAX, Finding, Probe, kit_hint
from .rays import Asked
from .search import Searched, search

__all__ = ["Answers", "best_answers", "last_answers", "points_of", "probe", "probe_prices"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

PART = 30.0
"""Steps are a factor of a hundred apart at most: the best gains this part, at least, of what there is to gain on its way."""
GAP = 1e-6
"""Of the market's cost: what all agents together may miss before no optimum can be claimed, however little each does."""
NOTHING = 0.01
"""Of what an agent may miss: what is less is rounding, and is not added up over all agents."""
NUMBERS_MANY, SAMPLE = 4_000, 200
"""Numbers of a society's answer beyond which only so many of its agents, drawn from a seed, are tried thoroughly."""
_SEED = 20031


class Answers(NamedTuple):
    """What the societies of a market answered.

    Attributes
    ----------
    market : in which they did
    asked : by population, what was asked; None where that is not known
    x : by population, (rows, periods) kW
    when : a clause of which the agent is the subject
    """

    market: Market
    asked: Sequence[Asked | None]
    x: Sequence[Floats]
    when: str


def probe(answers: Sequence[Answers], points: Sequence[Sequence[Floats]], scale: float) -> Probe:
    """Try answers against the costs of those who gave them.

    Parameters
    ----------
    answers : to several questions, those at the final prices first
    points : for each population points that are allowed, as far as is known, such as those that the run ended at
    scale : $/h, the cost of the market

    Returns
    -------
    What is wrong: nothing, where every answer is the minimum of a convex cost, as far as steps of five sizes along every row
    and period, along pairs of them, at random and towards other points can tell. An agent may miss a 1e-7th of the range of
    what it minimises; all together a millionth of the market's cost.
    """
    found = Probe()
    strategic: list[str] = []
    for population in answers[0].market.populations:
        if population.society.strategic:
            strategic += population.society.names
    for some in answers:
        # The bound rests on the answers at the final prices alone.
        together = scale if some is answers[0] else np.inf
        found = found.joined(_tried(some, points, together))
    return Probe(found.findings, found.count, tuple(strategic))


def _tried(answers: Answers, points: Sequence[Sequence[Floats]], scale: float) -> Probe:
    """Try the answers to one question."""
    findings: list[tuple[float, Finding]] = []
    count, gain = 0, 0.0
    best: tuple[float, Finding] | None = None
    for number, population in enumerate(answers.market.populations):
        society, asked, x = population.society, answers.asked[number], answers.x[number]
        if asked is None or society.strategic or not len(society):
            continue
        rivals = [point for point in points[number] if point is not x]
        try:
            searched = _searched(society, asked, x, rivals, number)
        except AgentError as error:
            name = society.names[0] if len(society) == 1 else type(society).__name__
            wrong = Finding(
                name, type(society).__name__, "error", answers.when, detail=str(error), hint=kit_hint(type(society))
            )
            findings.append((np.inf, wrong))
            count += 1
            continue
        gain += float(searched.gain[searched.gain > NOTHING * searched.floor].sum())
        namer = _Namer(answers, number, searched)
        badness = _badness(searched)
        bad = np.flatnonzero(badness > 1.0)
        count += len(bad)
        worst = bad[np.argsort(-badness[bad], kind="stable")][:FINDINGS_MAX]
        findings += [(float(badness[k]), namer.finding(k)) for k in worst.tolist()]
        if len(society) and searched.gain.max() > 0.0:
            k = int(np.argmax(searched.gain))
            if best is None or searched.gain[k] > best[0]:
                best = float(searched.gain[k]), namer.finding(k, "better")
    if not findings and best is not None and PART * gain > GAP * max(scale, 1.0):
        findings, count = [best], 1
    findings.sort(key=lambda pair: -pair[0])
    return Probe(tuple(finding for _, finding in findings[:FINDINGS_MAX]), count)


def _badness(found: Searched) -> Floats:
    """(n,): how many times what counts as nothing each agent misses."""
    floor = np.maximum(found.floor, 1e-300)
    badness = np.maximum(found.gain, found.bend) / floor
    return np.where(found.outside, np.inf, badness)


def _searched(society: Society, asked: Asked, x: Floats, rivals: Sequence[Floats], number: int) -> Searched:
    """Search tile by tile: the same agents in the same order draw the same steps. Of very many agents some thoroughly."""
    rng = np.random.default_rng([_SEED, number])
    many = society.rows * society.periods > NUMBERS_MANY
    found, first = Searched.nothing(society), 0
    every = rivals if many else [*rivals, *_neighbours(society, x), *_elsewhere(society, asked, rng)]
    for part, rows in tiles(society):
        agents = slice(first, first + len(part))
        first += len(part)
        points = [rival[rows] for rival in every]
        found.put(rows, agents, search(part, asked.take(rows), x[rows], points, rng, thorough=not many))
    if many:
        which = np.sort(rng.choice(len(society), min(SAMPLE, len(society)), replace=False))
        of_some, some = society.rows_of(which), society.take(which)
        question = Asked(*(column[of_some] for column in asked))
        points = [rival[of_some] for rival in [*rivals, *_neighbours(society, x)]]
        points += _elsewhere(some, question, rng)
        found.put(of_some, which, search(some, question, x[of_some], points, rng))
    return found


def _elsewhere(society: Society, asked: Asked, rng: np.random.Generator) -> list[Floats]:
    """Return what the agents answer at other prices: points that they allow, and where their cost has an edge, along it."""
    size = max(float(np.abs(asked.price).mean()), 1e-12)
    drawn = rng.standard_normal(asked.price.shape)
    found = []
    for price in (0.8 * asked.price, 1.25 * asked.price, asked.price - 0.1 * size, asked.price + 0.2 * size * drawn):
        with contextlib.suppress(AgentError):  # what cannot be answered shows no way
            found.append(answer(society, price, asked.target, asked.rho))
    return found


def _neighbours(society: Society, x: Floats) -> list[Floats]:
    """Return what other agents of the society answer that have as many rows: two points for each agent."""
    order = np.argsort(society.port_count, kind="stable")
    count = society.port_count[order]
    first = np.searchsorted(count, count, side="left")
    size = np.searchsorted(count, count, side="right") - first
    if size.max(initial=0) < 2:
        return []
    found = []
    for shift in (1, max(1, int(size.max()) // 3)):
        other = np.empty(len(order), dtype=np.int64)
        other[order] = order[first + (np.arange(len(order)) - first + shift) % size]
        found.append(x[society.rows_of(other)])
    return found


class _Namer(NamedTuple):
    """What turns the numbers of a search into names."""

    answers: Answers
    number: int
    searched: Searched

    def finding(self, k: int, fault: str | None = None) -> Finding:
        """Return what is wrong with agent k."""
        found = self.searched
        society = self.answers.market.populations[self.number].society
        if fault is None:
            hole = bool(np.isinf(found.bend[k]))
            bent = "hole" if hole else "bend" if found.bend[k] > found.gain[k] else "better"
            fault = "outside" if found.outside[k] else bent
        rows = slice(int(society.row_start[k]), int(society.row_start[k + 1]))
        step = (found.step if fault == "better" else found.bent)[rows]
        row, period = np.unravel_index(int(np.abs(step).argmax()), step.shape)
        return Finding(
            agent=society[k].names[0],
            type=type(society).__name__,
            fault=fault,  # type: ignore[arg-type]
            when=self.answers.when,
            balance=self._balance(rows.start + int(row)),
            period=int(period) if society.periods > 1 else None,
            gain=float(found.gain[k] if fault == "better" else found.bend[k]),
            step=float(step[row, period]),
            hint=kit_hint(type(society)),
        )

    def _balance(self, row: int) -> str:
        """Return the balance that a row of the society is in; nothing where it is in none."""
        market = self.answers.market
        at, of = market.rows[self.number]
        here = np.flatnonzero(at == row)
        return market.topology.balances[int(market.topology.row_balance[of[here[0]]])] if len(here) else ""


def best_answers(market: Market, price: Floats) -> Answers:
    """Return what all agents answer at the prices of the balances, (B, periods) $/kWh, without a penalty."""
    asked: list[Asked | None] = []
    found = []
    for population, gather in zip(market.populations, market.gather, strict=True):
        seen = np.asarray(gather.T @ price)
        question = Asked(seen, np.zeros_like(seen), np.zeros((population.society.rows, 1)))
        asked.append(question)
        found.append(answer(population.society, *question))
    return Answers(market, asked, found, "answers at the final prices")


def probe_prices(market: Market, state: MarketState) -> Probe:
    """Try what agents answer at the last prices alone, of a run that has no point to certify."""
    if not np.isfinite(state.price).all():
        return Probe()
    try:
        best = best_answers(market, state.price)
    except AgentError:  # prices that ran away are no fair question
        return Probe()
    return probe([best], points_of(best, state, None), 0.0)


def points_of(best: Answers, state: MarketState, x: Sequence[Floats] | None) -> list[list[Floats]]:
    """Return, by population, points that the end of a run knows: what is committed, last answers, and best answers."""
    every = zip(*([] if x is None else [x]), state.x, best.x, strict=True)
    return [[point for point in points if np.isfinite(point).all()] for points in every]


def last_answers(market: Market, state: MarketState) -> Answers:
    """Return what was answered last, and to what.

    Where that is not what was asked last, since an ask or a memory was lost, the agents are asked once more. Questions
    without a penalty are left out, since those at the final prices stand for them.
    """
    asked: list[Asked | None] = []
    given: list[Floats] = []
    for number, population in enumerate(market.populations):
        keys = sorted(key for key in state.last_ask if key[0] == number)
        parts = [state.last_ask[key]() for key in keys]
        society, x = population.society, state.x[number]
        question = None
        if parts and sum(len(part.rho) for part in parts) == society.rows and any(part.rho.any() for part in parts):
            question = Asked(*(np.concatenate(column) for column in zip(*(part[:3] for part in parts), strict=True)))
            if not all(np.isfinite(column).all() for column in question):
                question = None
        if question is not None and not (all(part.answered for part in parts) and np.isfinite(x).all()):
            x = answer(society, *question)
        asked.append(question)
        given.append(x)
    return Answers(market, asked, given, "answered when it was asked last, with a penalty")

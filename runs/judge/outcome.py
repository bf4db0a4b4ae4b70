"""The outcome of a run: one word and the reason for it, never CONVERGED without a certificate."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ...protocols import Market, MarketState
from .certificate import Certificate
from .infeasibility import Infeasibility, find_infeasibility
from .metrics import Observer
from .reference import Reference, find_contradiction

__all__ = ["CERTIFIED_GAP", "EndedRun", "Outcome", "Verdict", "check_reference", "judge"]

CERTIFIED_GAP = 1e-6
"""Largest relative gap of a certificate that still counts."""


_SMALLER, _MORE = "; a smaller step may help", "; more --ticks may do"


class Outcome(StrEnum):
    """How a run ended.

    CONVERGED: all coordinators stopped, at a feasible point, with a certificate. AGREED: all stopped, at a point that all can
    keep, and nothing is claimed about the optimum, since some answer is not the minimum of a convex cost, by the probe or by
    declaration. STALLED: nothing moves any more, short of that. OSCILLATING: prices go back and forth and come no nearer.
    DIVERGED: prices run away. INCONSISTENT: two copies of one price differ. INFEASIBLE: proven that no point balances.
    TICK_LIMIT: it was still getting better. FAILED: the code of a type that takes part failed, in `FailedError`, or something
    else ended the run.
    """

    CONVERGED = "CONVERGED"
    AGREED = "AGREED"
    STALLED = "STALLED"
    OSCILLATING = "OSCILLATING"
    DIVERGED = "DIVERGED"
    INCONSISTENT = "INCONSISTENT"
    INFEASIBLE = "INFEASIBLE"
    TICK_LIMIT = "TICK_LIMIT"
    FAILED = "FAILED"


class EndedRun(Protocol):
    """A simulation as it ended: the part of it that `judge` reads.

    Attributes
    ----------
    market, observer, state
    tick : ticks done
    stopped : whether every coordinator has stopped
    broken : whether prices have run away
    last_due : the last tick in which anything is due that is in flight, -1 if nothing is
    proof : that no point balances, where that ended the run
    garbling : names of faults that garble messages to the end
    """

    market: Market
    observer: Observer
    state: MarketState
    tick: int

    @property
    def stopped(self) -> bool: ...  # noqa: D102
    @property
    def broken(self) -> bool: ...  # noqa: D102
    @property
    def last_due(self) -> int: ...  # noqa: D102
    @property
    def proof(self) -> Infeasibility | None: ...  # noqa: D102
    @property
    def garbling(self) -> tuple[str, ...]: ...  # noqa: D102


class Verdict(NamedTuple):
    """An outcome and, in a clause, why it is this one."""

    outcome: Outcome
    reason: str


def judge(simulation: EndedRun, certificate: Certificate, reference: Reference | None = None) -> Verdict:
    """Name the outcome of a run that has ended.

    Parameters
    ----------
    simulation
    certificate : of its end
    reference : the optimum of the market as it stands, where it was solved centrally: one there is contradicts a proof of none
    """
    state, observer = simulation.state, simulation.observer
    apart = observer.latest["price_disagreement"]
    if apart > 1e-6 * max(1.0, float(np.nanmax(np.abs(state.price)))):
        return Verdict(Outcome.INCONSISTENT, "two copies of one price differ, so what looks settled is not")
    if simulation.stopped:
        return _finished(certificate)
    verdict = _ended_badly(simulation, certificate, reference)
    # A proof rests on answers that were probed; prices that then ran away are no fair question.
    if not certificate.probe.findings or verdict.outcome is Outcome.INFEASIBLE:
        return verdict
    # What is wrong with an agent comes first, and no advice that would not mend it.
    return Verdict(verdict.outcome, f"{certificate.probe.words}; {_plain(verdict)}{certificate.probe.hint}")


def _plain(verdict: Verdict) -> str:
    """Return a reason without advice."""
    return verdict.reason.removesuffix(_SMALLER).removesuffix(_MORE)


def _ended_badly(simulation: EndedRun, certificate: Certificate, reference: Reference | None) -> Verdict:
    """Judge a run that ended before all coordinators stopped."""
    if simulation.proof is not None and reference is not None:
        return Verdict(
            Outcome.STALLED,
            "the agents' answers prove that no point balances, but the central solve found one: an agent's `respond` or "
            "`cost` differs from its `reference`",
        )
    # Prices that oscillate or diverge may do so because no solution exists.
    if certificate.x is None and reference is None and (proof := _proof(simulation)):
        where = proof.where(simulation.market.topology.balances)
        return Verdict(Outcome.INFEASIBLE, f"it is proven that no point balances: {where}")
    verdict = Verdict(Outcome.DIVERGED, "prices run away" + _SMALLER) if simulation.broken else _unfinished(simulation)
    if simulation.garbling and (reason := _plain(verdict)) != verdict.reason:
        garbled = f"messages are garbled to the end ({', '.join(simulation.garbling)}), and those that are believed move prices"
        verdict = Verdict(verdict.outcome, f"{garbled}; {reason}")
    return verdict


def check_reference(
    verdict: Verdict, certificate: Certificate, market: Market, reference: Reference | None
) -> tuple[Verdict, Certificate]:
    """Return both once a central optimum was looked for: where it contradicts the certificate, with the agent that does.

    Parameters
    ----------
    verdict, certificate, market
    reference : the optimum; None where no agent's limits allow one by the agents' `reference`, or some agent has none
    """
    offered = all(population.society.offers("reference") for population in market.populations)
    if verdict.outcome is not Outcome.CONVERGED or certificate.residual is not None or not offered:
        return verdict, certificate
    assert certificate.x is not None
    if reference is not None and not _outside(certificate, reference):
        return verdict, certificate
    found = find_contradiction(market, certificate.x, reference)
    if reference is None and not found:
        return verdict, certificate  # the solver has failed, which says nothing
    why = found.words
    if reference is not None and not found:
        beyond = _outside(certificate, reference)
        why = f"the optimum of the agents' `reference` lies {beyond:.1e} $/h outside what their `cost` allows"
    told = f"all coordinators stopped, at a feasible point, and no optimum is claimed: {why}{found.hint}"
    return Verdict(Outcome.AGREED, told), replace(certificate, lower=-np.inf, gap=np.inf, probe=found)


def _finished(certificate: Certificate) -> Verdict:
    """Judge a run whose coordinators all stopped: CONVERGED takes a certificate that nothing contradicts."""
    probe = certificate.probe
    if certificate.x is None:
        first = f"{probe.words}; " if probe else ""
        return Verdict(Outcome.STALLED, f"{first}all coordinators stopped, but no feasible point was found{probe.hint}")
    if probe:
        return Verdict(
            Outcome.AGREED,
            f"all coordinators stopped, at a feasible point, and no optimum is claimed: {probe.words}{probe.hint}",
        )
    if certificate.residual is not None:
        return _equilibrium(certificate.residual, certificate.x)
    if certificate.gap < -CERTIFIED_GAP:
        return Verdict(
            Outcome.STALLED,
            "all coordinators stopped, but the certificate contradicts itself, its lower bound being above the upper one",
        )
    if not certificate.gap <= CERTIFIED_GAP:
        return Verdict(
            Outcome.STALLED,
            f"all coordinators stopped, but the certificate leaves a gap of {certificate.gap:.1e}, more than {CERTIFIED_GAP:.0e}",
        )
    return Verdict(
        Outcome.CONVERGED,
        f"all coordinators stopped, at a feasible point, certified optimal to {CERTIFIED_GAP:.0e}",
    )


def _equilibrium(residual: float, x: list[npt.NDArray[np.float64]]) -> Verdict:
    """Judge a run that stopped where no common cost is least, by the residual of the equilibrium conditions."""
    allowed = CERTIFIED_GAP * max(1.0, *(float(np.abs(rows).max(initial=0.0)) for rows in x))
    if not residual <= allowed:
        return Verdict(
            Outcome.STALLED,
            f"all coordinators stopped, but an agent's best answer is {residual:.1e} kW away, more than {allowed:.0e}",
        )
    return Verdict(
        Outcome.CONVERGED,
        f"all coordinators stopped, at a feasible point, an equilibrium to {residual:.1e} kW by the natural map",
    )


def _outside(certificate: Certificate, reference: Reference) -> float:
    """$/h by which the central optimum misses the certificate's bracket, 0 where rounding explains it."""
    beyond = max(certificate.lower - reference.cost, reference.cost - certificate.upper)
    scale = max(abs(certificate.upper), 1.0)
    # A solver that stopped at its looser tolerances may be off by as much.
    trust = CERTIFIED_GAP if reference.status == "optimal" else 1e-4
    return beyond if beyond > trust * scale else 0.0


def _proof(simulation: EndedRun) -> Infeasibility | None:
    """Return the proof that ended the run, or look for one."""
    return simulation.proof or find_infeasibility(simulation.market, simulation.observer, simulation.state)


def _unfinished(simulation: EndedRun) -> Verdict:
    """Judge a run whose ticks ran out, by what its prices were doing."""
    observer, tick = simulation.observer, simulation.tick
    silence = tick - observer.round_tick
    # Under long delays a round takes long; messages still in flight tell a slow link from a dead one.
    if silence > max(tick // 4, 50, 4 * (simulation.last_due - tick)):
        return Verdict(
            Outcome.STALLED,
            f"no round was completed in the last {silence} ticks: an agent that is waited for is not heard",
        )
    residual = np.array([row[0] for row in observer.rounds])
    if len(residual) < 8:
        done = int(simulation.state.round.min())
        return Verdict(Outcome.TICK_LIMIT, f"rounds completed in {tick} ticks: {done}, too few to tell{_MORE}")
    quarter = len(residual) // 4
    before, after = np.nanmax(residual[-2 * quarter : -quarter]), np.nanmax(residual[-quarter:])
    if after <= 0.9 * before:
        return Verdict(Outcome.TICK_LIMIT, "the ticks ran out while it was still getting better" + _MORE)
    path, net, _ = observer.drift()
    if net > 0.5 * path:
        if after > 1.1 * before:
            return Verdict(Outcome.DIVERGED, "prices run away" + _SMALLER)
        return Verdict(Outcome.TICK_LIMIT, "the ticks ran out while prices were still on their way" + _MORE)
    if observer.latest["dual_residual"] > 1e-9:
        return Verdict(Outcome.OSCILLATING, "prices go back and forth and come no nearer" + _SMALLER)
    return Verdict(
        Outcome.STALLED, "prices are settled, but not all agents are within the tolerances eps_abs and eps_rel"
    )

"""Judging a simulation as it stands, and putting everything about its end into one result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...protocols import Market, MarketState, Protocol
from ..judge.certificate import Certificate, certify
from ..judge.equilibrium import natural_answers, tangent_market
from ..judge.metrics import Observer
from ..judge.outcome import check_reference, judge
from ..judge.probe import probe, probe_prices
from ..judge.reference import ROWS_MAX, central_solve
from ..scenario.scenario import Scenario
from ..simulation.simulation import Simulation
from .day_result import evaluate_day
from .result import Result
from .shading import shading_of

__all__ = ["evaluate"]


def evaluate(
    scenario: Scenario, simulation: Simulation, *, seconds: float = 0.0, reference: bool | None = None
) -> Result:
    """Judge a simulation as it stands: certificate, outcome, and the central reference where wanted."""
    if simulation.day is not None:
        return evaluate_day(scenario, simulation, seconds=seconds, reference=reference)
    state, protocol = simulation.state, simulation.protocol
    tangent = tangent_market(simulation.market, state.x)
    optimised = protocol.optimised(tangent)
    market = tangent if optimised is None else optimised
    observer = simulation.observer if market is simulation.market else Observer(market, 0)
    if any(np.isnan(x).any() for x in state.x) or simulation.broken or simulation.proof is not None:
        certificate = Certificate(-np.inf, np.inf, np.inf, None, probe=probe_prices(market, state))
    else:
        certificate = certify(market, observer, state, asked=tangent)
        if optimised is None:
            certificate = _of_equilibrium(certificate, market, protocol, state)
    if reference is None:
        reference = sum(p.society.rows for p in market.populations) * market.periods <= ROWS_MAX
    reference = reference and optimised is not None
    societies = [p.society.unregularised() for p in market.populations]
    regularised = any(free is not p.society for free, p in zip(societies, market.populations, strict=True))
    posed = central_solve(market) if reference else None
    lossless = (central_solve(market, societies) if regularised else posed) if reference else None
    verdict = judge(simulation, certificate, posed)
    if reference:
        verdict, certificate = check_reference(verdict, certificate, market, posed)
    x = state.x if certificate.x is None else certificate.x
    if lossless is not None and optimised is not tangent:
        lossless = replace(lossless, cost=simulation.observer.cost(lossless.x))  # what is least is a weighted cost
    shading = {}
    if certificate.probe.strategic and certificate.x is not None and posed is not None:
        shading = shading_of(market, certificate.x, state.price, posed)
    return Result(
        scenario, simulation, *verdict, certificate, posed, lossless, seconds, x, observer=observer, shading=shading
    )


def _of_equilibrium(certificate: Certificate, market: Market, protocol: Protocol, state: MarketState) -> Certificate:
    """Return a certificate without bounds, with the residual of an equilibrium, whose best answers are probed as well."""
    at = state.x if certificate.x is None else certificate.x
    answers = natural_answers(market, protocol, state, at)
    residual = max(float(np.abs(rows - x).max(initial=0.0)) for rows, x in zip(at, answers.x, strict=True))
    found = probe([answers], [[x] for x in at], abs(certificate.upper) if np.isfinite(certificate.upper) else 0.0)
    joined = certificate.probe.joined(found)
    return replace(certificate, lower=-np.inf, gap=np.inf, residual=residual, probe=joined)

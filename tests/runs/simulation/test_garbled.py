"""Garbled messages: whatever arrives, no built-in solve fails, and no run claims what it does not know."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import load_scenario, run_scenario
from gridparley.environment import MessageBatch
from gridparley.protocols import ATC, DualDecomposition, ExchangeADMM, protocol_types

MODES = ("nan", "scale", "sign", "replay")
CASES = [
    pytest.param(scenario, protocol, marks=[] if scenario == "three-microgrids" else pytest.mark.slow)
    for scenario in ("three-microgrids", "feeder-toy", "prosumer-day")
    for protocol in ("atc", "dlmp_admm", "dual_decomposition", "exchange_admm", "incentive")
]


def test_every_protocol_is_tried():
    known = {name for name, kind in protocol_types().items() if kind.__module__.startswith("gridparley.")}
    assert known == {case.values[1] for case in CASES}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("scenario", "protocol"), CASES)
def test_half_of_all_messages_garbled_end_in_an_honest_word(scenario, protocol, mode):
    fault = {"kind": "corrupt", "probability": 0.5, "mode": mode, "factor": -1e9}
    loaded = load_scenario(scenario, protocol=protocol, faults=[fault])
    with np.errstate(all="ignore"):  # prices may run away
        result = run_scenario(loaded, ticks=60, reference=False, progress=False)
    assert result.outcome in ("TICK_LIMIT", "DIVERGED", "OSCILLATING", "STALLED", "INFEASIBLE", "AGREED")
    assert result.to_dict()["faults"][0]["acted_first"] is not None


@pytest.mark.parametrize("text", ["corrupt=0.3,mode=nan", "corrupt=0.3,mode=NaN", "corrupt=0.3,mode='nan'"])
def test_nan_is_a_mode_though_toml_reads_it_as_a_number(text):
    if "NaN" in text:
        with pytest.raises(ValueError, match="mode = 'NaN'"):
            load_scenario("three-microgrids", faults=[text])
        return
    simulation = load_scenario("three-microgrids", faults=[text]).simulation()
    simulation.run(20)
    assert simulation.journal.totals["refused"] > 5


def heard(kind, **fields):
    """Tell whether a receiver believes a message with these fields, all others 1."""
    values = np.ones((1, kind.width))
    for name, value in fields.items():
        values[:, kind.part(name)] = value
    return bool(MessageBatch(kind, 3, np.zeros(1, dtype=np.int32), values).sound()[0])


@pytest.mark.parametrize(
    ("protocol", "kind", "fields", "believed"),
    [
        (ExchangeADMM(), "ask", {}, True),
        (ExchangeADMM(), "ask", {"rho": 0.0}, False),
        (ExchangeADMM(), "ask", {"rho": -0.1}, False),
        (ExchangeADMM(), "ask", {"rho": 1e10}, False),
        (ExchangeADMM(), "ask", {"target": 1e10}, False),
        (ExchangeADMM(), "ask", {"price": -1e13}, False),
        (ExchangeADMM(), "ask", {"round": 1.5}, False),
        (ExchangeADMM(), "ask", {"round": -1.0}, False),
        (ExchangeADMM(), "recollection", {"asked": -1.0, "round": -1.0}, True),
        (ExchangeADMM(), "recollection", {"rho": 0.0}, False),
        (ATC(penalty="linear"), "ask", {"rho": 0.0}, True),
        (DualDecomposition(), "answer", {"round": -1.0, "x": -1e8}, True),
        (DualDecomposition(), "answer", {"round": -2.0}, False),
        (DualDecomposition(), "answer", {"x": np.nan}, False),
        (DualDecomposition(), "termination", {"stop_round": -1.0}, True),
        (DualDecomposition(), "termination", {"count": -1.0}, False),
        (DualDecomposition(), "termination", {"waiting": 2.0}, False),
        (DualDecomposition(two_ledgers=True), "copy", {"round": 0.5}, False),
    ],
)
def test_a_receiver_refuses_what_cannot_be_true_and_nothing_else(protocol, kind, fields, believed):
    assert heard(protocol.kinds(2)[kind], **fields) is believed

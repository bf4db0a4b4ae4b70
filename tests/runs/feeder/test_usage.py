"""Usage charges: the identities that tie prices, losses and limits together."""

from __future__ import annotations

import json

import pytest

from gridparley import load_scenario, run_scenario
from gridparley.runs.common.errors import RunError
from gridparley.runs.feeder.usage import SELLER_SHARE, usage_report
from gridparley.runs.figures.trades import trades_figure
from gridparley.runs.record.files.folder_read import read_run
from gridparley.runs.result.ac_report import ac_report, ac_text

from ..command import call


def report(scenario, protocol="atc", **settings):
    result = run_scenario(
        load_scenario(scenario, {"pricing": "wholesale", **settings}, protocol=protocol), reference=False
    )
    simulation = result.simulation
    return result, usage_report(simulation.market, simulation.protocol, simulation.state, result.x)


@pytest.mark.slow
@pytest.mark.parametrize("losses", ["none", "lindistflow", "exact"])
@pytest.mark.parametrize("scenario", ["feeder-toy", "feeder-33", "feeder-69"])
def test_charges_and_exchanges_pay_for_losses_and_limits(scenario, losses):
    _, told = report(scenario, losses=losses)
    budget = told["budget"]
    assert budget["collected"] == pytest.approx(budget["losses"] + budget["limits"], abs=1e-8)
    assert (budget["losses"] != 0.0) == (losses != "none")
    assert abs(budget["limits"]) > 0.01
    assert told["residual_kw"] < 1e-6


@pytest.mark.slow
def test_every_contract_pays_the_seller_the_network_and_nobody_else():
    _, told = report("feeder-toy", losses="exact")
    assert len(told["trades"]) == 6
    for trade in told["trades"]:
        assert trade["buyer_pays"] - trade["seller_receives"] == pytest.approx(trade["charge"], abs=1e-12)
        parts = trade["loss"] + trade["congestion"] + trade["voltage"]
        assert parts == pytest.approx(trade["charge"], abs=1e-8)
        assert trade["kw"] > 0.0
        mine = trade["contract_price"] * trade["kw"] - trade["seller_receives"]
        assert mine == pytest.approx(SELLER_SHARE * trade["charge"], abs=1e-12)


@pytest.mark.slow
def test_neighbours_at_one_bus_use_no_network():
    _, told = report("feeder-toy", losses="exact", tan_phi=[0.0, 0.0, 0.2, 0.2])
    (at_home,) = [t for t in told["trades"] if {t["seller"], t["buyer"]} == {"p3", "p4"}]
    assert at_home["charge"] == pytest.approx(0.0, abs=1e-8)
    assert max(abs(t["charge"]) for t in told["trades"]) > 0.1


@pytest.mark.slow
def test_charges_are_differences_of_the_prices_of_the_connections():
    result, told = report("feeder-69")
    dlmp = dict(
        zip(
            result.simulation.market.topology.homes[1:],
            result.simulation.state.price[:50, 0],
            strict=True,
        )
    )
    for trade in told["trades"]:
        wanted = (dlmp[trade["buyer"]] - dlmp[trade["seller"]]) * trade["kw"]
        assert trade["charge"] == pytest.approx(wanted, abs=1e-7)


def test_a_market_without_a_network_has_no_report():
    result = run_scenario(load_scenario("three-microgrids"))
    simulation = result.simulation
    assert usage_report(simulation.market, simulation.protocol, simulation.state, result.x) == {}
    assert "usage" not in result.to_dict()


@pytest.mark.slow
def test_an_ac_power_flow_tells_what_the_operator_is_for():
    result, _ = report("feeder-33", losses="exact")
    told = ac_report(result)
    assert told["with"]["over_pu"] < 1e-6
    assert told["with"]["over_kw"] < 1e-3
    assert told["without"]["over_pu"] > 1e-3
    assert told["without"]["over_kw"] > 10.0
    assert "without the network operator" in ac_text(told)
    with pytest.raises(RunError, match="this one has none"):
        ac_report(run_scenario(load_scenario("three-microgrids")))


@pytest.mark.slow
def test_the_report_stands_in_the_folder_and_is_printed_and_drawn(tmp_path):
    out = tmp_path / "run"
    words = ["--protocol", "atc", "--set", "pricing=wholesale", "--ac-check", "--out", out]
    run = call("run", "feeder-toy", *words)
    assert run.exit_code == 0, run.output
    assert "6 trades, which pay" in " ".join(run.output.split())
    told = json.loads((out / "result.json").read_text())
    assert len(told["usage"]["trades"]) == 6
    assert told["ac_check"]["without"]["over_kw"] > 10.0
    assert (ac_text(told["ac_check"])[:40]) in run.output
    assert trades_figure(read_run(out)) is not None

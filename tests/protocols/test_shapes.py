"""Markets of other shapes than microgrids on lines: in pieces, at a pool, in bilateral trades, without buses."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley.environment.faults import Crash, Delay, Loss
from gridparley.protocols import ATC, DlmpADMM, DualDecomposition, ExchangeADMM, Incentive
from gridparley.runs.judge.reference import central_solve
from gridparley.runs.simulation.simulation import Simulation

from .markets import bilateral, microgrids, pool, pools_with_trades, without_buses

COARSE = {"eps_abs": 1e-4, "eps_rel": 1e-4}
COSTS = {"A": 1.0, "B": 3.0, "C": 0.5, "D": 0.6}


def run(market, protocol, faults=(), ticks=8000, **options):
    """Run until all have stopped; return the simulation, and the tick in which each coordinator did."""
    simulation = Simulation(market, protocol, faults, cost_every=0, **options)
    stopped = np.full(len(market.topology.coordinators), -1)

    def watch(at):
        stopped[(stopped < 0) & at.state.stopped] = at.tick

    simulation.run(ticks, watch)
    assert simulation.stopped
    return simulation, stopped


def off(simulation, market):
    """Return how far answers and prices are from the central optimum, kW and $/kWh."""
    best = central_solve(market)
    x = max(np.abs(mine - theirs).max() for mine, theirs in zip(simulation.state.x, best.x, strict=True))
    return x, np.abs(simulation.state.price - best.price).max()


def by_name(simulation):
    """Return the price of each balance and the answer of each row, by name."""
    topology, state = simulation.market.topology, simulation.state
    prices = {name: price.tobytes() for name, price in zip(topology.balances, state.price, strict=True)}
    rows = zip(
        topology.row_agent.tolist(), topology.row_balance.tolist(), simulation.market.of_rows(state.x), strict=True
    )
    return prices, {(topology.name(agent), topology.balances[balance]): x.tobytes() for agent, balance, x in rows}


ROUGH = (Loss(probability=0.2), Delay(ticks="0..3"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "faults"),
    [
        (DualDecomposition(step_size=0.05, **COARSE), ()),
        (DualDecomposition(step_size=0.05, **COARSE), ROUGH),
        (DualDecomposition(step_size=0.05, two_ledgers=True, **COARSE), ()),
        (ExchangeADMM(), ()),
        (ExchangeADMM(), ROUGH),
    ],
)
def test_each_of_two_pieces_goes_its_way_and_stops_as_if_it_were_alone(protocol, faults):
    both, stopped = run(microgrids("A-B C-D", **COSTS), protocol, faults, seed=1)
    one, first = run(microgrids("A-B", **COSTS), protocol, faults, seed=1)
    two, second = run(microgrids("C-D", **COSTS), protocol, faults, seed=1)
    assert stopped.tolist() == [*first, *second]
    # Both of a pair stop in the same round, which is the same tick where none waits for a lost message.
    assert len(set(stopped.tolist())) == 2 or faults
    assert both.tick == stopped.max()
    prices, x = by_name(both)
    for alone in (one, two):
        their_prices, their_x = by_name(alone)
        assert their_prices.items() <= prices.items()
        assert their_x.items() <= x.items()


def test_a_piece_that_waits_for_ever_does_not_keep_the_other_from_stopping():
    market = microgrids("A-B C-D", **COSTS)
    simulation = Simulation(market, ExchangeADMM(), [Crash(agent="D.operator", start=10)], cost_every=0)
    simulation.run(1000)
    assert simulation.state.stopped.tolist() == [True, True, False, False]
    assert not simulation.finished


@pytest.mark.parametrize(
    "protocol", [DualDecomposition(step_size=0.05), ExchangeADMM(), Incentive(), ATC(), DlmpADMM()]
)
def test_a_pool_without_any_tie_line_finds_the_optimum(protocol):
    market = pool(12)
    assert (len(market.topology.coordinators), market.topology.channels.peers.size) == (1, 0)
    simulation, _ = run(market, protocol)
    assert max(off(simulation, market)) < 1e-6


@pytest.mark.parametrize("protocol", [ExchangeADMM(), ATC(rho=0.1), DlmpADMM(rho=0.1)])
def test_pools_whose_operators_trade_find_the_optimum_piece_by_piece(protocol):
    market = pools_with_trades()
    assert len(set(market.topology.piece.tolist())) == 3
    simulation, stopped = run(market, protocol)
    assert max(off(simulation, market)) < 1e-6
    assert len(set(stopped[:3].tolist())) == 1


@pytest.mark.parametrize("market", [bilateral, without_buses])
@pytest.mark.parametrize("protocol", [ExchangeADMM(rho=0.001), ATC(), DlmpADMM()])
def test_bilateral_trades_and_connections_without_any_place_find_the_optimum(market, protocol):
    market = market()
    assert not market.topology.place.any()
    simulation, _ = run(market, protocol)
    x, price = off(simulation, market)
    assert x < 1e-4  # trades are worth next to nothing apart from each other
    assert price < 1e-6
    first = {kind.ask for kind in market.topology.kinds}
    assert first == {"network_price", "trade_price"}


@pytest.mark.slow
@pytest.mark.parametrize("market", [pools_with_trades, bilateral, without_buses])
def test_faults_bend_no_path_and_a_lost_memory_not_the_end(market):
    market, protocol = market(), DlmpADMM()
    calm, _ = run(market, protocol)
    rough, _ = run(market, protocol, [Loss(probability=0.3), Delay(ticks="0..3")], seed=5)
    assert by_name(rough) == by_name(calm)
    coordinator = market.topology.coordinators[0]
    member = market.topology.name(len(market.topology.coordinators))
    crashes = [
        Crash(agent=who, start=start, end=start + 20, memory="lost") for who, start in ((coordinator, 30), (member, 71))
    ]
    crashed, _ = run(market, protocol, [Loss(probability=0.2), *crashes], seed=5)
    assert np.abs(crashed.state.price - calm.state.price).max() < 1e-6


@pytest.mark.parametrize("market", [pool, pools_with_trades, bilateral, without_buses])
def test_one_by_one_says_what_the_batch_says(market):
    market = market(8) if market is pool else market()
    runs = []
    for alone in (False, True):
        simulation = Simulation(
            market,
            DlmpADMM(),
            [Loss(probability=0.2), Delay(ticks="0..3")],
            seed=2,
            one_by_one=alone,
            keep_messages=True,
        )
        simulation.run(60)
        runs.append([(b.kind.name, b.sent, b.channel.tobytes(), b.values.tobytes()) for b in simulation.journal.said])
    assert runs[0] == runs[1]

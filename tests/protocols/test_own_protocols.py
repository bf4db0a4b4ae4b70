"""A user's own protocol: few lines in a file of the user's, with columns of its own, and it keeps the whole contract."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import load_scenario, run_scenario
from gridparley.conformance import check_protocol
from gridparley.conformance.market import three_microgrids
from gridparley.environment.faults import Crash, Delay, Loss
from gridparley.protocols import Column, DualDecomposition, Protocol, ProtocolError
from gridparley.runs.simulation.simulation import Simulation

ASCENT = '''
from gridparley.protocols import Column, Protocol


class Ascent(Protocol):
    """Gradient ascent whose steps grow shorter, each balance counting its own."""

    columns = {"steps": Column("balance", width=1)}
    step_size: float = 1.0

    def update(self, balances):
        balances.steps += 1
        balances.price += self.step_size / (1 + 0.01 * balances.steps) * balances.imbalance
'''

MOMENTUM = '''
from gridparley.protocols import Column, Protocol


class Momentum(Protocol):
    """Gradient ascent that keeps going the way it went."""

    columns = {"velocity": Column("balance")}
    step_size: float = 0.3
    momentum: float = 0.5

    def update(self, balances):
        balances.velocity = self.momentum * balances.velocity + self.step_size * balances.imbalance
        balances.price += balances.velocity
'''


def lines_of_code(text):
    """Count the lines that are neither empty nor docstring."""
    return sum(bool(line.strip()) and '"""' not in line for line in text.splitlines())


@pytest.fixture(params=[("Ascent", ASCENT, 10), ("Momentum", MOMENTUM, 15)], ids=["ascent", "momentum"])
def scenario(request, tmp_path):
    """Return what loads three-microgrids with a protocol in a file of the user's."""
    name, text, most = request.param
    assert lines_of_code(text) <= most
    (tmp_path / "mine.py").write_text(text)
    (tmp_path / "mine.toml").write_text(f"base = 'three-microgrids'\nrun.protocol = 'mine.py:{name}'\n")
    return lambda **options: load_scenario(tmp_path / "mine.toml", **options)


def test_it_converges_on_three_microgrids(scenario):
    result = run_scenario(scenario())
    assert (str(result.outcome), abs(result.gap) < 1e-6) == ("CONVERGED", True)


@pytest.mark.slow
def test_it_keeps_the_contract_of_a_protocol(scenario):
    assert len(check_protocol(scenario().protocol())) == 16


@pytest.mark.slow
@pytest.mark.parametrize("who", ["A.virtual", "B.virtual", "C.operator", "*.load", "*"])
def test_faults_cost_ticks_and_a_lost_memory_moves_no_price_at_a_bus(scenario, who):
    loaded = scenario()
    market, protocol = loaded.market(), loaded.protocol()
    calm = Simulation(market, protocol, cost_every=0)
    calm.run(4000)
    faults = [
        Loss(probability=0.2),
        Delay(ticks="0..3"),
        Crash(agent=who, start=40, end=70, memory="lost"),
    ]
    rough = Simulation(market, protocol, faults, seed=3, cost_every=0)
    rough.run(20_000)
    assert rough.stopped
    places = market.topology.place
    assert np.abs(rough.state.price - calm.state.price)[places].max() < 1e-6


def test_loss_and_delay_bend_no_path(scenario):
    ends = []
    for faults in ([], ["loss=0.3", "delay=0..3"]):
        simulation = scenario(faults=faults).simulation(seed=3)
        simulation.run(20_000)
        assert simulation.stopped
        ends.append(simulation.state.price.tobytes())
    assert ends[0] == ends[1]


@pytest.mark.parametrize("name", ["price", "x", "imbalance", "group", "coordinator", "sum", "spread", "pairs", "take"])
def test_a_column_called_like_what_balances_have_is_refused(name):
    with pytest.raises(ProtocolError, match=f"columns = '{name}': balances have something else of this name"):
        type("Wrong", (Protocol,), {"columns": {name: Column("balance")}})


def test_what_is_asked_is_a_column():
    says = {"asks": {"price": "$/kWh", "target": "kW"}, "columns": {"memory": Column("row")}}
    with pytest.raises(ProtocolError, match="asks = 'target', which is no column; there is price, memory"):
        type("Wrong", (Protocol,), says)


@pytest.mark.parametrize("name", ["kind", "row", "elsewhere", "balance", "answers", "first", "held"])
def test_any_other_name_will_do(name):
    def update(self, balances):
        setattr(balances, name, getattr(balances, name) + 1.0)
        balances.price += 0.3 * balances.imbalance

    named = type("Named", (Protocol,), {"columns": {name: Column("balance")}, "update": update})
    ends = []
    for protocol in (named(), DualDecomposition(step_size=0.3)):
        simulation = Simulation(three_microgrids(), protocol, cost_every=0)
        simulation.run(30)
        ends.append(simulation.state.price.tobytes())
    assert ends[0] == ends[1]

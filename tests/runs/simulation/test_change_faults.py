"""Faults that are added and ended while a run is going."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import load_scenario
from gridparley.environment import FaultError
from gridparley.environment.faults import Crash, Loss, Partition
from gridparley.runs.scenario.fault_text import read_fault_table


def said(simulation):
    return [(b.kind.name, b.sent, b.channel.tobytes(), b.values.tobytes()) for b in simulation.journal.said]


def start(faults=()):
    return load_scenario("three-microgrids", faults=list(faults)).simulation(seed=4, keep_messages=True)


def test_a_fault_added_on_the_way_is_the_fault_of_a_schedule_that_had_it_from_there():
    steered = start()
    steered.run(20)
    steered.change_faults(add=[Loss(probability=0.4, name="storm", start=20)])
    steered.run(50)
    steered.change_faults(end=["storm"])
    steered.run(4000)
    planned = start([{"kind": "loss", "probability": 0.4, "name": "storm", "from": 20, "to": 50}])
    planned.run(4000)
    assert said(steered) == said(planned)
    assert steered.journal.rows == planned.journal.rows
    assert steered.tick == planned.tick


@pytest.mark.slow
def test_the_command_log_replays_to_the_same_run():
    steered = start(["loss=0.1"])
    steered.run(20)
    steered.change_faults(add=[Crash(agent="B.operator", start=20, memory="lost"), Partition(groups=["A.*", "B.*"])])
    steered.run(45)
    steered.change_faults(end=["crash agent=B.operator from=20", "partition"])
    steered.run(4000)
    again = start(["loss=0.1"])
    for command in steered.commands:
        again.run(command["tick"])
        added = [read_fault_table(table, "command") for table in command["add"]]
        again.change_faults(add=added, end=command["end"])
    again.run(4000)
    assert steered.finished
    assert said(again) == said(steered)
    assert again.commands == steered.commands


def test_an_agent_whose_crash_is_ended_restarts_and_the_optimum_is_the_same():
    clean = start()
    clean.run(4000)
    simulation = start(["crash=A.virtual,from=10,memory=lost"])
    simulation.run(60)
    assert not simulation.finished
    simulation.change_faults(end=["crash agent=A.virtual from=10"])
    simulation.run(4000)
    assert simulation.finished
    assert np.array_equal(simulation.state.price, clean.state.price)


def test_a_change_that_is_refused_changes_nothing():
    simulation = start(["loss=0.1"])
    simulation.run(5)
    before = simulation.transport.schedule
    with pytest.raises(FaultError, match="no fault is called 'rain'; there is loss"):
        simulation.change_faults(end=["rain"])
    with pytest.raises(FaultError, match="two faults are called 'loss'"):
        simulation.change_faults(add=[Loss(probability=0.2)])
    with pytest.raises(FaultError, match="no agent is called 'Z"):
        simulation.change_faults(add=[Loss(probability=0.2, agent="Z.operator")])
    assert simulation.transport.schedule is before
    assert simulation.commands == []

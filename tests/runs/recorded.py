"""What the tests of records share: runs to record, and everything that a record says."""

from __future__ import annotations

import json

from gridparley import load_scenario
from gridparley.runs.record.reading import Record
from gridparley.runs.record.record import RECORD
from gridparley.runs.record.recorder import Recorder

LOSSY = ("run", "three-microgrids", "--seed", "3", "--fault", "loss=0.3,to=100", "--fault", "delay=0..3",
         "--fault", "duplicate=0.2")  # fmt: skip
LONG = (*LOSSY, "--no-reference", "--set", "eps_abs=0", "--set", "eps_rel=0", "--ticks", "220")


def contents(folder):
    """Everything that a record says, tick by tick, and its checkpoints."""
    with Record(folder / RECORD) as record:
        said = [record.blocks(tick) for tick in range(record.ticks)]
        return said, record.base.execute("SELECT * FROM checkpoint ORDER BY tick").fetchall()


def result(folder):
    told = json.loads((folder / "result.json").read_text())
    told.pop("seconds")
    return told


def files(folder):
    """The other files of a run, but for what tells the time."""
    return {name: (folder / name).read_bytes() for name in ("metrics.csv", "messages.csv", "prices.csv")}


def record_to(path, faults=(), ticks=80, settings=(), change=None, **options):
    """Record a run in this process; `change` is called between ticks."""
    scenario = load_scenario("three-microgrids", settings, faults=list(faults))
    simulation = scenario.simulation(**options)
    path.mkdir(parents=True, exist_ok=True)
    recorder = Recorder.start(path / RECORD, scenario, simulation, one_by_one=options.get("one_by_one", False))
    while simulation.tick < ticks:
        if change is not None:
            change(simulation)
        simulation.step()
        recorder.watch(simulation)
    recorder.finish(simulation)
    return simulation

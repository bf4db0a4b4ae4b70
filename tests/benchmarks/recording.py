"""What it costs to record every message: time and room, of large ticks."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from gridparley import load_scenario
from gridparley.runs.record.recorder import Recorder

SETTINGS = {"topology": "ring", "prosumers": "100..100", "step_size": 5e-4}
FAULTS = ["loss=0.1", "delay=0..3", "duplicate=0.1"]


def recording(size: int, faulty: bool, ticks: int) -> dict[str, Any]:
    """Record some ticks of microgrids of 100 prosumers each, without a checkpoint; by messages said, copies included."""
    settings = {**SETTINGS, "microgrids": max(3, size // 100)}
    scenario = load_scenario("microgrids", settings, faults=FAULTS if faulty else [])
    simulation = scenario.simulation(cost_every=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.sqlite"
        recorder = Recorder.start(path, scenario, simulation, reference=False)
        seconds, before = 0.0, 0
        for tick in range(ticks + 8):
            if tick == 8:  # in the first ticks files and memory grow
                seconds, before = 0.0, said(simulation)
            simulation.step()
            start = time.process_time()
            recorder.watch(simulation)
            seconds += time.process_time() - start
        recorder.finish(simulation)
        size_of_file = path.stat().st_size
    return {
        "prosumers": size,
        "faults": faulty,
        "ms_per_100000": seconds / (said(simulation) - before) * 1e8,
        "bytes_per_message": size_of_file / said(simulation),
    }


def said(simulation: Any) -> int:
    """Messages sent and copied so far."""
    return int(simulation.journal.totals["sent"] + simulation.journal.totals["copied"])

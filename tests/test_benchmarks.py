"""The benchmark runs, and its loops compute what the simulation computes, which it checks itself before it times anything."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_small_benchmark_times_every_contestant_it_is_asked_for(tmp_path):
    options = ["--sizes", "300", "--periods", "1,2", "--repeats", "1", "--mango-max", "0", "--record", "300"]
    command = [sys.executable, "-m", "tests.benchmarks", *options, "--json", str(tmp_path / "told.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert [(case["periods"], case["faults"]) for case in told["cases"]] == [
        (1, False),
        (1, True),
        (2, False),
        (2, True),
    ]
    for case in told["cases"]:
        assert set(case["ns_per_message"]) == {"gridparley", "with cost", "bare loop", "tiled loop", "mesa"}
        assert min(case["ns_per_message"].values()) > 0
    assert [one["faults"] for one in told["recording"]] == [False, True]

"""The same run is the same to the last bit whatever kernel BLAS has chosen for the processor."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

import pytest

from ..recorded import contents

KERNELS = ("Prescott", "Haswell")
"""What OpenBLAS chose for processors of 2004 and of 2013; it can be told to take either on any x86-64."""
RUN = """
import hashlib, sys
import numpy as np
from gridparley.runs.cli.app import app
x = np.random.default_rng(0).normal(size=(40, 40))
print(hashlib.md5(np.linalg.solve(x, x @ x.T).tobytes()).hexdigest(), flush=True)
app(sys.argv[1:])
"""


def run(words, kernel, out):
    """Run the command under a kernel and return what this kernel makes of a product and a solve."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, "run", *words, "--no-reference", "--out", str(out)],
        env={**os.environ, "OPENBLAS_CORETYPE": kernel},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("feeder-toy", "--ticks", "200", "--fault", "loss=0.1"),
        ("feeder-toy", "--set", "losses=exact", "--ticks", "60"),
        ("feeder-69", "--ticks", "60"),
    ],
    ids=" ".join,
)
def test_a_feeder_gives_the_same_record_under_two_kernels(words, tmp_path):
    by_blas = [run(words, kernel, tmp_path / kernel) for kernel in KERNELS]
    if platform.machine() == "x86_64" and "openblas" in _blas():
        assert by_blas[0] != by_blas[1]  # the kernels do differ, so the test could fail
    one, other = (contents(tmp_path / kernel) for kernel in KERNELS)
    assert one == other
    told = [json.loads((tmp_path / kernel / "result.json").read_text()) | {"seconds": 0} for kernel in KERNELS]
    for each in told:
        each["feeder"]["with"].pop("pandapower", None)  # which solves its power flow by other libraries
    assert told[0] == told[1]


def _blas():
    import numpy as np

    return np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"].lower()

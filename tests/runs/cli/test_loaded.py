"""Which libraries a command loads: one that needs few answers at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

import gridparley
from gridparley import runs

# What only few commands need.
SPECIAL = {
    "clarabel",
    "cvxpy",
    "daqp",
    "demandlib",
    "matplotlib",
    "pandapower",
    "pvlib",
    "starlette",
    "textual",
    "uvicorn",
}
# What a simulation needs: Mesa brings the others.
SIMULATION = {"mesa", "networkx", "pandas", "pyarrow", "scipy", "tqdm"}
COLUMNS = {"numpy", "rich"}  # and pydantic, by which typer reads the options of a command

PRINTED = """
import sys
from gridparley.runs.cli.app import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print("loaded", *sys.modules)
"""


def loaded(*words, script=PRINTED):
    """Names of all modules that a process loads for a command."""
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("run", "--help"), ("watch", "--help")])
def test_help_loads_no_room_and_none_of_its_libraries(words):
    found = loaded(*words)
    assert not found & (SPECIAL | SIMULATION | COLUMNS)
    assert not [name for name in found if name.startswith(("gridparley.agents", "gridparley.runs.driver"))]


def test_list_loads_no_simulation():
    assert not loaded("list") & (SPECIAL | SIMULATION)


@pytest.mark.slow
def test_run_loads_mesa_and_nothing_that_only_other_commands_need():
    found = loaded("run", "three-microgrids", "--no-reference")
    assert not found & (SPECIAL | {"pyarrow.parquet", "scipy.optimize"})
    assert found >= SIMULATION


@pytest.mark.slow
def test_a_central_reference_loads_the_solver():
    assert "cvxpy" in loaded("run", "three-microgrids", "--ticks", "5")


def test_the_face_loads_what_is_asked_for():
    assert not loaded(script="import sys, gridparley; print(*sys.modules)") & (SIMULATION | COLUMNS)
    found = loaded(script="import sys; from gridparley import Prosumer; print(*sys.modules)")
    assert "gridparley.agents.prosumer" in found
    assert "mesa" not in found


@pytest.mark.parametrize("module", [gridparley, runs])
def test_what_is_loaded_late_is_there_all_the_same(module):
    assert set(module.__all__) <= set(dir(module))
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Prosumr'"):
        module.Prosumr  # noqa: B018 - the attribute is what is looked for

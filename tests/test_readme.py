"""Every command and every piece of code in the README works as it stands there."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pytest

from .runs.command import call

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
COMMANDS = [
    line.partition("  #")[0].strip()
    for language, text in BLOCKS
    if language == "sh"
    for line in text.splitlines()
    if line.strip()
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the README writes, each named by its first comment."""
    here = tmp_path_factory.mktemp("readme")
    for language, text in BLOCKS:
        if named := re.match(r"# (\S+\.(py|toml))\n", text):
            (here / named[1]).write_text(text, encoding="utf-8")
        elif language == "python":
            (here / "face.py").write_text(text, encoding="utf-8")
    return here


def run(command, folder):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_the_readme_shows_pictures_that_are_there():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README.read_text(encoding="utf-8"))
    assert len(pictures) == 2
    for picture in pictures:
        assert (README.parent / picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/notes.md"])
def test_every_file_that_a_page_names_is_there(page):
    page = README.parent / page
    text = page.read_text(encoding="utf-8")
    linked = [link.partition("#")[0] for link in re.findall(r"\]\((?!http|#)(.*?)\)", text)]
    named = re.findall(r"`((?:agents|environment|protocols|runs|tests)/[\w/.-]+\.\w+)`", text)
    paths = [page.parent / link for link in linked] + [README.parent / name for name in named]
    assert paths
    assert [path for path in paths if not path.exists()] == []


def test_its_two_commands_are_targets_of_the_makefile():
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    made = [command.split()[1] for command in COMMANDS if command.startswith("make ")]
    assert made == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in made)


def test_every_other_command_is_ours():
    assert all(command.split()[0] in ("make", "gridparley") for command in COMMANDS)


# In the order of the page: what one writes, the next may read.
@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("gridparley") and c.split()[1] != "watch"])
def test_the_command_works(command, folder, monkeypatch):
    monkeypatch.chdir(folder)
    done = call(
        *shlex.split(command)[1:]
    )  # in this process, which saves a minute; others show that one of its own works
    if command.split()[1] == "profiles" and not all(map(find_spec, ("pvlib", "demandlib"))):
        assert "not installed; wanted: pip install pvlib demandlib" in done.stderr
        pytest.skip("of the extra `profiles`, pvlib or demandlib is not installed: pip install pvlib demandlib")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("gridparley watch")])
def test_the_page_is_served_until_it_is_interrupted(command, folder):
    words = [sys.executable, "-m", "gridparley", *shlex.split(command)[1:]]
    environment = {**os.environ, "BROWSER": "true"}  # a program that does nothing
    with subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as served:
        told = served.stdout.readline()
        with urllib.request.urlopen(told.split()[2], timeout=60) as page:
            assert b"<title>GridParley</title>" in page.read()
        served.send_signal(signal.SIGINT)
        assert served.wait(60) == 0


@pytest.mark.slow
def test_the_five_lines_of_python_work(folder):
    done = run([sys.executable, "face.py"], folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("CONVERGED -16.354")


@pytest.mark.slow
def test_the_record_of_the_readme_can_be_read(folder):
    done = run([sys.executable, "read_record.py"], folder)  # of the run that a command above has left
    assert done.returncode == 0, done.stderr
    assert "delivered" in done.stdout


@pytest.mark.slow
def test_the_agent_of_the_readme_passes_the_conformance_kit(folder):
    code = (
        "from gridparley.conformance import check_agent\n"
        "from heat_pump import HeatPump\n"
        "check_agent(HeatPump(comfort=3.0, stiffness=2.0, power_max=5.0))\n"
        "check_agent(HeatPump(comfort=[[1.0, 2.0, 3.0]], stiffness=[2.0, 1.0], power_max=5.0, names='ab'))"
    )
    done = run([sys.executable, "-c", code], folder)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_scenario_of_the_readme_converges(folder):
    done = run([sys.executable, "-m", "gridparley", "run", "warm.toml", "--json"], folder)
    assert '"outcome": "CONVERGED"' in done.stdout
    assert abs(json.loads(done.stdout)["gap"]) < 1e-6  # its `reference` says the same as its `respond` and `cost`

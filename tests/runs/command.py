"""How the tests here call the command: in this process for speed, in one of its own where it matters."""

from __future__ import annotations

import subprocess
import sys

from typer.testing import CliRunner

from gridparley.runs.cli.app import app


def call(*words):
    """Call the command in this process; an error that is not the user's comes through."""
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def process(*words, cwd, **options):
    """Call the command in a process of its own."""
    command = [sys.executable, "-m", "gridparley", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False, **options)

"""What `gridparley watch --terminal` does."""

from __future__ import annotations

from pathlib import Path

from ..common.errors import RunError
from ..scenario.scenario import scenario_names
from .choice import Choice

__all__ = ["watch_in_terminal"]


def watch_in_terminal(choice: Choice) -> None:
    """Show what was chosen in this terminal: a recorded run, or a scenario while it runs.

    Raises
    ------
    RunError
        There is no record, or options of a scenario are given for one; or this is no terminal.
    """
    from ..page.playback import Playback, play_scenario
    from ..terminal import watch_terminal  # Textual takes a moment to load

    run = Path(choice.scenario)
    if choice.scenario in scenario_names() or run.suffix == ".toml" or not run.exists():
        with play_scenario(choice.load()) as playback:
            watch_terminal(playback)
        return
    if choice.changes:
        raise RunError(f"{run} is recorded: it cannot be changed; gridparley branch does it again with other faults")
    with Playback.open(run) as playback:
        watch_terminal(playback)

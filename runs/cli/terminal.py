"""What `gridparley watch --terminal` does."""

from __future__ import annotations

from pathlib import Path

from .choice import Choice

__all__ = ["watch_in_terminal"]


def watch_in_terminal(choice: Choice, out: Path | None, *, trust: bool = False) -> None:
    """Show what was chosen in this terminal: a recorded run, or a scenario while it runs.

    Raises
    ------
    RunError
        Nothing is chosen, it is to be kept, there is no record, or options of a scenario are given for one; or this is no
        terminal.
    """
    from ..common.errors import RunError
    from ..page.playback import Playback, play_scenario
    from ..scenario.scenario import scenario_names
    from ..terminal import watch_terminal

    what: str | None = choice.scenario
    if what is None:
        raise RunError("--terminal needs a SCENARIO or RUN (gridparley list scenarios)")
    if out is not None:
        raise RunError(
            "--terminal keeps nothing: gridparley run SCENARIO --out DIR, then gridparley watch DIR --terminal"
        )
    run = Path(what)
    if what in scenario_names() or run.suffix == ".toml" or not run.exists():
        with play_scenario(choice.load()) as playback:
            watch_terminal(playback)
        return
    if choice.changes:
        raise RunError(f"{run} is recorded: it cannot be changed; gridparley branch does it again with other faults")
    with Playback.open(run, trust=trust) as playback:
        watch_terminal(playback)

"""A scenario from its first tick to its end: what the command does, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import mesa  # noqa: F401 - first, for it looks at every import that is under way, and the less there is the quicker it is
from pydantic import ValidationError

from ..common.errors import RunError, ScenarioError
from ..record.files.folder import PriceRecord, RunFolder
from ..record.files.prepare import prepare_folder
from ..record.files.taken import Taken
from ..record.record import UNFINISHED
from ..record.recorder import Recorder
from ..result.result import Result
from ..scenario.scenario import Scenario
from ..scenario.validation import explain
from ..simulation.invariants import Invariants
from ..simulation.simulation import Simulation
from .drive import Ongoing, Watch, Wishes, drive
from .progress import Progress
from .resume import asked_of, is_recorded, resume_run

__all__ = ["run_scenario"]

_NOT_IN_A_RECORD = ("clock", "cost_every")
"""Options of `Simulation` that a run comes out otherwise with, and that its record does not hold."""


def run_scenario(
    scenario: Scenario,
    *,
    ticks: int | None = None,
    seed: int | None = None,
    reference: bool | None = None,
    settlement: bool = False,
    ac: bool = False,
    out: Path | str | None = None,
    force: bool = False,
    record: bool = True,
    resume: bool = False,
    command: Sequence[str] | None = None,
    progress: bool | Progress = True,
    watch: Watch | None = None,
    invariants: bool = False,
    one_by_one: bool = False,
    **options: Any,
) -> Result:
    """Run a scenario to its end and judge what came out; with `out` it is written as it goes, and can be resumed.

    Parameters
    ----------
    scenario
    ticks : at most so many; by default as the scenario says
    seed : of every draw; by default as the scenario says
    reference : solve centrally beside it; by default where the market is small enough
    settlement : tell what each microgrid gains against acting alone
    ac : check a market on a feeder by pandapower, with and without its operator
    out : write the run to this folder, as ``gridparley run --out`` does
    force : with `out`: also into a folder that holds other files, which stay, or a run that has not ended, which is put aside
    record : with `out`: record every message of every tick, as it happens
    resume : with `out`: go on with the same run where one is recorded there, to the last bit as if it had never stopped
    command : with `out`: the command line that does the same run again; by default from the folder's own scenario
    progress : a bar on stderr, on a terminal and for runs that last; False for none, or a `Progress` of your own
    watch : called after each tick, when that is recorded
    invariants : check at every tick what no network may do; keeps every message
    one_by_one : give every agent a role of its own: slower, the same to the last bit
    options : as for `Simulation`

    Raises
    ------
    ScenarioError
        `ticks` is less than 1: there would be nothing to judge. Or anything else in the scenario is not allowed.
    RunError
        The folder cannot be written or holds something else, or what is recorded there is another run.

    An error that ends a run has a note that says where everything is that was recorded until then.

    Examples
    --------
    >>> from gridparley import load_scenario, run_scenario
    >>> result = run_scenario(load_scenario("three-microgrids"))
    >>> print(result.outcome, round(result.total_cost, 4))
    CONVERGED -16.3544
    >>> result.tie_lines()["A-B"]["transfer"]  # positive from A to B
    -1.0
    """
    scenario, wishes = _with(scenario, ticks, seed), Wishes(reference, settlement, ac)
    if resume:
        if out is None or not record or invariants or options:
            raise RunError("resume goes on with what is recorded in `out`, and takes no other options of a simulation")
        if is_recorded(Path(out)):
            asked = asked_of(scenario, wishes, one_by_one=one_by_one)
            return resume_run(out, asked=asked, progress=progress, watch=watch)
    if out is not None and record and (lost := [name for name in _NOT_IN_A_RECORD if name in options]):
        raise RunError(f"{lost[0]}: a record does not hold it and could not be resumed; record=False does without one")
    if invariants:
        options["keep_messages"] = True
    simulation = scenario.simulation(one_by_one=one_by_one, **options)
    folder = recorder = None
    with ExitStack() as held:
        # Before the run: that the folder cannot be written should not come out after an hour.
        if out is not None:
            taken = held.enter_context(prepare_folder(Path(out), force=force))
            words = command or ["gridparley", "run", str((Path(out) / "scenario.toml").resolve())]
            folder = RunFolder(Path(out), scenario, [*words, *wishes.words()])
            recorder = _recorder(folder, simulation, wishes, taken, one_by_one=one_by_one) if record else None
        prices = PriceRecord(scenario.spec.report.transfer_price_sign)
        run = Ongoing(scenario, simulation, folder, recorder, prices)
        checks = [Invariants(simulation)] if invariants else []
        return drive(run, wishes, progress=progress, checks=checks, watch=watch)


def _with(scenario: Scenario, ticks: int | None, seed: int | None) -> Scenario:
    """Return a scenario that says what was asked for beside it, so that it says all there is."""
    if ticks is not None and ticks < 1:
        raise ScenarioError(f"ticks = {ticks}; wanted 1 or more, or None for what the scenario says")
    given = {name: int(value) for name, value in (("ticks", ticks), ("seed", seed)) if value is not None}
    if not given:
        return scenario
    run = scenario.spec.run
    try:
        run = type(run).model_validate(run.model_dump() | given)
    except ValidationError as error:
        raise ScenarioError(f"scenario {scenario.name}: run.{explain(error, type(run))}") from None
    return replace(scenario, spec=scenario.spec.model_copy(update={"run": run}))


def _recorder(folder: RunFolder, simulation: Simulation, wishes: Wishes, taken: Taken, *, one_by_one: bool) -> Recorder:
    return Recorder.start(
        folder.path / UNFINISHED,
        folder.scenario,
        simulation,
        one_by_one=one_by_one,
        command=folder.command,
        reference=wishes.reference,
        taken=taken,
    )

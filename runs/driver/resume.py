"""A recorded run goes on where it stopped, as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ..common.errors import RunError
from ..record.files.folder import RunFolder
from ..record.files.own_files import Code
from ..record.files.taken import Taken, take_folder
from ..record.reading import Record
from ..record.record import record_of
from ..record.recorder import Recorder
from ..record.resume.replay import go_to
from ..result.result import Result
from ..scenario.scenario import Scenario
from .drive import Ongoing, Watch, Wishes, drive
from .progress import Progress, RunProgress

__all__ = ["asked_of", "is_recorded", "resume_run"]


def is_recorded(folder: Path) -> bool:
    """Tell whether a folder holds a record."""
    try:
        record_of(folder)
    except RunError:
        return False
    return True


def asked_of(scenario: Scenario, wishes: Wishes, *, one_by_one: bool) -> dict[str, Any]:
    """Return what two runs have in common if one may go on as the other."""
    return {
        "scenario_hash": scenario.hash,
        "seed": scenario.spec.run.seed,
        "one_by_one": one_by_one,
        "reference": wishes.reference,
        "settlement": wishes.settlement,
        "ac": wishes.ac,
    }


def resume_run(
    folder: Path | str,
    *,
    asked: Mapping[str, Any] | None = None,
    progress: bool | Progress = True,
    watch: Watch | None = None,
    tell: Callable[[str], object] | None = None,
    trust: bool = False,
    taken: Taken | None = None,
) -> Result:
    """Go on with a run that was killed or ran out of disk, and judge and write it as it would have been.

    What was recorded is done again from the last checkpoint and compared, so that the record ends up the same to the last
    bit. The run's own scenario, seed and options count.

    Parameters
    ----------
    folder : of the run
    asked : from `asked_of`, what the run must be; by default whatever it is
    progress, watch : as for `run_scenario`, of what follows; the bar shows the ticks that are done again too
    tell : called with a sentence about how much was there, before the run goes on
    trust : run the user's files that it was made with as they are now; by default only where they have not changed
    taken : the folder, where it is taken already

    Raises
    ------
    RunError
        There is no record, it is of another run, another process is writing it, or this release would continue it otherwise;
        then it is left as it is.
    """
    path = record_of(Path(folder))
    if asked is not None:
        with Record(path) as record:
            _compare(record, asked)
    with nullcontext() if taken is not None else take_folder(Path(folder)) as own:
        path = record_of(Path(folder))  # the run that had it may have ended meanwhile
        return _resumed(Path(folder), path, taken or own, progress, watch, tell, Code.ANY if trust else Code.UNCHANGED)


def _resumed(
    folder: Path,
    path: Path,
    taken: Taken | None,
    progress: bool | Progress,
    watch: Watch | None,
    tell: Callable[[str], object] | None,
    code: Code,
) -> Result:
    record = Record(path, writing=True, taken=taken)
    try:
        header, wishes = record.header, Wishes.of_record(record)
        scenario = record.scenario(code)
        with RunProgress(record.ticks, wanted=progress is True) as bar:
            restored = go_to(record, record.ticks, bar.watch, code=code)
    except BaseException:
        record.close()
        raise
    if tell is not None:
        start = f"the checkpoint before tick {restored.start}" if restored.start else "the first tick"
        tell(f"{record.ticks} ticks are recorded; what follows {start} was done again and is the same")
    recorder = Recorder(record.path, record.base, restored.reader, record.commands)
    files = RunFolder(folder, scenario, header["command"])
    run = Ongoing(scenario, restored.simulation, files, recorder, restored.prices)
    return drive(run, wishes, progress=progress, watch=watch)


def _compare(record: Record, asked: Mapping[str, Any]) -> None:
    wishes = Wishes.of_record(record)
    found = {name: record.header.get(name) for name in asked} | {"settlement": wishes.settlement, "ac": wishes.ac}
    if other := [
        f"{name} = {found[name]!r} instead of {asked[name]!r}" for name in asked if found[name] != asked[name]
    ]:
        raise RunError(f"{record.path}: is the record of another run, and was left as it is: {'; '.join(other)}")

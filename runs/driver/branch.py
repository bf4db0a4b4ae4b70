"""A recorded run goes on from one of its ticks twice: as it did, and with other faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ...environment.faults import Fault
from ..common.errors import RunError
from ..record.files.own_files import Code, files_of, merged, sources_of_command
from ..record.files.prepare import prepare_folder
from ..record.reading import Record
from ..record.record import UNFINISHED
from ..record.resume.branch import fork, steered
from ..record.resume.checkpoint import repeat_commands
from ..record.resume.replay import go_to
from ..result.result import Result
from .drive import Ongoing, Wishes, drive
from .resume import resume_run

__all__ = ["branch_run"]


def branch_run(
    run: Path,
    tick: int,
    out: Path,
    *,
    add: Sequence[Fault] = (),
    end: Sequence[str] = (),
    command: Sequence[str] = (),
    force: bool = False,
    trust: bool = False,
    tell: Callable[[str], object] | None = None,
) -> tuple[Result, Result]:
    """Let a recorded run go on from a tick, without and with a change of its faults.

    Parameters
    ----------
    run : its folder
    tick : the first that may come out otherwise
    out : folder of the branch, a run of its own
    add : faults to add
    end : names of faults to end
    command : the command line that makes the branch again
    force : also into a folder that holds other files
    tell, trust : as for `resume_run`

    Returns
    -------
    The run as it was, and the branch.

    Raises
    ------
    RunError
        The run cannot be read or continued, does not reach to this tick, or the branch cannot be written.
    FaultError
        A fault is refused, or none is called that.
    """
    if out.resolve() == run.resolve():
        raise RunError(f"--out {out}: is the run itself; a branch needs a folder of its own")
    with Record.open(run) as record:
        code = Code.ANY if trust else Code.UNCHANGED
        change = steered(record, tick, add, end, code)
        files = merged(record.header["files"], files_of(sources_of_command(change)))
        with prepare_folder(out, force=force) as taken:
            fork(record, out / UNFINISHED, tick, change, {"command": list(command), "files": files}, taken)
            without = _unchanged(record, tick, code)
            return without, resume_run(out, tell=tell, trust=trust, taken=taken)


def _unchanged(record: Record, tick: int, code: Code) -> Result:
    restored = go_to(record, tick, code=code)
    run = Ongoing(record.scenario(code), restored.simulation, None, None, restored.prices)
    wishes = Wishes(record.header["reference"])
    return drive(run, wishes, watch=lambda now: repeat_commands(now, record.commands))

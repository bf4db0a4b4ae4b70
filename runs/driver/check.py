"""A recorded run is done again, and everything that its folder says is compared: the record, the result, the tables."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path, PurePath
from typing import Any

from ..common.errors import USER_ERRORS
from ..record.files.folder import FILES, RunFolder
from ..record.files.own_files import Code, changed
from ..record.files.result_file import read_result
from ..record.reading import Record
from ..record.record import RECORD
from ..record.resume.check import Checked, check_record, remarks_on
from ..record.resume.checkpoint import repeat_commands
from ..record.resume.replay import Restored, Watch
from ..result.result import Result
from .drive import Wishes

__all__ = ["CheckedRun", "check_run"]

RESULT = "result.json"
CLOSE = 1e-6
"""Of the larger number, or $/h: how far two central solves on different machines may be apart."""
OUTSIDE = (
    "reference",
    "optimum",
    "gap",
    "period_optima",
    "foresight",
    "pandapower",
    "ac_check",
    "without",
    "alone",
    "gain",
)
"""Parts of the names of what other programs find, through BLAS: a central solver, a power flow."""
SAID_BY_A_FAILURE = ("scenario", "scenario_hash", "protocol", "seed")
"""Not how many messages there were: an error comes in the middle of a tick."""
SHOWN_MAX = 60


@dataclass(frozen=True)
class CheckedRun:
    """What a check of a run's folder found.

    Attributes
    ----------
    path : of the record
    version : of the package that wrote it
    ticks, messages : compared
    remarks : what is otherwise here, or could not be compared; the machine and the release first
    wrong : everything that the folder says otherwise than the run done again
    no_checkpoint : why there are none; None if there are
    """

    path: Path
    version: str
    ticks: int
    messages: int
    remarks: tuple[str, ...]
    wrong: tuple[str, ...]
    no_checkpoint: str | None


def check_run(run: Path | str, *, trust: bool = False, watch: Watch | None = None) -> CheckedRun:
    """Do a recorded run again and compare everything that is said of it.

    Parameters
    ----------
    run : its folder, or a record
    trust : run the user's files that it was made with as they are now; by default only where they have not changed
    watch : called after each tick that is done again

    Raises
    ------
    RunError
        There is no record, or it cannot be read.
    """
    with Record.open(run) as record:
        code = Code.ANY if trust else Code.UNCHANGED
        remarks = remarks_on(record)
        exact = not remarks
        checked = check_record(record, watch, code=code)
        wrong = list(checked.found)
        if record.path.name != RECORD:
            remarks.append("the run has not ended: there is no result to compare")
        elif not (record.path.parent / RESULT).is_file():
            remarks.append(f"there is no {RESULT} beside it: how the run ended is not compared")
        else:
            try:
                _Ending(record, checked, code, exact, remarks, wrong).compare()
            except USER_ERRORS as error:
                wrong.append(str(error))
        header = record.header
        return CheckedRun(
            record.path,
            header["code_version"],
            checked.ticks,
            checked.messages,
            tuple(remarks),
            tuple(wrong),
            header.get("no_checkpoint"),
        )


@dataclass
class _Ending:
    """How a run ended, and what its files say, compared with the run done again; adds to `remarks` and `wrong`."""

    record: Record
    checked: Checked
    code: Code
    exact: bool
    remarks: list[str]
    wrong: list[str]

    def compare(self) -> None:
        folder, record = self.record.path.parent, self.record
        told, again = read_result(folder), self.checked.again
        if told["outcome"] == "FAILED":
            self._failure(told, again)
        elif again is None:
            if told.get("ticks") != record.ticks:
                self.wrong.append(f"the record holds {record.ticks} ticks, and {RESULT} says {told.get('ticks')}")
            self.remarks.append("the result was not compared, since the run could not be done again to its end")
        else:
            result = self._ended(again)
            files = RunFolder(folder, record.scenario(self.code), record.header["command"])
            texts = files.texts(result.to_dict(), again.simulation, again.prices)
            self._result(told, json.loads(texts[RESULT]))
            self.wrong += _other_files(folder, texts)

    def _ended(self, again: Restored) -> Result:
        """Go on after the last recorded tick, where the run goes on, and judge it."""
        simulation, record, scenario = again.simulation, self.record, self.record.scenario(self.code)

        def after(now: Any) -> None:
            again.prices.watch(now)
            repeat_commands(now, record.commands)

        simulation.run(scenario.spec.run.ticks, after)
        if simulation.tick != record.ticks:
            self.wrong.append(
                f"the record ends after {record.ticks} ticks; done again, the run goes on to {simulation.tick}"
            )
        return Wishes.of_record(record).judged(scenario, simulation, 0.0)

    def _failure(self, told: Mapping[str, Any], again: Restored | None) -> None:
        """Compare what is said of a run that an error ended; how it would have ended without is not known."""
        ticks = told.get("ticks")
        # An error may come between a tick and its record.
        if not isinstance(ticks, int) or ticks - self.record.ticks not in (0, 1):
            self.wrong.append(f"the record holds {self.record.ticks} ticks, and {RESULT} says {ticks}")
        elif again is not None and ticks == self.record.ticks:
            scenario = self.record.scenario(self.code)
            wanted = RunFolder(self.record.path.parent, scenario, ()).failure("", again.simulation)
            self._as_told(told, wanted)
            for name in SAID_BY_A_FAILURE:
                self.wrong += [words for words, _ in _differences(told.get(name), wanted[name], name)]

    def _as_told(self, told: Mapping[str, Any], wanted: dict[str, Any]) -> None:
        """Let pass what must differ: a scenario names a user's type from its own folder, a record by its whole path."""
        if PurePath(str(told.get("protocol"))).name == PurePath(wanted["protocol"]).name:
            wanted["protocol"] = told["protocol"]
        if changed(self.record.header["files"]):
            wanted["scenario_hash"] = told.get("scenario_hash")

    def _result(self, told: dict[str, Any], wanted: dict[str, Any]) -> None:
        self._as_told(told, wanted)
        for words, close in _differences(told, wanted):
            outside = any(part in words.partition(" = ")[0] for part in OUTSIDE)
            if close and (outside or not self.exact):
                self.remarks.append(f"{words}, as the same solver may find it on another machine")
            else:
                self.wrong.append(words)


def _differences(told: Any, wanted: Any, where: str = "") -> Iterator[tuple[str, bool]]:
    """Yield in words what result.json says otherwise, and whether it is two numbers that are as good as the same."""
    if isinstance(told, dict) and isinstance(wanted, dict):
        for name in [*wanted, *(name for name in told if name not in wanted)]:
            if name != "seconds":
                here = f"{where}.{name}" if where else name
                yield from _differences(told.get(name, "nothing"), wanted.get(name, "nothing"), here)
    elif isinstance(told, list) and isinstance(wanted, list) and len(told) == len(wanted):
        for k, (one, other) in enumerate(zip(told, wanted, strict=True)):
            yield from _differences(one, other, f"{where}[{k}]")
    elif type(told) is not type(wanted) or told != wanted:
        numbers = [value for value in (told, wanted) if isinstance(value, float | int) and not isinstance(value, bool)]
        close = len(numbers) == 2 and math.isclose(*numbers, rel_tol=CLOSE, abs_tol=CLOSE)
        yield f"{RESULT} says {where} = {_short(told)}; done again it is {_short(wanted)}", close


def _other_files(folder: Path, texts: Mapping[str, str]) -> Iterator[str]:
    """Yield which of the other files say something else, with the first line that does."""
    for name in (name for name in FILES if name != RESULT):
        wanted = texts[name]
        if not (folder / name).is_file():
            if wanted:
                yield f"{name} is missing"
            continue
        told = (folder / name).read_text(encoding="utf-8", errors="replace")
        if told != wanted:
            lines = zip_longest(told.splitlines(), wanted.splitlines(), fillvalue="")
            number, (one, other) = next(
                ((k, pair) for k, pair in enumerate(lines, start=1) if pair[0] != pair[1]), (1, ("", ""))
            )
            yield f"{name}, line {number}, says {_short(one)}; done again it is {_short(other)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return repr(text) if isinstance(value, str) and len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}"

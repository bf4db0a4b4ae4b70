"""Lessons: short walks through a run on its page, step by step, with figures that come from the run itself."""

from __future__ import annotations

import json
import operator
import re
import tempfile
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..common.errors import RunError
from ..common.files import write_whole
from ..page.block import page_block
from ..page.data import page_columns
from ..page.playback import Playback
from ..page.report import report_text
from ..page.spans import span_of
from ..record.record import RECORD
from ..record.recorder import Recorder
from ..result.evaluate import evaluate
from ..scenario.scenario import Scenario, load_scenario
from ..watch.source import Source
from .figures import Figures

__all__ = [
    "Lesson",
    "Step",
    "about_lessons",
    "filled_lesson",
    "lesson_names",
    "load_lesson",
    "open_lesson",
    "play_lesson",
    "write_lesson",
]

Part = Literal["network", "charts", "price", "residuals", "cost", "messages", "sequence", "inspector",
               "transport", "outcome", "clock"]  # fmt: skip
"""Of the page."""

_COMPARED = {"<": operator.lt, ">": operator.gt, "==": operator.eq}
_FIGURE = re.compile(r"\{([^{}:]+)(?::([^{}]+))?\}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wanted(_Strict):
    """What the list of messages shows: names as they stand there."""

    agent: str = "any agent"
    kind: str = "any kind"
    fate: str = "any fate"
    when: str = "up to now"


class Step(_Strict):
    """A step of a lesson.

    Attributes
    ----------
    title
    text : paragraphs; ``{FIGURE}`` or ``{FIGURE:FORMAT}`` is a figure of the run, see `Figures`
    tick : where the page goes: a tick, "last", or "p3" for the last tick of the third period
    start : where it starts from, playing `speed` ticks a second until it is there; by default it jumps
    tab, agent, filter, why : what is chosen on the page; `why` asks so of the newest message in the list
    show : parts of the page that the step speaks of
    holds : what the text takes for granted, such as "price.A@30 < price.A@2"
    """

    title: str
    text: str
    tick: int | str
    start: int | str | None = None
    speed: float = 2.0
    tab: Literal["log", "sequence", "inspector"] = "log"
    agent: str | None = None
    filter: Wanted = Wanted()
    why: bool = False
    show: tuple[Part, ...] = ()
    holds: tuple[str, ...] = ()


class Lesson(_Strict):
    """A lesson.

    Attributes
    ----------
    title, about
    scenario, settings, faults, seed : the run that it walks through
    other : settings of a second run, under the same faults, whose result the text compares; None for none
    step
    """

    title: str
    about: str
    scenario: str
    settings: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    seed: int = 0
    other: tuple[str, ...] | None = None
    step: tuple[Step, ...] = Field(min_length=1)

    def run(self, settings: tuple[str, ...]) -> Scenario:
        """Return a scenario of this lesson."""
        return load_scenario(self.scenario, [*settings, f"run.seed={self.seed}"], faults=list(self.faults))


def lesson_names() -> list[str]:
    """Return the names of all lessons, in the order in which they are best taken."""
    return ["price", "loss", "storage"]


def load_lesson(name: str) -> Lesson:
    """Read a lesson.

    Raises
    ------
    RunError
        There is none of this name.
    """
    if name not in lesson_names():
        raise RunError(f"no lesson is called {name!r}; there are {', '.join(lesson_names())}")
    file = resources.files(__package__) / f"{name}.toml"
    return Lesson.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


def play_lesson(lesson: Lesson, folder: Path) -> tuple[Playback, dict[str, Any] | None]:
    """Do the runs of a lesson.

    Parameters
    ----------
    lesson
    folder : keeps the record and the result of the run

    Returns
    -------
    The run, and the result of the other one, as `Result.to_dict`, if there is one.
    """
    scenario = lesson.run(lesson.settings)
    simulation = scenario.simulation()
    recorder = Recorder.start(folder / RECORD, scenario, simulation)
    try:
        simulation.run(scenario.spec.run.ticks, recorder.watch)
    finally:
        recorder.finish(simulation)
    write_whole(folder / "result.json", json.dumps(evaluate(scenario, simulation, seconds=0.0).to_dict()))
    if lesson.other is None:
        return Playback.open(folder), None
    scenario = lesson.run(lesson.other)
    simulation = scenario.simulation()
    simulation.run(scenario.spec.run.ticks)
    return Playback.open(folder), evaluate(scenario, simulation, seconds=0.0).to_dict()


def filled_lesson(lesson: Lesson, figures: Figures) -> dict[str, Any]:
    """Return what the page needs of a lesson, with figures filled in and ticks as numbers.

    Raises
    ------
    RunError
        There is no such figure, agent, kind or tick; or the run is not as the text says.
    """
    steps = []
    for number, step in enumerate(lesson.step, 1):
        where = f"lesson {lesson.title!r}, step {number}"
        try:
            for claim in step.holds:
                _check(claim, figures)
            filled = step.model_dump(exclude={"holds"}) | {
                "text": _FIGURE.sub(lambda found: figures.text(found[1], found[2]), step.text),
                "tick": figures.tick(step.tick),
                "start": None if step.start is None else figures.tick(step.start),
                "agent": None if step.agent is None else figures.agent(step.agent),
            }
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise RunError(f"{where}: {error}") from None
        steps.append(filled)
    return {"title": lesson.title, "steps": steps}


def _check(claim: str, figures: Figures) -> None:
    left, compared, right = claim.split()
    one, two = (_number(word, figures) for word in (left, right))
    if not _COMPARED[compared](one, two):
        raise ValueError(f"says that {claim}, but these are {one} and {two}")


def _number(word: str, figures: Figures) -> Any:
    try:
        return float(word)
    except ValueError:
        return word if word.isupper() else figures.value(word)


def write_lesson(name: str, out: Path | None = None) -> Path:
    """Do the run of a lesson and write its page, in one file that opens from disk; by default NAME.html.

    Raises
    ------
    RunError
        There is no such lesson, or the file cannot be written.
    """
    lesson, path = load_lesson(name), Path(f"{name}.html") if out is None else out
    with tempfile.TemporaryDirectory(prefix="gridparley-") as folder:
        playback, other = play_lesson(lesson, Path(folder))
        with playback:
            meta, columns = page_columns(playback, span_of(playback.record))
            meta["lesson"] = filled_lesson(lesson, Figures(playback, other))
    write_whole(path, report_text(lesson.title, page_block(meta, columns)))
    return path


def open_lesson(name: str, folder: Path) -> Source:
    """Do the run of a lesson in a folder, and return what the live page needs to walk through it.

    Raises
    ------
    RunError
        There is no such lesson.
    """
    lesson = load_lesson(name)
    playback, other = play_lesson(lesson, folder)
    with playback:
        steps = filled_lesson(lesson, Figures(playback, other))
    words = ["gridparley", "run", lesson.scenario, *(word for text in lesson.settings for word in ("--set", text))]
    faults = tuple(word for text in lesson.faults for word in ("--fault", text))
    return Source(run=folder, command=tuple(words), faults=faults, lesson=steps)


def about_lessons() -> Mapping[str, str]:
    """Return what each lesson is about, by its name."""
    return {name: f"{load_lesson(name).title}: {load_lesson(name).about}" for name in lesson_names()}

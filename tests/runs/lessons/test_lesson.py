"""Lessons say nothing that their run does not: figures come from it, and claims are checked against it."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from gridparley.runs.common.errors import RunError
from gridparley.runs.lessons.figures import Figures
from gridparley.runs.lessons.lesson import Lesson, filled_lesson, lesson_names, load_lesson, play_lesson

from ..command import call

MINUTES, WORDS_A_MINUTE = 5, 150

pytestmark = pytest.mark.slow  # each lesson is run


@pytest.fixture(scope="module", params=["price", "loss", "storage"])
def played(request, tmp_path_factory):
    lesson = load_lesson(request.param)
    playback, other = play_lesson(lesson, tmp_path_factory.mktemp(request.param))
    with playback:
        yield lesson, playback.record, Figures(playback, other)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A run of three microgrids, cut short, to try figures on."""
    lesson = Lesson(title="t", about="a", scenario="three-microgrids", settings=("run.ticks=12",), step=(STEP,))
    playback, _ = play_lesson(lesson, tmp_path_factory.mktemp("small"))
    with playback:
        yield lesson, Figures(playback)


STEP = {"title": "s", "text": "at {price.A@2:.1f}, {said.A.load.bid@1} kW", "tick": 2}


def test_there_are_as_many_lessons_as_files():
    files = resources.files("gridparley.runs.lessons").iterdir()
    assert sorted(file.name for file in files if file.name.endswith(".toml")) == sorted(
        f"{name}.toml" for name in lesson_names()
    )


@pytest.mark.slow
def test_what_a_lesson_says_holds_of_its_run(played):
    lesson, record, figures = played
    told = filled_lesson(lesson, figures)
    assert len(told["steps"]) == len(lesson.step)
    for step in told["steps"]:
        assert "{" not in step["text"]
        assert 0 <= step["tick"] < record.ticks
        assert step["start"] is None or 0 <= step["start"] < step["tick"]


def test_no_figure_is_written_by_hand(played):
    for step in played[0].step:
        plain = re.sub(r"\{[^{}]+\}", "", f"{step.title} {step.text}")
        ticks = re.findall(r"@(\d+)", step.text)
        for before, number in re.findall(r"(tick )?(\d+)", plain):
            assert before, (step.title, number)
            assert number in ticks, (step.title, number)


def test_a_lesson_takes_five_minutes(played):
    lesson, _, figures = played
    told = filled_lesson(lesson, figures)["steps"]
    words = sum(len(step["text"].split()) for step in told)
    playing = sum((step["tick"] - step["start"]) / step["speed"] for step in told if step["start"] is not None)
    assert words / WORDS_A_MINUTE + playing / 60 < MINUTES


def test_filters_name_what_is_there(played):
    lesson, record, _ = played
    kinds = {label for label, _ in record.header["labels"]} | {"any kind"}
    for step in lesson.step:
        assert step.filter.kind in kinds
        assert step.filter.agent in {*record.agents, "any agent"}


@pytest.mark.slow
def test_the_lost_messages_of_the_lesson_are_those_that_it_speaks_of(tmp_path):
    with play_lesson(load_lesson("loss"), tmp_path)[0] as playback:
        messages = playback.record.messages(0, 60)
    lost = messages[messages["fate"] == "lost"].set_index("sent")
    first = lost.loc[12]
    assert (lost.index.min(), first["kind"], first["sender"], first["receiver"]) == (
        12,
        "price",
        "C.virtual",
        "C.operator",
    )
    prices = messages[(messages["kind"] == "price") & (messages["receiver"] == "C.operator")].set_index("sent")
    assert prices.loc[14, "fate"] == "delivered"
    assert prices.loc[14, "price_usd_per_kwh"] == prices.loc[12, "price_usd_per_kwh"]
    again = lost.loc[16]
    assert (again["kind"], again["sender"], again["receiver"]) == ("copy", "A.virtual", "C.virtual")


def test_figures_are_filled_in(small):
    lesson, figures = small
    assert filled_lesson(lesson, figures)["steps"][0]["text"] == "at 23.5, 25 kW"
    assert figures.tick("last") == 11
    assert figures.text("metric.round@4", None) == "2"
    assert figures.text("said.A.operator.bid@1", None) == "−2.5"
    assert figures.value("sent@0") == 18


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"holds": ("price.A@2 < price.A@0",)}, "price.A@2 < price.A@0, but these are 23.5 and 1.0"),
        ({"text": "{price.Z@2}"}, "'Z' is not in list"),
        ({"text": "{weather@2}"}, "no figure is called weather"),
        ({"text": "{price.A@99}"}, "tick 99: the run has ticks 0 to 11"),
        ({"tick": 12}, "tick 12"),
        ({"agent": "A.nobody"}, "A.nobody"),
    ],
)
def test_what_is_not_so_is_refused_with_its_step(small, change, wrong):
    lesson, figures = small
    step = lesson.step[0].model_copy(update=change)
    with pytest.raises(RunError, match="lesson 't', step 1") as error:
        filled_lesson(lesson.model_copy(update={"step": (step,)}), figures)
    assert wrong in str(error.value)


def test_the_command_lists_lessons_and_refuses_others():
    done = call("lesson")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == lesson_names()
    done = call("lesson", "cooking")
    assert done.exit_code == 1
    assert "no lesson is called 'cooking'; there are price, loss, storage" in done.output

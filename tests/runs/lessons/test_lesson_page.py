"""Lessons in a browser, walked through from the first step to the last."""

from __future__ import annotations

import pytest

from gridparley.runs.lessons.lesson import open_lesson

from ..browser import Shown
from ..command import call
from ..served import Live, serving


@pytest.fixture(scope="module", params=["price", "loss", "storage"])
def file(request, browser, tmp_path_factory):
    out = tmp_path_factory.mktemp(request.param) / "lesson.html"
    done = call("lesson", request.param, "--out", out)
    assert done.exit_code == 0, done.output
    return out


def lesson_of(page):
    """The lesson as the page has it, from the block of data in it."""
    return page.page.evaluate(
        """async () => {
            const { unpack } = await import("page/data.js");
            return (await unpack(document.getElementById("data").textContent)).meta.lesson;
        }"""
    )


def test_a_walk_from_the_first_step_to_the_last_and_back(browser, file):
    page = Shown(browser, file)
    steps = lesson_of(page)["steps"]
    for number, step in enumerate(steps, 1):
        if number > 1:
            page.page.focus("#lesson-next")
            page.press("Enter")
        assert page.text("#lesson h2") == step["title"]
        assert f"{number} of {len(steps)}" in page.text("#lesson")
        page.page.wait_for_function(
            "tick => document.querySelector('#clock').textContent.startsWith(`tick ${tick} of`)", arg=step["tick"]
        )
        page.page.wait_for_timeout(150)  # nothing goes on beyond the step
        assert page.tick == step["tick"]
        assert page.page.locator(".spoken").count() == len(step["show"])
        assert all(each.is_visible() for each in page.page.locator(".spoken").all())
        assert page.page.is_visible(f"#{step['tab']}")
        if step["agent"] is not None:
            assert page.page.input_value("#agent") == str(step["agent"])
        if step["filter"]["fate"] != "any fate":
            assert page.rows("#messages")
        if step["why"]:
            assert len(page.page.locator("#why li").all()) > 3
    assert page.page.is_disabled("#lesson-next")
    page.page.click("#lesson-back")
    assert page.text("#lesson h2") == steps[-2]["title"]
    page.close()


def test_the_live_page_walks_through_it_too(browser, tmp_path):
    with serving(open_lesson("price", tmp_path)) as server:
        page = Live(browser, server)
        steps = server.source.lesson["steps"]
        for step in steps:
            assert page.text("#lesson h2") == step["title"]
            page.at(step["tick"])
            assert page.page.locator(".spoken").count() == len(step["show"])
            if step is not steps[-1]:
                page.page.click("#lesson-next")
        assert page.text("#outcome") == "CONVERGED"
        page.close()


def test_whoever_pauses_or_seeks_during_a_step_is_left_alone(browser, file):
    page = Shown(browser, file)
    steps = lesson_of(page)["steps"]
    playing = next(k for k, step in enumerate(steps) if step["start"] is not None)
    for _ in range(playing):
        page.page.click("#lesson-next")
    page.page.click("#play")
    paused = page.tick
    assert paused < steps[playing]["tick"]
    page.press("End")
    assert page.tick > steps[playing]["tick"] or steps[playing]["tick"] == page.tick
    page.page.wait_for_timeout(200)
    last = page.tick
    page.page.click("#lesson-again")
    page.page.wait_for_timeout(100)
    assert page.tick < last
    page.close()


def test_an_ordinary_report_has_no_lesson(browser, tmp_path):
    assert call("run", "three-microgrids", "--ticks", "5", "--no-reference", "--out", tmp_path).exit_code == 0
    assert call("report", tmp_path).exit_code == 0
    page = Shown(browser, tmp_path / "report.html")
    assert not page.page.is_visible("#lesson")
    page.close()

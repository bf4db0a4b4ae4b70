"""The live page in a browser: it goes on, goes back, and shows what the record holds."""

from __future__ import annotations

import pytest

from gridparley.runs.page import spans
from gridparley.runs.watch.source import Source

from ..browser import RED
from ..command import call
from ..served import Live, live, serving


@pytest.fixture(scope="module")
def server(browser):
    with serving(live(faults=["loss=0.3,from=10,to=14", "delay=0..2,from=10"])) as found:
        yield found


@pytest.fixture
def shown(browser, server):
    page = Live(browser, server)
    yield page
    page.close()


def test_it_begins_with_the_first_tick_and_goes_on_step_by_step(shown):
    assert (shown.tick, shown.mode, shown.text("#title")) == (0, "live", "three-microgrids")
    shown.forward(3)
    assert (shown.tick, shown.mode) == (3, "live")
    shown.press("Shift+ArrowRight")
    shown.at(13)
    assert shown.text("#active").startswith("loss 0.3")
    shown.press("ArrowLeft", "ArrowLeft")
    assert (shown.tick, shown.mode) == (11, "past")
    shown.press("ArrowRight")
    assert shown.tick == 12
    shown.press("Home")
    assert (shown.tick, shown.mode) == (0, "past")
    shown.press("End")
    assert (shown.tick, shown.mode) == (13, "live")
    assert shown.page.get_attribute("#scrub", "max") == "13"
    shown.press("ArrowRight")
    shown.at(14)


def test_it_plays_pauses_and_changes_its_speed(shown):
    shown.page.select_option("#speed", "30")
    shown.page.click("#play")
    shown.until("() => Number(document.querySelector('#scrub').max) >= 8")
    shown.page.select_option("#speed", "0.5")
    shown.page.click("#play")
    shown.until("() => document.querySelector('#play path').getAttribute('d').startsWith('M4 2')")
    assert shown.mode == "live"
    stopped = shown.tick
    shown.page.wait_for_timeout(300)
    assert shown.tick == stopped
    shown.press("Home")
    shown.page.select_option("#speed", "30")
    shown.page.click("#play")  # plays what was, and goes on where it ends
    shown.until("tick => Number(document.querySelector('#scrub').max) > tick", stopped + 2)
    shown.page.click("#play")
    assert shown.mode == "live"


@pytest.mark.slow
def test_it_stops_where_it_is_told(shown):
    shown.page.select_option("#speed", "0")
    for choice, badge in (("loss", "live"), ("tick", "live"), ("small", "live"), ("end", "replay")):
        shown.page.select_option("#until", choice)
        if choice == "tick":
            shown.page.fill("#until-tick", "33")
            shown.press("Tab")
        shown.page.click("#play")
        if choice == "end":
            shown.until("() => document.querySelector('#outcome').textContent === 'CONVERGED'")
        else:
            shown.until("() => document.querySelector('#notice')?.textContent.startsWith('stopped')")
        assert shown.mode == badge
        lost = int(shown.page.evaluate("document.querySelectorAll('#messages tr.lost').length"))
        if choice == "loss":
            assert 10 <= shown.tick < 14
            assert lost > 0
        if choice == "tick":
            assert shown.tick == 33
        shown.page.evaluate("document.querySelector('#notice').textContent = ''")
    assert "gap" in shown.text("#charts")
    last = shown.tick
    shown.press("ArrowRight")
    assert shown.tick == last


def test_the_log_the_causes_and_the_sequence_are_those_of_the_report(shown):
    shown.press("Shift+ArrowRight")
    shown.at(10)
    shown.page.click(".why >> nth=0")
    shown.settle()
    steps = shown.page.eval_on_selector_all("#why li", "items => items.map(item => item.textContent)")
    assert len(steps) > 3
    assert "a first call" in steps[-1]
    shown.page.click("#why li:last-child button")
    assert shown.tick == 0
    shown.press("End")
    shown.forward(4)
    shown.page.select_option("#log-fate", "lost")
    rows = shown.rows("#messages")
    assert rows
    assert all("lost" in row[5] for row in rows)
    shown.page.select_option("#log-fate", "any")
    shown.page.select_option("#log-agent", label="B.operator")
    assert all("B.operator" in row[2:4] for row in shown.rows("#messages"))
    shown.page.click("#tab-sequence")
    after = shown.pixels("#sequence canvas")
    shown.seek(0)
    assert after > shown.pixels("#sequence canvas") > 0


def test_the_inspector_asks_for_one_agent(shown):
    shown.press("Shift+ArrowRight")
    shown.at(10)
    shown.page.click("#tab-inspector")
    shown.page.select_option("#agent", label="A.load")
    shown.until("() => document.querySelector('#inspector').textContent.includes('beta')")
    told = shown.text("#inspector")
    assert "Private facts, as they are in tick 10" in told
    assert "Last answer, kW" in told
    now = dict(row for row in shown.rows("#inspector table") if len(row) == 2)["own bus"]
    shown.seek(3)
    shown.until(
        "now => [...document.querySelectorAll('#inspector td')].some((cell, k, all) => "
        "cell.textContent === 'own bus' && all[k + 1].textContent !== now)", now
    )  # fmt: skip


@pytest.mark.slow
def test_a_past_that_is_not_in_the_page_is_fetched(browser, monkeypatch):
    monkeypatch.setattr(spans, "SPAN_TICKS", 12)
    with serving(live(settings=["eps_abs=0", "eps_rel=0"])) as server:
        page = Live(browser, server)
        page.page.select_option("#speed", "0")
        page.page.select_option("#until", "tick")
        page.page.fill("#until-tick", "150")
        page.press("Tab")
        page.page.click("#play")
        page.at(150)
        assert page.page.is_hidden("#progress")
        page.page.select_option("#until", "end")
        page.page.click("#play")
        page.until("() => !document.querySelector('#progress').hidden && document.querySelector('#progress').value > 0")
        page.seek(150)  # who looks back stops it
        page.at(150)
        page.until("() => document.querySelector('#play path').getAttribute('d').startsWith('M4 2')")
        window = "() => document.querySelector('#messages td').textContent"
        for tick in (20, 90, 21, 0, 150):
            page.seek(tick)
            page.at(tick)
            assert page.page.evaluate(window) == str(tick)
        page.seek(3)
        page.at(3)
        page.page.select_option("#speed", "100")
        page.page.select_option("#until", "end")
        page.page.click("#play")  # over the edges of many windows, and on
        page.until("() => Number(document.querySelector('#scrub').max) > 150")
        page.page.click("#play")
        page.close()


@pytest.mark.slow
def test_a_recording_is_replayed(browser, tmp_path):
    assert call("run", "three-microgrids", "--no-reference", "--out", tmp_path / "run").exit_code == 0
    with serving(Source(run=tmp_path / "run")) as server:
        page = Live(browser, server)
        assert (page.mode, page.text("#outcome")) == ("replay", "CONVERGED")
        last = page.tick
        page.press("ArrowLeft")
        assert page.tick == last - 1
        page.press("Home")
        page.at(0)
        page.page.select_option("#until", "smaller")
        page.page.select_option("#speed", "100")
        page.page.click("#play")
        page.until("() => document.querySelector('#play path').getAttribute('d').startsWith('M4 2')")
        assert 0 < page.tick < last
        page.close()


def test_without_an_argument_the_page_offers_the_scenarios(browser):
    with serving(Source()) as server:
        page = Live(browser, server)
        names = page.page.eval_on_selector_all("#chooser b", "all => all.map(one => one.textContent)")
        assert "prosumer-day" in names
        page.page.fill("#seed", "9")
        page.page.click("#chooser button:has-text('three-microgrids')")
        page.until("() => document.querySelector('#facts').textContent.includes('seed 9')")
        page.forward(2)
        page.close()


def test_everything_is_reached_by_keyboard_and_says_what_it_is(shown):
    shown.page.click("#tab-steer")
    reached = set()
    for _ in range(60):
        shown.press("Tab")
        reached.add(shown.page.evaluate("document.activeElement.id"))
    enabled = shown.page.eval_on_selector_all(
        "button:enabled, select, input",
        "all => all.filter(one => one.offsetParent && one.tabIndex >= 0).map(one => one.id)",
    )
    assert set(enabled) <= reached
    assert {"branch", "set-loss", "target", "save"} <= reached
    nameless = (
        "all => all.filter(one => !one.ariaLabel && !one.title && !one.textContent.trim()).map(one => one.outerHTML)"
    )
    assert shown.page.eval_on_selector_all("button, select, input, canvas[role], progress", nameless) == []


def test_a_server_that_goes_is_told(browser):
    with serving(live()) as server:
        page = Live(browser, server)
        page.forward()
    page.until("() => !document.querySelector('#problem').hidden")
    assert "The server has gone" in page.text("#problem")
    page.seek(0)
    assert page.pixels("#base") > 0
    assert page.pixels("#base", RED) == 0
    page.page.close()

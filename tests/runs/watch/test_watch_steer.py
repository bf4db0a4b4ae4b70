"""Steering the live page by hand: faults on what was clicked, branches that are compared, and a schedule that is saved."""

from __future__ import annotations

import shlex

import pytest

from gridparley import Record

from ..browser import RED
from ..command import call
from ..served import Live, blocks, live, serving, wait


@pytest.fixture(scope="module")
def server(browser):
    with serving(live()) as found:
        yield found


@pytest.fixture
def shown(browser, server):
    page = Live(browser, server)
    yield page
    page.close()


def press(page, button):
    """Press a button that gives a command, and wait until the page knows of it."""
    before = len([each for each in page.commands() if each != "none yet"])
    page.page.click(f"#{button}")
    page.until(
        "count => [...document.querySelectorAll('#commands button')].length > count && "
        "!document.querySelector('#notice[data-wrong=yes]:not([hidden])')", before
    )  # fmt: skip


def fates(page, fate):
    page.page.click("#tab-log")
    page.page.select_option("#log-fate", fate)
    rows = page.rows("#messages")
    page.page.select_option("#log-fate", "any")
    return rows


def test_a_link_that_is_cut_stops_messages_until_it_is_healed(shown):
    shown.forward(3)
    shown.choose("A.virtual", "B.virtual")
    press(shown, "cut")
    assert shown.page.is_disabled("#cut")
    shown.forward(2)
    assert shown.pixels("#base", RED) > 50
    assert any("stopped" in row[5] for row in fates(shown, "lost"))
    assert shown.text("#active") == "partition channel=A.virtual<->B.virtual"
    shown.page.click("#tab-steer")
    press(shown, "heal")
    shown.choose("everybody")  # who is chosen is red too
    shown.forward(2)
    assert shown.pixels("#base", RED) == 0
    assert shown.text("#active") == ""
    assert shown.commands() == [
        "tick 4 partition channel=A.virtual<->B.virtual",
        "tick 6 end partition channel=A.virtual<->B.virtual from=4",
    ]
    shown.page.click("#commands button >> nth=0")
    assert (shown.tick, shown.mode) == (4, "past")


def test_a_link_is_chosen_by_a_click_on_it(shown):
    box = shown.page.locator("#top").bounding_box()
    shown.page.click("#tab-steer")
    found = set()
    for x in range(30, int(box["width"]), 40):
        shown.page.mouse.click(box["x"] + x, box["y"] + 0.4 * box["height"])
        shown.settle()
        if shown.page.is_visible("#target-peer") and (peer := shown.page.eval_on_selector(
            "#target-peer", "select => select.selectedOptions[0].textContent")).startswith("link with"):  # fmt: skip
            who = shown.page.eval_on_selector("#target", "select => select.selectedOptions[0].textContent")
            found.add((who, peer))
    assert len(found) >= 2
    assert all(who != peer.removeprefix("link with ") for who, peer in found)


def test_loss_and_delay_are_set_changed_and_taken_back(shown):
    shown.forward(2)
    shown.choose("everybody")
    assert shown.page.is_disabled("#cut")
    assert shown.page.is_disabled("#crash")
    shown.page.fill("#loss", "1")
    press(shown, "set-loss")
    shown.forward()
    assert len(fates(shown, "lost")) > 3
    shown.page.click("#tab-steer")
    shown.page.fill("#loss", "0")
    press(shown, "set-loss")  # instead of the one before
    assert len(shown.page.query_selector_all("#acting button")) == 1
    press(shown, "end-loss")
    shown.page.fill("#delay", "2..4")
    press(shown, "set-delay")
    for _ in range(12):
        shown.forward()
    assert len(fates(shown, "late")) > 0
    shown.page.click("#tab-steer")
    press(shown, "end-delay")
    shown.page.fill("#delay", "many")
    shown.page.click("#set-delay")
    shown.until("() => document.querySelector('#notice').dataset.wrong === 'yes'")
    assert "ticks" in shown.text("#notice")
    assert shown.text("#acting") == "nothing"


@pytest.mark.slow
def test_an_agent_crashes_and_restarts(shown):
    shown.forward(4)
    shown.choose("B.operator")
    shown.page.select_option("#memory", "lost")
    press(shown, "crash")
    shown.forward(3)
    assert shown.pixels("#base", RED) > 50
    shown.page.click("#tab-inspector")
    assert ", down" in shown.text("#inspector")
    shown.page.click("#tab-steer")
    press(shown, "restart")
    shown.forward()
    shown.page.click("#tab-inspector")
    assert ", down" not in shown.text("#inspector")
    shown.page.select_option("#speed", "0")
    shown.page.click("#play")
    shown.until("() => document.querySelector('#outcome').textContent === 'CONVERGED'")


def test_a_branch_from_a_past_tick_is_compared(shown):
    shown.choose("A.operator")
    shown.forward(9)
    press(shown, "crash")
    shown.forward(12)
    shown.seek(6)
    assert shown.mode == "past"
    assert shown.page.is_disabled("#restart")
    assert "branch from here" in shown.text("#hint")
    shown.page.click("#branch")
    shown.until("() => document.querySelector('#mode').textContent === 'live'")
    assert (shown.tick, shown.text("#commands")) == (6, "none yet")
    assert shown.text("#differs") == "no difference so far"
    shown.page.select_option("#speed", "0")
    shown.page.select_option("#until", "tick")
    shown.page.fill("#until-tick", "21")
    shown.press("Tab")
    shown.page.click("#play")
    shown.at(21)
    told = shown.text("#differs")
    assert told.startswith("they differ from tick 1")
    rows = {row[0]: row[1:] for row in shown.rows("#compare")}
    assert rows["in"] == ["tick 21", "tick 21"]
    assert float(rows["messages sent"][0]) < float(rows["messages sent"][1])
    assert rows["price A, $/kWh"][0] != rows["price A, $/kWh"][1]
    shown.seek(5)
    rows = {row[0]: row[1:] for row in shown.rows("#compare")}
    assert all(before == now for before, now in rows.values())
    assert shown.text("#charts").count("thin: before") == 3
    shown.page.select_option("#shown-run", "0")
    shown.at(21)
    assert len(shown.commands()) == 1
    shown.forward()
    assert shown.mode == "live"


@pytest.mark.slow
def test_a_schedule_that_is_saved_does_the_same_again(browser, tmp_path):
    with serving(live(settings=["run.seed=6"], out=tmp_path / "kept")) as server:
        page = Live(browser, server)
        page.forward(3)
        page.choose("everybody")
        press(page, "set-loss")
        page.forward(4)
        page.choose("A.virtual", "C.virtual")
        press(page, "cut")
        page.forward(5)
        press(page, "heal")
        page.choose("C.operator")
        press(page, "crash")
        page.forward(3)
        press(page, "restart")
        page.forward(6)
        with page.page.expect_download() as caught:
            page.page.click("#save")
        file = tmp_path / caught.value.suggested_filename
        caught.value.save_as(file)
        page.close()
    assert file.name == "three-microgrids-faults.toml"
    words = shlex.split(file.read_text().splitlines()[0].partition(": gridparley ")[2])[:-1]
    done = call(*words, file, "--ticks", 22, "--no-reference", "--out", tmp_path / "again")
    assert done.exit_code == 0, done.output
    assert blocks(tmp_path / "again", 22) == blocks(tmp_path / "kept", 22)
    with Record.open(tmp_path / "kept") as record:
        assert len(record.commands) == 5


def test_two_browsers_on_one_server_do_not_disturb_each_other(browser, server):
    one, two = Live(browser, server), Live(browser, server)
    one.forward(5)
    two.forward(2)
    one.choose("B.operator")
    press(one, "crash")
    one.forward()
    two.page.click("#tab-steer")
    assert (one.tick, two.tick) == (6, 2)
    assert two.commands() == ["none yet"]
    one.close()
    wait(lambda: len(server.sessions) == 1)  # of the tab that is closed nothing is left
    two.forward()
    two.close()
    wait(lambda: not server.sessions)


def test_a_thousand_agents_are_steered_by_microgrid(browser):
    settings = ["microgrids=40", "prosumers=9"]
    with serving(live("microgrids", settings=settings)) as server:
        page = Live(browser, server)
        page.page.click("#tab-steer")
        page.forward(2)
        box = page.page.locator("#top").bounding_box()
        chosen = ""
        for x in range(60, int(box["width"]), 15):
            page.page.mouse.click(box["x"] + x, box["y"] + 0.45 * box["height"])
            page.settle()
            if page.page.is_visible("#target-peer"):
                chosen = page.page.eval_on_selector("#target-peer", "select => select.selectedOptions[0].textContent")
                if ".*" in chosen:
                    break
        assert chosen.startswith("all between m")
        press(page, "cut")
        page.forward(2)
        assert page.pixels("#base", RED) > 5
        page.close()

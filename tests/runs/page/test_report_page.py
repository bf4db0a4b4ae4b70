"""The report in a browser: it opens from disk, and shows what the record holds."""

from __future__ import annotations

import pytest

from gridparley import Record

from ..browser import RED, Shown, report_of
from ..command import call

FAULTS = ("--fault", "loss=0.2,from=10,to=60", "--fault", "delay=0..3,from=10,to=60",
          "--fault", "crash=B.operator,from=30,to=40", "--fault", "duplicate=0.2,from=10,to=60")  # fmt: skip


@pytest.fixture(scope="module")
def lossy(browser, tmp_path_factory):
    return report_of(tmp_path_factory.mktemp("lossy"), "three-microgrids", "--seed", "3", *FAULTS)


@pytest.fixture
def shown(browser, lossy):
    page = Shown(browser, lossy / "report.html")
    yield page
    page.close()


@pytest.fixture(scope="module")
def messages(lossy):
    with Record.open(lossy) as record:
        return record.messages().sort_values("id")


def test_it_starts_at_the_first_tick_and_says_what_was_run(shown):
    assert shown.tick == 0
    assert shown.text("#title") == "three-microgrids"
    assert "dual_decomposition, seed 3, 9 agents" in shown.text("#facts")
    assert shown.text("#outcome") == "CONVERGED"


def test_buttons_and_keys_step(shown):
    for key, button, tick in (("ArrowRight", "forward", 1), ("ArrowLeft", "back", -1)):
        shown.seek(20)
        shown.page.click(f"#{button}")
        assert shown.tick == 20 + tick
        shown.press(key, key)
        assert shown.tick == 20 + 3 * tick
    shown.press("Shift+ArrowRight")
    assert shown.tick == 27
    shown.page.click("#last")
    last = shown.tick
    shown.press("ArrowRight")
    assert shown.tick == last
    shown.press("Home", "ArrowLeft")
    assert shown.tick == 0
    shown.press("End")
    assert shown.tick == last
    shown.page.click("#first")
    assert shown.tick == 0


def test_it_plays_pauses_and_stops_where_it_is_told(shown, messages):
    lost = messages[messages["fate"] == "lost"]["ended"].min()
    shown.page.select_option("#speed", "100")
    shown.page.select_option("#until", "loss")
    shown.page.click("#play")
    shown.page.wait_for_function(
        "tick => document.querySelector('#clock').textContent.includes(`tick ${tick} `)", arg=int(lost)
    )
    shown.page.select_option("#until", "end")
    shown.page.select_option("#speed", "1")
    shown.page.focus("#scrub")
    shown.page.click("#play")
    shown.page.click("#play")  # pauses half a tick on, where ordinary messages are on their way
    assert lost <= shown.tick <= lost + 2
    assert shown.pixels("#top") > 0


def test_a_click_in_a_chart_seeks(shown):
    shown.page.click(".chart canvas >> nth=1", position={"x": 120, "y": 40})
    assert 20 < shown.tick < 100


def test_the_log_shows_what_was_said_by_agent_kind_and_fate(shown, messages):
    tick = 14
    shown.seek(tick)
    shown.page.select_option("#log-when", "now")
    said = messages[messages["sent"] == tick]
    assert len(shown.rows("#messages")) == len(said) > 5
    shown.page.select_option("#log-fate", "lost")
    assert len(shown.rows("#messages")) == (said["fate"] == "lost").sum()
    shown.page.select_option("#log-fate", "any")
    shown.page.select_option("#log-when", "past")
    shown.page.select_option("#log-kind", label="bid")
    shown.page.select_option("#log-agent", label="B.operator")
    mine = (messages["sender"] == "B.operator") | (messages["receiver"] == "B.operator")
    wanted = messages[mine & (messages["kind"] == "bid") & (messages["sent"] <= tick)]
    rows = shown.rows("#messages")
    assert [(int(row[0]), row[2], row[3]) for row in rows] == list(
        wanted[::-1][["sent", "sender", "receiver"]].itertuples(index=False, name=None)
    )


def test_a_fate_is_not_told_before_it_is_met(shown, messages):
    stopped = messages[messages["fate"] == "stopped"].iloc[0]
    shown.page.select_option("#log-when", "now")
    shown.page.select_option("#log-fate", "lost")
    fates = []
    for tick in (stopped["sent"], stopped["ended"]):
        shown.seek(int(tick))
        shown.page.select_option("#log-when", "now" if tick == stopped["sent"] else "past")
        fates.append([row[5] for row in shown.rows("#messages") if int(row[0]) == stopped["sent"]])
    assert any("on the way" in fate for fate in fates[0])
    assert any("stopped" in fate for fate in fates[1])


def test_why_follows_the_causes_of_the_record(shown, messages):
    tick = 19  # later, what is newest was often said again because of silence, and so has no cause
    shown.seek(tick)
    shown.page.click(".why >> nth=0")
    shown.settle()
    caused = messages.drop_duplicates("id").set_index("id")
    cause = caused["cause"].fillna(-1).astype(int)
    newest = messages[messages["sent"] <= tick]["id"].max()
    chain = [newest]
    while cause[chain[-1]] >= 0:
        chain.append(cause[chain[-1]])
    steps = shown.page.eval_on_selector_all("#why li", "items => items.map(item => item.textContent)")
    assert len(steps) == len(chain) > 3
    for step, number in zip(steps, chain, strict=True):
        row = caused.loc[number]
        assert f"tick {row['sent']}" in step
        assert f"{row['sender']} → {row['receiver']}: {row['kind']}" in step
    shown.page.click("#why li:last-child button")
    assert shown.tick == caused.loc[chain[-1], "sent"]


def test_the_inspector_tells_facts_answer_and_memory(shown, lossy, messages):
    tick, agent = 50, "A.load"
    shown.page.click("#tab-inspector")
    shown.page.select_option("#agent", label=agent)
    shown.seek(tick)
    told = shown.text("#inspector")
    assert "SquareRootLoad, prosumer of microgrid A" in told
    with Record.open(lossy) as record:
        answers = record.answers()
        beta = record.scenario().simulation().market.populations[1].society.beta[0, 0]
    x = answers[(answers["tick"] == tick) & (answers["agent"] == agent)]["x_kw"].item()
    rows = dict(row for row in shown.rows("#inspector table") if len(row) == 2)
    assert float(rows["own bus"]) == pytest.approx(x, rel=1e-3)
    assert float(rows["beta"]) == beta
    heard = messages[
        (messages["receiver"] == agent) & (messages["fate"] == "delivered") & (messages["ended"] <= tick)
    ].drop_duplicates("kind", keep="last")
    memory = [row for row in shown.rows("#inspector table") if len(row) == 4]
    assert {(row[0], row[2]) for row in memory} == {
        (kind, f"tick {t}") for kind, t in zip(heard["kind"], heard["sent"], strict=True)
    }


def test_a_click_on_an_agent_inspects_it(shown):
    shown.seek(5)
    box = shown.page.locator("#top").bounding_box()
    for x in range(10, int(box["width"]), 12):
        for y in range(60, int(box["height"]) - 80, 12):
            shown.page.mouse.move(box["x"] + x, box["y"] + y)
            if shown.page.is_visible("#tip"):
                name = shown.page.inner_text("#tip").split(":")[0]
                shown.page.mouse.click(box["x"] + x, box["y"] + y)
                assert name in shown.text("#inspector p")
                return
    pytest.fail("no agent under the pointer")


def test_a_crashed_agent_its_links_and_lost_messages_are_marked(shown):
    shown.seek(5)
    assert shown.pixels("#base", RED) == shown.pixels("#top", RED) == 0
    shown.seek(33)
    assert shown.pixels("#base", RED) > 50
    assert shown.pixels("#top", RED) > 5
    assert "crash" in shown.text("#active")


def test_the_sequence_goes_in_step_with_the_network(shown):
    shown.page.click("#tab-sequence")
    shown.seek(0)
    before = shown.pixels("#sequence canvas")
    shown.seek(8)
    assert shown.pixels("#sequence canvas") > before > 0


def test_dark_is_dark_and_everything_is_reached_by_keyboard(shown):
    colour = "getComputedStyle(document.body).backgroundColor"
    light = shown.page.evaluate(colour)
    reached = set()
    for _ in range(40):
        shown.press("Tab")
        reached.add(shown.page.evaluate("document.activeElement.id || document.activeElement.className"))
    wanted = {
        "theme",
        "tab-log",
        "log-agent",
        "log-kind",
        "log-fate",
        "scroll",
        "first",
        "back",
        "play",
        "forward",
        "last",
    }
    shown.page.focus("#theme")
    shown.press("Enter")
    assert shown.page.evaluate(colour) != light
    shown.page.focus("#last")
    shown.press("Tab")
    assert shown.page.evaluate("document.activeElement.id") == "scrub"
    shown.page.focus("#tab-log")
    shown.press("ArrowRight")
    assert shown.page.is_visible("#sequence")
    assert wanted <= reached | {"theme"}


def test_an_excerpt_says_which_ticks_it_shows(browser, lossy, tmp_path):
    assert call("report", lossy, "--from", 20, "--to", 40, "--out", tmp_path / "part.html").exit_code == 0
    with Record.open(lossy) as record:
        ticks = record.ticks
    page = Shown(browser, tmp_path / "part.html")
    assert page.text("#facts").endswith(f"ticks 20 to 39 of {ticks}")
    canvas = page.page.locator(".chart canvas").first.bounding_box()
    x = 52 + 30 / (ticks - 1) * (canvas["width"] - 60)  # of the whole run, which the charts show
    page.page.mouse.click(canvas["x"] + x, canvas["y"] + 40)
    assert 28 <= page.tick <= 32
    page.page.mouse.click(canvas["x"] + canvas["width"] - 12, canvas["y"] + 40)  # in the shade
    assert page.tick == 39
    page.press("Home")
    assert page.tick == 20
    page.press("End")
    assert page.tick == 39
    page.press("Home", "ArrowLeft")
    assert page.tick == 20
    page.close()

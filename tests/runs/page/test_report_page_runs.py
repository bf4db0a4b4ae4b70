"""The report in a browser, of runs that are special in one way or another."""

from __future__ import annotations

import json

import numpy as np

from gridparley import Record

from ..browser import INK, RED, Shown, report_of
from ..command import call

DAY_TICKS = 300


def test_facts_of_a_port_are_those_of_the_agent_that_has_it(browser, tmp_path):
    # Every operator of note 000 has the same alpha: here each line has its own.
    words = [
        word
        for line, alpha in (("A-B", 0.1), ("A-C", 0.2), ("B-C", 0.3))
        for word in ("--set", f"tie_line.{line}.alpha={alpha}")
    ]
    page = Shown(browser, report_of(tmp_path, "three-microgrids", *words, "--ticks", "10") / "report.html")
    page.page.click("#tab-inspector")
    found = {}
    for name in "ABC":
        page.page.select_option("#agent", label=f"{name}.operator")
        rows = dict(row for row in page.rows("#inspector table") if len(row) == 2)
        found[name] = [float(word) for word in rows["alpha (by port)"].split()]
    assert found == {"A": [0.1, 0.2], "B": [0.1, 0.3], "C": [0.2, 0.3]}
    page.close()


def test_a_day_tells_period_and_hour(browser, tmp_path):
    folder = report_of(tmp_path, "prosumer-day", "--ticks", str(DAY_TICKS))
    page = Shown(browser, folder / "report.html", color_scheme="dark")
    assert "period 1 of 24 (06:00)" in page.text("#clock")
    page.press("End")
    with Record.open(folder) as record:
        result = json.loads((folder / "result.json").read_text())
        ended = np.cumsum([period["ticks"] for period in result["periods"]])
        period = int((ended < record.ticks).sum())
    assert 0 < period < 24
    assert f"period {period + 1} of 24 ({6 + period:02d}:00)" in page.text("#clock")
    page.close()


def test_agents_that_rest_are_marked_and_told_apart_from_those_that_are_down(browser, tmp_path):
    faults = ("--fault", "slow=A.load,every=2,from=10", "--fault", "crash=B.load,from=10,to=20")
    page = Shown(browser, report_of(tmp_path, "three-microgrids", *faults, "--ticks", "30") / "report.html")
    page.page.click("#tab-inspector")
    told = {}
    for tick in (10, 11):
        page.seek(tick)
        for agent in ("A.load", "B.load"):
            page.page.select_option("#agent", label=agent)
            told[tick, agent] = page.text("#inspector p")
    assert told[10, "A.load"] == "A.load SquareRootLoad, prosumer of microgrid A"
    assert told[11, "A.load"].endswith(", resting")
    assert told[11, "B.load"].endswith(", down")
    page.page.select_option("#agent", label="choose an agent")
    ink = {}
    for tick in (25, 26):  # at rest in odd ticks, and nobody is down any more
        page.seek(tick)
        assert page.pixels("#base", RED) == 0
        ink[tick] = page.pixels("#base", INK)
    assert ink[25] > ink[26] + 20
    page.close()


def test_above_300_agents_microgrids_open_on_a_choice(browser, tmp_path):
    words = ("microgrids", "--set", "microgrids=12", "--set", "prosumers=30", "--ticks", "40")
    page = Shown(browser, report_of(tmp_path, *words) / "report.html")
    page.seek(11)
    closed = page.pixels("#base")
    page.page.select_option("#open", label="m3")
    assert page.pixels("#base") > 1.2 * closed
    page.page.select_option("#open", label="all")
    assert page.pixels("#base") == closed
    page.close()


def test_a_scenario_cannot_write_into_the_page(browser, tmp_path):
    file = tmp_path / "</script><img src=x onerror=alert(1)>.toml".replace("/", "∕")
    text = call("show", "three-microgrids").output.replace("Three microgrids, one period", "</script><b>hello")
    file.write_text(text, encoding="utf-8")
    page = Shown(browser, report_of(tmp_path / "run", file, "--ticks", "30") / "report.html")
    assert page.page.locator("img").count() == 0
    page.close()

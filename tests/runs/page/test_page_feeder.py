"""The feeder in the page: what it tells is the power flow of what everybody proposes, and it is drawn on demand."""

from __future__ import annotations

import gzip
import re
from base64 import b64decode

import numpy as np
import pytest

from gridparley import Record, load_scenario
from gridparley.runs.feeder.ports import network_ports
from gridparley.runs.feeder.read import FEEDERS, load_feeder
from gridparley.runs.feeder.state import feeder_state
from gridparley.runs.page.feeder import _picked, bus_places, page_feeder

from ..browser import RED, Shown, report_of
from ..served import Live, Talk, live, read, serving


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return report_of(tmp_path_factory.mktemp("toy"), "feeder-toy", "--ticks", "60")


def block_of(report):
    (data,) = re.findall(r'id="data">\s*([^<]+?)\s*</script>', report.read_text())
    return read(gzip.decompress(b64decode(data)))


def state_of(market, x, price):
    """What `feeder_state` says of the prosumers' own answers in the operator's place."""
    place = network_ports(market).population
    peers = market.populations[1 - place].society
    theirs = np.concatenate([np.zeros((1, market.periods)), -x[1 - place][peers.own_rows + 1]])
    return feeder_state(market, [theirs if k == place else rows for k, rows in enumerate(x)], price)


@pytest.mark.slow
def test_its_numbers_are_those_of_the_exact_power_flow(toy):
    meta, columns = block_of(toy / "report.html")
    with Record.open(toy) as record:
        frames, market = list(record.states(0, record.ticks)), record.scenario().simulation().market
    assert columns["feeder.voltage"].shape == (len(frames), 4)
    for tick in (0, 7, 40, len(frames) - 1):
        told = state_of(market, frames[tick].x, frames[tick].price)
        assert columns["feeder.voltage"][tick] == pytest.approx(told["with"]["voltage"][0], abs=1e-6, nan_ok=True)
        kw = told["with"]["line_kw"][0]
        assert columns["feeder.kw"][tick] == pytest.approx(kw, rel=1e-5, abs=1e-5, nan_ok=True)
        ports = told["ports"]
        assert columns["feeder.p"][tick] == pytest.approx(
            [port["p"][0] for port in ports.values()], rel=1e-5, nan_ok=True
        )
        buses = [meta["feeder"]["buses"][bus] for bus in meta["feeder"]["bus"]]
        assert buses == [port["bus"] for port in ports.values()]
    home = columns["home"][:, 0]
    assert [meta["microgrids"][home[agent]] for agent in meta["feeder"]["agent"]] == list(ports)
    kept = {name: told[name] for name in ("buses", "lines", "parent", "v_min", "v_max")}
    assert {name: meta["feeder"][name] for name in kept} == kept
    limits = [None if np.isinf(kw) else kw for kw in told["limit_kw"]]
    assert meta["feeder"]["limit_kw"] == limits


def test_live_frames_hold_the_same_numbers(toy):
    meta, columns = block_of(toy / "report.html")
    with serving(live("feeder-toy")) as server, Talk(server) as talk:
        first, opened = talk.frame("open")
        assert first["feeder"] == meta["feeder"]
        talk.ask("step", ticks=20)
        _, ticks = talk.frames[-1]
        talk.ask("window", tick=5)
        window, past = talk.frames[-1]
    for name in ("feeder.voltage", "feeder.kw", "feeder.p"):
        assert np.array_equal(opened[name], columns[name][:1], equal_nan=True)
        assert np.array_equal(ticks[name], columns[name][21 - len(ticks[name]) : 21], equal_nan=True)
        assert np.array_equal(past[name], columns[name][window["first"] : window["last"]], equal_nan=True)


def test_of_several_periods_the_one_nearest_to_a_limit_is_shown():
    values, weight = np.array([[[1.0, 0.99]], [[0.94, 1.0]]]), np.array([[[0.0, 2.0]], [[1.0, 1.0]]])
    assert _picked(values, weight).tolist() == pytest.approx(np.array([[0.94], [0.99]]))


@pytest.mark.parametrize("name", FEEDERS)
def test_no_two_buses_have_one_place_and_no_branches_cross(name):
    parent = load_feeder(name).parent
    places = bus_places(parent)
    assert len({tuple(place) for place in places}) == len(places)
    cells = [tuple(place) for place in places]
    for line, bus in enumerate(parent.tolist()):
        (column, lane), (end, other) = cells[bus], cells[line + 1]
        assert end == column + 1
        side = 1 if other > lane else -1
        assert (
            not {(column, between) for between in range(lane + side, other + side, side)} & set(cells) or other == lane
        )


def test_markets_without_a_network_operator_have_no_feeder(browser, tmp_path):
    assert page_feeder(load_scenario("three-microgrids").simulation().market) is None
    page = Shown(browser, report_of(tmp_path / "run", "three-microgrids", "--ticks", "5") / "report.html")
    assert page.page.query_selector("#views") is None
    page.close()


def looks_at_the_feeder(page):
    """Switch by keyboard, look for a tick's drawing and its words, and switch back."""
    assert page.page.is_hidden("#feeder")
    page.page.focus("#view-feeder")
    page.press("Enter")
    assert page.page.is_visible("#feeder")
    assert page.page.is_hidden("#base")
    assert page.page.get_attribute("#view-feeder", "aria-pressed") == "true"
    assert page.pixels("#feeder-canvas") > 2000
    assert page.text("#feeder-said")


def test_a_report_switches_to_the_feeder_and_steps(browser, toy):
    _, columns = block_of(toy / "report.html")
    outside = (np.abs(columns["feeder.voltage"][:, 1:] - 1.0) > 0.05 + 5e-5).sum(axis=1)
    page = Shown(browser, toy / "report.html")
    looks_at_the_feeder(page)
    flows = np.flatnonzero(np.isfinite(columns["feeder.voltage"][:, 0]))
    assert flows[0] > 0  # before the first tick is over nobody has proposed anything
    assert page.text("#feeder-said") == "not everybody has proposed yet"
    assert len({*outside[flows]}) > 1
    for tick in (int(flows[np.argmin(outside[flows])]), int(np.argmax(outside))):
        page.seek(tick)
        assert page.text("#feeder-said").startswith(f"{outside[tick]} of 4 buses")
        assert (page.pixels("#feeder-canvas", RED) > 0) == (
            outside[tick] > 0 or " and 0 of" not in page.text("#feeder-said")
        )
    box = page.page.locator("#feeder-canvas").bounding_box()
    said = set()
    for x in range(150, int(box["width"]) - 150, 12):  # along the upper lane, wherever it is
        for y in range(132, 172, 8):
            page.page.mouse.move(box["x"] + x, box["y"] + y)
            if page.page.is_visible("#tip"):
                said.add(page.page.inner_text("#tip"))
    assert any(re.match(r"bus 3: [01]\.\d{4} pu\np2 .* DLMP -?[\d.e-]+ \$/kWh$", text) for text in said), said
    assert any(re.match(r"line 2-3: .* % of 40 kW$", text) for text in said), said
    page.page.click("#view-messages")
    page.settle()
    assert page.page.is_hidden("#feeder")
    assert page.pixels("#base") > 0
    page.close()


def test_the_live_page_switches_to_the_feeder_and_goes_on(browser):
    with serving(live("feeder-toy")) as server:
        page = Live(browser, server)
        looks_at_the_feeder(page)
        page.forward(3)
        assert page.tick == 3
        page.press("ArrowLeft")
        assert page.tick == 2
        assert "of 4 buses" in page.text("#feeder-said")
        page.close()

"""What the terminal view shows is what the record holds."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest

from gridparley import Record, load_scenario
from gridparley.agents import AgentError
from gridparley.runs.terminal.lines import Lines
from gridparley.runs.terminal.messages import Wanted, newest, read_wanted
from gridparley.runs.terminal.playback import Film, open_film, play_film
from gridparley.runs.terminal.view import TerminalView

from ..recorded import record_to

FAULTS = ["loss=0.3", "delay=0..2", "duplicate=0.2", "crash=B.operator,from=30,to=40", "slow=A.load,every=2"]
TICKS = 120


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    record_to(folder, FAULTS, ticks=TICKS)
    return folder


@pytest.fixture
def film(run):
    with open_film(run) as film:
        yield film


@pytest.fixture(scope="module")
def messages(run):
    with Record.open(run) as record:
        return record.messages()


@asynccontextmanager
async def shown(film, size=(80, 24)):
    app = TerminalView(film)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()

        async def press(*keys):
            await pilot.press(*keys)
            await pilot.pause()
            return {each.id: each.lines for each in app.query(Lines)}

        yield app, press


def test_messages_are_those_of_the_record_with_their_fate_so_far(film, messages):
    twins = set(messages["id"][messages["id"].duplicated()])
    for tick in (0, 17, 35, TICKS - 1):
        told = newest(film, tick, Wanted(), 200)
        said = messages[(messages["sent"] <= tick) & (messages["sent"] > tick - 60)]
        said = said.sort_values("id", ascending=False)[:200]
        assert [letter.number for letter in told] == said["id"].tolist()
        for letter, fate, ended in zip(told, said["fate"], said["ended"], strict=True):
            if letter.number not in twins:
                assert letter.fate.startswith("flying" if ended > tick or fate == "in_flight" else fate), letter


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("bid", lambda m: m["kind"] == "bid"),
        ("bid price", lambda m: m["kind"].isin(["bid", "price"])),
        ("B.operator", lambda m: (m["sender"] == "B.operator") | (m["receiver"] == "B.operator")),
        ("a.virtual C.", lambda m: [
            any("A.virtual" in each for each in ends) and any(each.startswith("C.") for each in ends)
            for ends in zip(m["sender"], m["receiver"], strict=True)
        ]),
        ("lost", lambda m: m["fate"].isin(["lost", "stopped"])),
        ("late delivered", lambda m: (m["fate"] == "delivered") | ((m["ended"] > m["sent"] + 1) & (m["fate"] != "stopped"))),
        ("stale B.virtual", lambda m: (m["fate"] == "stale") & (m["ended"] == m["sent"] + 1)
         & ((m["sender"] == "B.virtual") | (m["receiver"] == "B.virtual"))),
    ],
)  # fmt: skip
def test_a_filter_shows_what_fits_all_of_its_words(film, messages, text, fits):
    tick = TICKS - 1
    wanted = read_wanted(text, [kind["name"] for kind in film.record.header["kinds"]], film.record.agents)
    told = newest(film, tick, wanted, 30)
    said = messages[(messages["sent"] > tick - 60) & np.array(fits(messages), dtype=bool)]
    assert [letter.number for letter in told] == said.sort_values("id", ascending=False)["id"].tolist()[:30]
    assert told


def test_the_network_tells_prices_imbalances_and_who_does_not_speak(film):
    async def look():
        async with shown(film, size=(140, 24)) as (app, press):
            app.action_go(35)
            panels = await press("down")
            assert "B   " in panels["network"][2]
            assert "down: operator" in panels["network"][2]
            assert "resting: load" in panels["network"][1]
            assert panels["charts"][0].startswith("price of B")
            for hub, line in enumerate(panels["network"][1:4]):
                price, off, done = map(float, line[9:].split()[:3])
                frame = film.frame(35)
                assert price == pytest.approx(frame.price[hub, 0], rel=1e-4)
                assert off == pytest.approx(film.imbalance(frame)[hub], rel=1e-4)
                assert done == frame.round[hub]
            assert "crash B.operator" in panels["clock"][1]

    asyncio.run(look())


def test_the_imbalance_is_that_of_the_answers(film):
    frame = film.frame(50)
    answers = film.record.answers()
    own = answers[(answers["tick"] == 50) & (answers["port"] == -1)]
    wanted = own.groupby(own["agent"].astype(str).str[0])["x_kw"].sum()
    assert film.imbalance(frame) == pytest.approx(wanted.to_numpy())


@pytest.mark.slow
def test_keys_go_through_a_recording_from_end_to_end(film):
    async def go():
        async with shown(film) as (app, press):
            for keys, tick in (
                (["end"], TICKS - 1), (["right"], TICKS - 1), (["home"], 0), (["left"], 0), (["pagedown"], 10),
                (["g", "5", "5", "enter"], 55), (["pageup"], 45), (["g", "9", "9", "9", "enter"], TICKS - 1),
                (["g", "x", "enter"], TICKS - 1), (["g", "7", "escape"], TICKS - 1),
            ):  # fmt: skip
                panels = await press(*keys)
                assert app.tick == tick, keys
                assert f"tick {tick} of {TICKS - 1} " in panels["clock"][0]
            await press("plus", "plus", "plus", "plus", "plus")
            await app.run_action("play")  # what space does, and looked at before the next beat
            assert (app.playing, app.speed, app.tick) == (True, 100.0, 0)  # from the end it plays from the start
            while app.playing:
                await asyncio.sleep(0.05)
            assert app.tick == TICKS - 1

    asyncio.run(go())


@pytest.mark.slow
def test_a_live_run_goes_to_its_end_and_back_and_leaves_nothing():
    scenario = load_scenario("three-microgrids")
    simulation = scenario.simulation()
    simulation.run(4000)

    async def go(film: Film):
        async with shown(film, size=(100, 30)) as (app, press):
            panels = await press("g", "9", "9", "9", "9", "enter")
            while app.tick < simulation.tick - 1:
                await asyncio.sleep(0.05)
            assert film.over
            assert film.last == simulation.tick - 1
            assert film.frame(film.last).price.tobytes() == simulation.state.price.tobytes()
            panels = await press("left")
            assert f"tick {film.last - 1} of {film.last} " in panels["clock"][0]
            assert "live, ended" in panels["clock"][1]

    with play_film(scenario) as film:
        folder = film.record.path.parent
        asyncio.run(go(film))
        assert folder.exists()
    assert not folder.exists()


def test_a_run_that_fails_says_why_and_can_still_be_looked_at():
    async def go(film):
        async with shown(film) as (app, press):
            await press("right", "right")
            film._simulation.step = failing
            panels = await press("g", "9", "enter")
            assert app.tick == film.last == 2
            assert "live, failed" in panels["clock"][1]
            assert panels["said"][0].startswith("A.load: no answer")
            await press("left")
            assert app.tick == 1

    def failing():
        raise AgentError("A.load: no answer")

    with play_film(load_scenario("three-microgrids")) as film:
        asyncio.run(go(film))


@pytest.mark.parametrize("size", [(80, 24), (40, 14), (200, 60)])
def test_every_window_is_filled_and_none_is_burst(film, size):
    async def look():
        async with shown(film, size) as (app, press):
            panels = await press("end")
            for name, lines in panels.items():
                room = app.query_one(f"#{name}").size
                assert len(lines) <= max(room.height, 2), name
                painted = [app.query_one(f"#{name}").render_line(y).cell_length for y in range(room.height)]
                assert painted == [room.width] * room.height, name
            await press("q")

    asyncio.run(look())

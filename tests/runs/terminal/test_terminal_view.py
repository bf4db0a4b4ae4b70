"""What the terminal view shows is what the record holds."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest

from gridparley import Record, load_scenario
from gridparley.agents import AgentError
from gridparley.runs.page.playback import Playback, play_scenario
from gridparley.runs.terminal.lines import Lines
from gridparley.runs.terminal.messages import Wanted, newest, read_wanted
from gridparley.runs.terminal.series import Series
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
def playback(run):
    with Playback.open(run) as playback:
        yield playback


@pytest.fixture(scope="module")
def messages(run):
    with Record.open(run) as record:
        return record.messages()


@asynccontextmanager
async def shown(playback, size=(80, 24)):
    app = TerminalView(playback)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()

        async def press(*keys):
            await pilot.press(*keys)
            await pilot.pause()
            return {each.id: each.lines for each in app.query(Lines)}

        yield app, press


def test_messages_are_those_of_the_record_with_their_fate_so_far(playback, messages):
    twins = set(messages["id"][messages["id"].duplicated()])
    for tick in (0, 17, 35, TICKS - 1):
        found = newest(playback, tick, Wanted(), 200)
        said = messages[(messages["sent"] <= tick) & (messages["sent"] > tick - 60)]
        said = said.sort_values("id", ascending=False)[:200]
        assert [message.number for message in found] == said["id"].tolist()
        for message, fate, ended in zip(found, said["fate"], said["ended"], strict=True):
            if message.number not in twins:
                assert message.fate.startswith("flying" if ended > tick or fate == "in_flight" else fate), message


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
def test_a_filter_shows_what_fits_all_of_its_words(playback, messages, text, fits):
    tick = TICKS - 1
    wanted = read_wanted(text, playback.record.shape.labels, playback.record.agents)
    found = newest(playback, tick, wanted, 30)
    said = messages[(messages["sent"] > tick - 60) & np.array(fits(messages), dtype=bool)]
    assert [message.number for message in found] == said.sort_values("id", ascending=False)["id"].tolist()[:30]
    assert found


def test_the_network_tells_prices_imbalances_and_who_does_not_speak(playback):
    async def look():
        async with shown(playback, size=(140, 24)) as (app, press):
            app.action_go(35)
            panels = await press("down")
            assert "B   " in panels["network"][2]
            assert "down: operator" in panels["network"][2]
            assert "resting: load" in panels["network"][1]
            assert panels["charts"][0].startswith("price of B")
            for microgrid, line in enumerate(panels["network"][1:4]):
                price, off, done = map(float, line[9:].split()[:3])
                frame = playback.frame(35)
                assert price == pytest.approx(frame.price[microgrid, 0], rel=1e-4)
                assert off == pytest.approx(Series(playback.record).imbalance(frame)[microgrid], rel=1e-4)
                assert done == frame.round[microgrid]
            assert "crash B.operator" in panels["clock"][1]

    asyncio.run(look())


def test_the_imbalance_is_that_of_the_answers(playback):
    frame = playback.frame(50)
    answers = playback.record.answers()
    own = answers[(answers["tick"] == 50) & (answers["port"] == -1)]
    wanted = own.groupby(own["agent"].astype(str).str[0])["x_kw"].sum()
    assert Series(playback.record).imbalance(frame) == pytest.approx(wanted.to_numpy())


@pytest.mark.slow
def test_keys_go_through_a_recording_from_end_to_end(playback):
    async def go():
        async with shown(playback) as (app, press):
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

    async def go(playback: Playback):
        async with shown(playback, size=(100, 30)) as (app, press):
            panels = await press("g", "9", "9", "9", "9", "enter")
            while app.tick < simulation.tick - 1:
                await asyncio.sleep(0.05)
            assert playback.ended
            assert playback.last == simulation.tick - 1
            assert playback.frame(playback.last).price.tobytes() == simulation.state.price.tobytes()
            panels = await press("left")
            assert f"tick {playback.last - 1} of {playback.last} " in panels["clock"][0]
            assert "live, ended" in panels["clock"][1]

    with play_scenario(scenario) as playback:
        folder = playback.record.path.parent
        asyncio.run(go(playback))
        assert folder.exists()
    assert not folder.exists()


def test_a_run_that_fails_says_why_and_can_still_be_looked_at():
    async def go(playback):
        async with shown(playback) as (app, press):
            await press("right", "right")
            playback.simulation.step = failing
            panels = await press("g", "9", "enter")
            assert app.tick == playback.last == 2
            assert "live, failed" in panels["clock"][1]
            assert panels["said"][0].startswith("A.load: no answer")
            await press("left")
            assert app.tick == 1

    def failing():
        raise AgentError("A.load: no answer")

    with play_scenario(load_scenario("three-microgrids")) as playback:
        asyncio.run(go(playback))


@pytest.mark.parametrize("size", [(80, 24), (40, 14), (200, 60)])
def test_every_window_is_filled_and_none_is_burst(playback, size):
    async def look():
        async with shown(playback, size) as (app, press):
            panels = await press("end")
            for name, lines in panels.items():
                room = app.query_one(f"#{name}").size
                assert len(lines) <= max(room.height, 2), name
                painted = [app.query_one(f"#{name}").render_line(y).cell_length for y in range(room.height)]
                assert painted == [room.width] * room.height, name
            await press("q")

    asyncio.run(look())

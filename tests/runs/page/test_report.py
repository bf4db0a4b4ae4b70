"""What a report holds is what the record holds, and it stays small."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil

import numpy as np
import pytest

from gridparley import Record
from gridparley.environment.faults import Duplicate, Loss, Partition
from gridparley.runs.common.errors import RunError
from gridparley.runs.page import spans
from gridparley.runs.page.block import page_block
from gridparley.runs.page.data import page_columns
from gridparley.runs.page.layout import member_places, microgrid_places
from gridparley.runs.page.messages import FATES
from gridparley.runs.page.playback import Playback
from gridparley.runs.page.report import page_files, report_text, write_report
from gridparley.runs.page.spans import Span, span_of
from gridparley.runs.record.fault_windows import fault_windows

from ..command import call
from ..recorded import record_to

FAULTS = ["loss=0.2", "delay=0..3", "duplicate=0.2", "crash=B.operator,from=20,to=30"]
LINES_MAX = 300


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    record_to(folder, FAULTS, ticks=60)
    return folder


@pytest.fixture(scope="module")
def told(run):
    with Playback.open(run) as playback:
        return page_columns(playback, span_of(playback.record))


def read(block):
    """Unpack a block as the page does."""
    size = int.from_bytes(block[:4], "little")
    head = json.loads(block[4 : 4 + size])
    columns = {}
    for name, (kind, start, count, width) in head["columns"].items():
        columns[name] = np.frombuffer(block, "<" + kind, count, 4 + size + start).reshape(-1, width)
        assert (4 + size + start) % 8 == 0
    return head["meta"], columns


def test_a_block_is_read_back_as_it_was_written(told):
    meta, columns = read(page_block(*told))
    assert meta == json.loads(json.dumps(told[0]))
    assert list(columns) == list(told[1])
    for name, column in told[1].items():
        assert np.array_equal(columns[name].ravel(), column.ravel(), equal_nan=column.dtype.kind == "f")


def test_the_messages_are_those_of_the_record(run, told):
    meta, columns = told
    with Record.open(run) as record:
        wanted = record.messages().sort_values(["id", "copy"], kind="stable")
    message = {name.removeprefix("message."): column for name, column in columns.items() if name.startswith("message.")}
    assert message["number"].tolist() == wanted["id"].tolist()
    assert message["sent"].tolist() == wanted["sent"].tolist()
    assert message["cause"].tolist() == wanted["cause"].fillna(-1).tolist()
    names = np.array(meta["agents"])
    assert names[columns["receiver"][message["channel"]]].tolist() == wanted["receiver"].tolist()
    fates = np.array([*(str(fate) for fate in FATES[:-1]), "in_flight"])
    by_number = sorted(zip(message["number"], message["end"], fates[message["fate"]], strict=True))
    assert by_number == sorted(zip(wanted["id"], wanted["ended"], wanted["fate"], strict=True))
    bids = np.array([kind["name"] for kind in meta["kinds"]])[message["kind"]] == "bid"
    x = columns["payload"][message["payload_at"][bids]]
    assert np.allclose(np.sort(x), np.sort(wanted["x_kw"][wanted["kind"] == "bid"]), rtol=1e-6)


def test_prices_answers_and_sleepers_are_those_of_the_frames(run, told):
    columns = told[1]
    with Record.open(run) as record:
        for tick in (0, 25, 59):
            frame = record.frame(tick)
            assert np.allclose(columns["price"][tick], frame.price[:3].ravel(), rtol=1e-6)
            assert np.allclose(columns["line_price"][tick], frame.price[3:].ravel(), rtol=1e-6)
            assert np.allclose(columns["x"][tick], np.concatenate([x.ravel() for x in frame.x]), equal_nan=True)
            slept = columns["asleep"][columns["asleep.start"][tick] : columns["asleep.start"][tick + 1]]
            assert slept.tolist() == frame.asleep.tolist()
    assert columns["asleep.start"][26] - columns["asleep.start"][25] == 1


def test_roles_are_told_by_who_speaks_for_tie_lines(told):
    meta, columns = told
    roles = dict(zip(meta["agents"], columns["role"].tolist(), strict=True))
    assert {name: role for name, role in roles.items() if name.startswith("A.")} == {
        "A.virtual": 0,
        "A.operator": 1,
        "A.load": 2,
    }


def test_members_stand_around_their_virtual_agent_and_nobody_on_anybody():
    lines = np.array([[0, 1], [1, 2], [0, 2]])
    places = microgrid_places(3, lines)
    home = np.array([0, 1, 2, *[0] * 20, *[1] * 60, *[2] * 3])
    operator = np.zeros(len(home), dtype=bool)
    operator[[3, 23, 83]] = True
    found = member_places(home, 3, operator, places)
    assert np.array_equal(found[:3], places)
    apart = np.hypot(*(found[:, None] - found[None]).transpose(2, 0, 1)) + 9 * np.eye(len(found))
    assert apart.min() > 0.01
    assert (np.argmin(np.hypot(*(found[:, None] - places[None]).transpose(2, 0, 1)), axis=1) == home).all()


@pytest.mark.parametrize(("microgrids", "lines"), [(1, np.empty((0, 2), dtype=int)), (2, np.array([[0, 1]]))])
def test_few_microgrids_have_places_too(microgrids, lines):
    places = microgrid_places(microgrids, lines)
    home = np.array([*range(microgrids), *range(microgrids)])
    assert np.isfinite(member_places(home, microgrids, np.arange(2 * microgrids) >= microgrids, places)).all()


def test_200_ticks_of_18_agents_fit_well(tmp_path):
    words = ("run", "microgrids", "--set", "microgrids=6", "--set", "prosumers=1", "--fault", "loss=0.2")
    assert call(*words, "--ticks", "200", "--no-reference", "--out", tmp_path).exit_code == 0
    done = call("report", tmp_path)
    assert done.output.strip() == str(tmp_path / "report.html")
    with Record.open(tmp_path) as record:
        assert (len(record.agents), record.ticks) == (18, 200)
    assert (tmp_path / "report.html").stat().st_size < 2.5e6


def test_what_one_page_cannot_hold_is_said(run, tmp_path, monkeypatch):
    monkeypatch.setattr(spans, "MESSAGES_MAX", 200)
    done = call("report", run, "--out", tmp_path / "one.html")
    assert done.exit_code == 0
    shown = int(re.search(r"shows 0 to (\d+); --from", done.stderr)[1])
    with Record.open(run) as record:
        assert len(record.messages(0, shown + 1)) <= 200 < len(record.messages(0, shown + 2))


def test_an_excerpt_has_the_ticks_that_were_asked_for(run, tmp_path):
    assert call("report", run, "--from", 20, "--to", 30, "--out", tmp_path / "some.html").exit_code == 0
    text = (tmp_path / "some.html").read_text(encoding="utf-8")
    data = re.search(r'id="data">(.*?)</script>', text)[1]
    meta, columns = read(gzip.decompress(base64.b64decode(data)))
    assert (meta["first"], meta["last"]) == (20, 30)
    assert set(columns["message.sent"].ravel().tolist()) <= set(range(20, 30))
    assert len(columns["metric.cost"]) == 10


@pytest.mark.parametrize("words", [("--from", 60), ("--from", 9, "--to", 9)])
def test_ticks_that_are_not_there_are_refused(run, words):
    done = call("report", run, *words)
    assert done.exit_code == 1
    assert "the record holds 60 ticks" in done.output
    assert not (run / "report.html").exists()


def test_a_run_without_a_record_is_refused(tmp_path):
    done = call("report", tmp_path)
    assert done.exit_code == 1
    assert "holds no record" in done.output


def test_a_new_run_does_not_keep_the_report_of_an_older_one(tmp_path):
    words = ("run", "three-microgrids", "--no-reference", "--ticks", 5, "--out", tmp_path)
    assert call(*words).exit_code == 0
    assert call("report", tmp_path).exit_code == 0
    assert (tmp_path / "report.html").exists()
    assert call(*words).exit_code == 0
    assert not (tmp_path / "report.html").exists()


def test_an_unfinished_run_is_not_judged_by_the_result_of_an_older_one(run, tmp_path):
    shutil.copy(run / "record.sqlite", tmp_path / "unfinished.sqlite")
    (tmp_path / "result.json").write_text('{"outcome": "CONVERGED"}', encoding="utf-8")
    write_report(tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    meta, _ = read(gzip.decompress(base64.b64decode(re.search(r'id="data">(.*?)</script>', text)[1])))
    assert meta["result"] is None


def test_windows_of_faults_are_those_that_acted(tmp_path):
    def change(simulation):
        if simulation.tick == 20:
            simulation.change_faults(add=[Loss(probability=0.5, name="storm", end=30)], end=["rain"])
        if simulation.tick == 25:
            simulation.change_faults(end=["storm"])

    faults = ["loss=0.1,name=rain", "delay=0..2,from=5,to=40", "loss=0.3,name=later,from=50"]
    record_to(tmp_path, faults, ticks=60, change=change)
    with Playback.open(tmp_path) as playback:
        windows = page_columns(playback, span_of(playback.record))[0]["faults"]
    assert [(window["label"], window["from"], window["to"]) for window in windows] == [
        ("loss 0.1", 0, 20),
        ("delay 0..2", 5, 40),
        ("loss 0.5", 20, 25),
        ("loss 0.3", 50, None),
    ]


def test_a_run_whose_types_are_gone_is_shown_without_private_facts(run, monkeypatch):
    def gone(self, code=None):
        raise RunError("my_file.py is gone")

    monkeypatch.setattr(Record, "scenario", gone)
    with Playback.open(run) as playback:
        meta, columns = page_columns(playback, span_of(playback.record))
    assert meta["no_facts"] == "my_file.py is gone"
    assert meta["facts"] == []
    assert len(columns["message.number"]) > 100


def test_nothing_that_a_user_wrote_stands_in_the_page_as_it_is():
    text = report_text("</title></script><script>alert(1)</script>", b"</script>")
    assert "alert(1)</script>" not in text
    assert text.count("</script>") == 3


def test_modules_are_short_import_what_is_there_and_ask_nobody():
    files = page_files()
    modules = {name: text for name, text in files.items() if name.endswith(".js")}
    assert len(modules) > 5
    for name, text in modules.items():
        assert len(text.splitlines()) <= LINES_MAX, name
        for names, module in re.findall(r"import \{([^}]*)\} from \"page/([^\"]*)\"", text):
            for each in names.split(","):
                assert re.search(
                    rf"export (async )?(function|const|class) ({each.strip()})\b|[,\n] *{each.strip()} = ",
                    modules[module],
                )
    urls = {url for text in files.values() for url in re.findall(r"https?://[^\"'\s]*", text)}
    assert urls == {"http://www.w3.org/2000/svg"}  # the name of a language, and no address that is asked


def test_an_excerpt_has_metrics_and_prices_of_the_whole_run_for_its_charts(run):
    with Playback.open(run) as playback:
        meta, columns = page_columns(playback, Span(10, 20))
        whole = page_columns(playback, Span(0, playback.ticks))[1]
        frame = playback.frame(40)
        assert columns["over.tick"].tolist() == list(range(playback.ticks))
    assert meta["prices"] == meta["microgrids"]
    assert columns["over.price"][40].tolist() == frame.price[:3].mean(axis=1).tolist()
    assert columns["over.metric.primal_residual"][40] == frame.metrics["primal_residual"]
    assert columns["over.metric.primal_residual"][10:20].tolist() == columns["metric.primal_residual"].tolist()
    assert not [name for name in whole if name.startswith("over.")]


def test_a_window_says_what_is_not_as_usual():
    faults = [Duplicate(probability=0.2), Duplicate(name="late", probability=0.2, delay="1..2", start=5, end=9)]
    assert [window.label for window in fault_windows(faults)] == ["duplicate 0.2", "duplicate 0.2 delay=1..2"]
    groups = Partition(groups="A.*/B.*")
    assert fault_windows([groups])[0].label == "partition A.*/B.*"

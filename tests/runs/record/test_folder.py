"""A run's folder: whole files, nothing lost, the same run again from what it holds."""

from __future__ import annotations

import csv
import json
import os
import shlex
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from gridparley import Record, load_scenario, run_scenario
from gridparley.runs.common.errors import RunError
from gridparley.runs.driver.progress import RunProgress
from gridparley.runs.record.files import folder
from gridparley.runs.record.files.folder import FILES, PriceRecord
from gridparley.runs.record.files.folder_read import read_run
from gridparley.runs.record.files.prepare import prepare_folder
from gridparley.runs.record.record import RECORD, UNFINISHED, record_of

from ..command import call, process

LOSSY = ("run", "three-microgrids", "--fault", "loss=0.3,from=5,to=50", "--fault", "delay=0..2", "--seed", 3)


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    kept = tmp_path_factory.mktemp("runs") / "lossy"
    assert call(*LOSSY, "--out", kept).exit_code == 0
    return kept


def rows(file):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_file_is_there_and_no_other(lossy):
    assert sorted(file.name for file in lossy.iterdir()) == sorted([*FILES, "record.sqlite"])


@pytest.mark.slow
def test_the_result_is_what_json_prints(lossy):
    told, kept = json.loads(call(*LOSSY, "--json").stdout), json.loads((lossy / "result.json").read_text())
    del told["seconds"], kept["seconds"]
    assert told == kept


def test_metrics_have_a_row_a_tick_and_units(lossy):
    metrics, result = rows(lossy / "metrics.csv"), json.loads((lossy / "result.json").read_text())
    assert [int(row["tick"]) for row in metrics] == list(range(result["ticks"]))
    assert float(metrics[-1]["primal_residual_kw"]) == result["residuals"]["primal_residual"]
    assert {"dual_residual_usd_per_kwh", "cost_usd_per_h", "lost"} < set(metrics[0])


def test_messages_add_up_to_the_totals(lossy):
    result = json.loads((lossy / "result.json").read_text())
    counted = {}
    for row in rows(lossy / "messages.csv"):
        counted[row["fate"]] = counted.get(row["fate"], 0) + int(row["count"])
    assert counted["lost"] > 0
    assert {fate: n for fate, n in result["messages"].items() if n and fate != "in_flight"} == counted


def test_prices_have_a_row_a_round_and_end_at_the_solution(lossy):
    prices, result = rows(lossy / "prices.csv"), json.loads((lossy / "result.json").read_text())
    assert [int(row["round"]) for row in prices] == list(range(result["rounds"] + 1))
    assert float(prices[-1]["price.A_usd_per_kwh"]) == result["microgrids"]["A"]["price"]
    assert float(prices[-1]["transfer_price.A-B_usd_per_kwh"]) == result["tie_lines"]["A-B"]["transfer_price"]


@pytest.mark.slow
def test_the_command_and_the_scenario_do_the_same_run_again(lossy):
    command = (lossy / "command.txt").read_text().splitlines()[0]
    kept = json.loads((lossy / "result.json").read_text())
    for words in (shlex.split(command)[1:], ["run", lossy / "scenario.toml"]):
        told = json.loads(call(*words, "--json").stdout)
        assert (told["scenario_hash"], told["messages"]) == (kept["scenario_hash"], kept["messages"])
        assert told["microgrids"] == kept["microgrids"]


def test_the_command_finds_its_files_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text('base = "three-microgrids"\n')
    (tmp_path / "storm.toml").write_text('[[fault]]\nkind = "loss"\nprobability = 0.1\nto = 9\n')
    assert call("run", "mine.toml", "--faults", "storm.toml", "--ticks", 9, "--out", "kept").exit_code == 0
    words = shlex.split((tmp_path / "kept" / "command.txt").read_text().splitlines()[0])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert call(*words[1:]).exit_code == 0


@pytest.mark.slow
def test_a_scenario_with_a_type_of_ones_own_runs_from_its_folder(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from gridparley.agents import SquareRootLoad\nclass Mine(SquareRootLoad): pass\n"
    )
    (tmp_path / "mine.toml").write_text(
        'base = "three-microgrids"\n[[microgrid]]\nname = "A"\n'
        'prosumer = [{ name = "load", type = "mine.py:Mine", beta = 10.0, cap = 100.0 }]\n'
    )
    assert call("run", tmp_path / "mine.toml", "--out", tmp_path / "kept").exit_code == 0
    again = json.loads(call("run", tmp_path / "kept" / "scenario.toml", "--json").stdout)
    assert again["total_cost"] == pytest.approx(-16.3544, abs=1e-4)


@pytest.mark.parametrize("recorded", [True, False], ids=["record", "tables"])
def test_reading_gives_what_was_written(recorded, lossy, tmp_path):
    if not recorded:
        shutil.copytree(lossy, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("record.sqlite"))
    run = read_run(lossy if recorded else tmp_path)
    assert [(w.label, w.start, w.end) for w in run.faults] == [("loss 0.3", 5, 50), ("delay 0..2", 0, None)]
    assert len(run.metrics["tick"]) == run.result["ticks"]
    assert sum(count for _, fate, count in run.messages if fate == "sent") == run.result["messages"]["sent"]


def test_a_record_and_the_tables_beside_it_say_the_same(lossy, tmp_path):
    shutil.copytree(lossy, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("record.sqlite"))
    recorded, tables = read_run(lossy), read_run(tmp_path)
    assert (recorded.messages, recorded.faults) == (tables.messages, tables.faults)
    for one, other in ((recorded.metrics, tables.metrics), (recorded.prices, tables.prices)):
        assert {*one} <= {*other}
        assert all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)


def test_a_damaged_record_is_told_and_tables_are_not_taken_instead(lossy, tmp_path):
    shutil.copytree(lossy, tmp_path, dirs_exist_ok=True)
    (tmp_path / "record.sqlite").write_bytes(b"no record")
    done = call("plot", tmp_path)
    assert done.exit_code == 1
    assert "record.sqlite" in done.stderr


def test_a_newer_run_takes_the_place_of_an_older_one_with_its_record_and_tables(tmp_path):
    out = tmp_path / "kept"
    assert call("run", "three-microgrids", "--ticks", 20, "--out", out).exit_code == 0
    assert call("export", out).exit_code == 0
    assert (out / "tables" / "messages.parquet").exists()
    assert call("run", "three-microgrids", "--ticks", 30, "--out", out, "--no-record").exit_code == 0
    assert sorted(file.name for file in out.iterdir()) == sorted(FILES)


@pytest.mark.slow
def test_a_newer_run_takes_the_place_of_an_older_one_with_its_figures(tmp_path):
    out = tmp_path / "again"
    assert call("run", "three-microgrids", "--ticks", 20, "--out", out).exit_code == 0
    assert call("plot", out).exit_code == 0
    assert (out / "prices.png").exists()
    assert call("run", "three-microgrids", "--ticks", 30, "--out", out).exit_code == 0
    assert json.loads((out / "result.json").read_text())["ticks"] == 30
    assert sorted(file.name for file in out.iterdir()) == sorted([*FILES, "record.sqlite"])


def test_a_folder_with_other_files_is_refused_unless_forced(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    done = call("run", "three-microgrids", "--ticks", 5, "--out", tmp_path)
    assert done.exit_code == 1
    assert "thesis.tex" in done.stderr
    assert "--force" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]
    assert call("run", "three-microgrids", "--ticks", 5, "--out", tmp_path, "--force").exit_code == 0
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_told_before_the_run(tmp_path):
    (tmp_path / "file").write_text("")
    for where in (tmp_path / "file" / "below", "/proc/nowhere"):
        with pytest.raises(RunError, match="cannot be written"):
            prepare_folder(type(tmp_path)(where))


@pytest.mark.slow
def test_a_disk_that_fills_up_leaves_the_older_run(tmp_path, monkeypatch):
    out = tmp_path / "kept"
    assert call("run", "three-microgrids", "--ticks", 20, "--out", out).exit_code == 0
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    write = type(out).write_text

    def full(self, text, **options):
        if "messages.csv" in self.name:
            raise OSError(28, "No space left on device")
        return write(self, text, **options)

    monkeypatch.setattr(type(out), "write_text", full)
    done = call("run", "three-microgrids", "--ticks", 30, "--out", out)
    assert done.exit_code == 1
    assert "No space left on device" in done.stderr
    after = {file.name: file.read_bytes() for file in out.iterdir()}
    # What the newer run recorded is not lost either: with room on the disk, it takes the older one's place.
    assert after.pop("unfinished.sqlite")
    assert after == before
    monkeypatch.undo()
    assert call("resume", out).exit_code == 0
    assert json.loads((out / "result.json").read_text())["ticks"] == 30
    assert sorted(file.name for file in out.iterdir()) == sorted(before)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["result.json", "metrics.csv", "messages.csv", "prices.csv", "scenario.toml"])
@pytest.mark.parametrize("broken", ["\x00 {", "tick,fate,count\n1,sent,x\n", None])
def test_a_broken_folder_is_told_by_its_file(name, broken, lossy, tmp_path):
    for file in lossy.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "record.sqlite").unlink(missing_ok=True)
    if broken is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(broken)
    done = call("plot", tmp_path)
    if name == "prices.csv" and broken is None:
        assert done.exit_code == 0  # large runs have none
    else:
        assert done.exit_code == 1
        assert name in done.stderr


def test_interrupting_keeps_what_was_recorded(tmp_path, monkeypatch):
    def impatient(self, simulation):
        if simulation.tick == 12:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunProgress, "watch", impatient)
    done = call("run", "three-microgrids", "--out", tmp_path / "cut")
    assert done.exit_code != 0
    result = json.loads((tmp_path / "cut" / "result.json").read_text())
    assert (result["outcome"], result["error"], result["ticks"]) == ("FAILED", "KeyboardInterrupt", 12)
    assert len(rows(tmp_path / "cut" / "metrics.csv")) == 12


@pytest.mark.slow
def test_a_long_record_of_prices_is_thinned_and_still_shows_oscillation(monkeypatch):
    monkeypatch.setattr(folder, "NUMBERS_MAX", 600)
    simulation = load_scenario("three-microgrids", ["alpha=0.5"]).simulation()
    record = PriceRecord(1)
    simulation.run(2000, record.watch)
    rounds = np.array([row[1] for row in record.rows])
    assert 33 < len(rounds) <= 100
    assert set((rounds % 2).tolist()) == {0, 1}
    assert rounds[-1] > 700


def test_more_than_two_hundred_microgrids_record_no_prices(tmp_path):
    words = ("run", "microgrids", "--set", "microgrids=201", "--set", "prosumers=1", "--ticks", 4, "--no-reference")
    assert call(*words, "--out", tmp_path).exit_code == 0
    assert not (tmp_path / "prices.csv").exists()


@pytest.mark.slow
def test_a_process_writes_where_it_is_told(tmp_path):
    done = process("run", "three-microgrids", "--ticks", 5, "--out", "deep/er", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["ticks"] == 5
    assert done.stderr == "written to deep/er\n"
    assert sorted(file.name for file in (tmp_path / "deep" / "er").iterdir()) == sorted([*FILES, "record.sqlite"])


def test_a_disk_that_is_full_says_one_thing_about_what_was_recorded(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    def stop(simulation):
        if simulation.tick == 20:
            raise RunError("stopped")

    monkeypatch.setattr("gridparley.runs.record.files.folder._replace_together", full)
    for record, says in ((True, "is kept in"), (False, "is lost")):
        out = tmp_path / str(record)
        with pytest.raises(RunError, match="stopped") as error:
            run_scenario(load_scenario("three-microgrids"), out=out, record=record, watch=stop, reference=False)
        (note,) = error.value.__notes__
        assert says in note
        assert "No space left on device" in note
        assert ("kept" in note) != ("lost" in note)
    monkeypatch.undo()
    with Record(record_of(tmp_path / "True")) as kept:
        assert kept.ticks == 20
    assert call("resume", tmp_path / "True").exit_code == 0


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has other rights")
def test_a_folder_that_is_read_only_is_not_called_damaged():
    # Not in tmp_path, whose folders nobody else may enter: as root we have to be somebody else, who may not write.
    with TemporaryDirectory() as holder:
        Path(holder).chmod(0o755)
        run = Path(holder) / "run"
        assert call("run", "three-microgrids", "--ticks", 10, "--no-reference", "--out", run).exit_code == 0
        (run / RECORD).rename(run / UNFINISHED)
        shutil.copytree(run, Path(holder) / "other")
        assert call("resume", Path(holder) / "other").exit_code == 0  # and everything that is needed is imported
        for file in run.iterdir():
            file.chmod(0o444)
        run.chmod(0o555)
        me = os.geteuid()
        try:
            os.seteuid(65534 if me == 0 else me)
            done = call("resume", run)
        finally:
            os.seteuid(me)
            run.chmod(0o755)
    assert done.exit_code == 1
    assert (
        "cannot be written (attempt to write a readonly database), and was left as it is; make its folder"
        in done.stderr
    )
    assert "damaged" not in done.stderr

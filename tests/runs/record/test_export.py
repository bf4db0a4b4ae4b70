"""Export: the tables say what the record says, with units."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gridparley import Record
from gridparley.runs.record.record import RECORD
from gridparley.runs.record.tables import tick_tables

from ..command import call
from ..recorded import record_to

FAULTS = ["loss=0.2", "delay=0..3", "duplicate=0.2", "burst_loss=0.1"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    simulation = record_to(folder, FAULTS, ticks=60, keep_messages=True)
    return folder, simulation


def test_the_messages_are_those_of_the_journal(run):
    folder, simulation = run
    with Record.open(folder) as record:
        messages = record.messages()
    topology = simulation.market.topology
    told = {str(fate): number for fate, number in simulation.journal.totals.items() if number}
    ended = messages.groupby("fate").size().to_dict()
    assert ended.pop("in_flight") == simulation.transport.in_flight > 0
    assert ended == {fate: n for fate, n in told.items() if fate not in ("sent", "copied", "late")}
    assert (~messages["copy"]).sum() == messages["id"].nunique() == told["sent"]
    assert messages["copy"].sum() == told["copied"]
    said = [
        ("bid", batch.sent, topology.name(int(topology.channels.sender[channel])), *row)
        for batch in simulation.journal.said
        if batch.kind.name == "answer"
        for channel, row in zip(batch.channel.tolist(), batch.values.tolist(), strict=True)
        if topology.place[topology.row_balance[channel]]  # answers stand first, row by row
    ]
    bids = messages[(messages["kind"] == "bid") & ~messages["copy"]].sort_values("id")
    assert list(bids[["kind", "sent", "sender", "x_kw", "round"]].itertuples(index=False, name=None)) == said
    assert bids["price_usd_per_kwh"].isna().all()
    reasons = messages[messages["fate"] == "lost"].groupby("reason").size().to_dict()
    assert set(reasons) == {"loss", "burst_loss"}
    late = messages[messages["fate"] == "delivered"]
    assert (late["ended"] - late["sent"]).isin(range(1, 9)).all()


def test_causes_are_numbers_of_earlier_messages_or_missing(run):
    with Record.open(run[0]) as record:
        messages = record.messages().drop_duplicates("id").set_index("id")
    caused = messages[messages["cause"].notna()]
    assert 0 < len(caused) < len(messages)
    earlier = messages.loc[caused["cause"].astype("int64")]
    assert (earlier["sent"].to_numpy() < caused["sent"].to_numpy()).all()
    assert (earlier["receiver"].astype(str).to_numpy() == caused["sender"].astype(str).to_numpy()).all()


def test_some_ticks_only(run):
    with Record.open(run[0]) as record:
        every, some = record.messages(), record.messages(10, 13)
    wanted = every[every["sent"].between(10, 12)]
    columns = ["id", "kind", "sent", "ended", "fate", "copy"]
    rows = [sorted(table[columns].itertuples(index=False, name=None)) for table in (some, wanted)]
    assert rows[0] == rows[1]


def test_metrics_are_those_of_the_data_collector(run):
    folder, simulation = run
    with Record.open(folder) as record:
        metrics = record.metrics()
    wanted = simulation.datacollector.get_model_vars_dataframe()
    assert metrics["tick"].tolist() == list(range(60))
    for name in wanted:
        (column,) = [c for c in metrics if c in (name, f"{name}_kw", f"{name}_usd_per_kwh", f"{name}_usd_per_h")]
        assert np.array_equal(metrics[column], wanted[name].to_numpy(), equal_nan=True)
    assert metrics["sent"].dtype == np.int64


def test_parquet_files_hold_the_same_with_units(run):
    folder, simulation = run
    done = call("export", folder)
    assert done.exit_code == 0, done.output
    with Record.open(folder) as record:
        frames = {n: getattr(record, n)() for n in ("metrics", "prices", "answers", "messages")}
    for name, frame in frames.items():
        table = pq.read_table(folder / "tables" / f"{name}.parquet")
        assert f"{folder}/tables/{name}.parquet" in done.stdout
        assert table.schema.metadata[b"seed"] == b"0"
        read = table.to_pandas()
        assert list(read) == list(frame)
        for column in read:
            assert (
                read[column].astype(str).tolist() == frame[column].astype(str).replace("<NA>", "nan").tolist()
                or (pd.isna(read[column]) == pd.isna(frame[column])).all()
            )
    schema = pq.read_table(folder / "tables" / "messages.parquet").schema
    assert schema.field("x_kw").metadata == {b"unit": b"kW"}
    last = frames["answers"][frames["answers"]["tick"] == 59]["x_kw"].to_numpy()
    assert last.tobytes() == np.concatenate([x.ravel() for x in simulation.state.x]).tobytes()


@pytest.mark.slow
def test_answers_that_are_too_many_to_be_recorded_are_found_by_doing_the_run_again(run, tmp_path, monkeypatch):
    monkeypatch.setattr(tick_tables, "X_MAX", 3)
    record_to(tmp_path, FAULTS, ticks=60)
    with Record.open(tmp_path) as record:
        assert record.frame(5).x is None
    assert call("export", tmp_path).exit_code == 0
    assert call("export", run[0], "--out", tmp_path / "whole").exit_code == 0
    tables = [pq.read_table(folder / "answers.parquet") for folder in (tmp_path / "tables", tmp_path / "whole")]
    assert tables[0].to_pandas().equals(tables[1].to_pandas())


def test_several_periods_have_a_column_each(tmp_path):
    done = call("run", "microgrids", "--set", "microgrids=3", "--set", "prosumers=2", "--set", "periods=3",
                "--ticks", 20, "--no-reference", "--out", tmp_path / "out")  # fmt: skip
    assert done.exit_code == 0, done.output
    with Record.open(tmp_path / "out" / RECORD) as record:
        messages = record.messages()
        assert {f"x.{k}_kw" for k in range(3)} < {*messages}
        assert record.frame(3).price.shape == (6, 3)  # three buses and three tie-lines
        assert set(record.answers()["period"]) == {0, 1, 2}


def test_a_folder_that_cannot_be_written_is_told(run, tmp_path):
    (tmp_path / "file").write_text("")
    done = call("export", run[0], "--out", tmp_path / "file" / "below")
    assert done.exit_code == 1
    assert "cannot be written" in done.output


def test_a_run_whose_agent_fails_keeps_its_record(tmp_path):
    (tmp_path / "bad.py").write_text(
        "import numpy as np\nfrom gridparley import Prosumer, batched\n"
        "class Bad(Prosumer):\n"
        "    calls = [0]\n"
        "    def cost(self, x):\n        return 0 * x\n"
        "    @batched\n"
        "    def respond(self, price, target, rho):\n"
        "        self.calls[0] += 1\n"
        "        return np.full_like(price, np.nan if self.calls[0] > 5 else 1.0)\n"
    )
    (tmp_path / "bad.toml").write_text(
        'base = "three-microgrids"\n[[microgrid]]\nname = "A"\nprosumer = [{ name = "p", type = "bad.py:Bad" }]\n'
    )
    done = call("run", tmp_path / "bad.toml", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert json.loads((tmp_path / "out" / "result.json").read_text())["outcome"] == "FAILED"
    with Record.open(tmp_path / "out") as record:
        assert record.ticks == 11
        assert record.frame(10).metrics["round"] == 5

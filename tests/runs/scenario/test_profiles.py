"""Profiles from CSV files: what is read, and what is refused, with the file, the line and what is wanted."""

from importlib import resources

import numpy as np
import pytest

from gridparley.runs.common.errors import ProfileError
from gridparley.runs.common.units import UNITS
from gridparley.runs.scenario.tables.profiles import read_profiles

GOOD = """start,pv_A [kW],tariff [$/MWh],share [1]
2023-06-21T06:30+02:00,0.5,300,1
2023-06-21T06:45+02:00,1.25,310,0
2023-06-21T07:00+02:00,2,290.5,0.5
"""


@pytest.fixture
def read(tmp_path):
    def from_text(text, **wanted):
        file = tmp_path / "day.csv"
        file.write_text(text, encoding="utf-8")
        return read_profiles(file, **wanted)

    return from_text


def without(line):
    return "\n".join(row for k, row in enumerate(GOOD.splitlines(), 1) if k != line) + "\n"


def test_values_come_in_the_units_of_the_project_with_the_clock_and_the_step(read):
    day = read(GOOD, periods=3, hours=0.25)
    assert (day.start, day.hours, day.periods) == (6.5, 0.25, 3)
    assert day.series("pv_A", "kW").tolist() == [0.5, 1.25, 2.0]
    assert day.series("tariff", "$/kWh") == pytest.approx([0.3, 0.31, 0.2905])
    assert day.series("share", "1").tolist() == [1, 0, 0.5]


@pytest.mark.parametrize(("unit", "to"), UNITS.items())
def test_every_unit_is_turned_into_the_project_s(read, unit, to):
    day = read(f"start,x [{unit}]\n2023-01-01T00:00Z,3\n2023-01-01T01:00Z,4\n")
    assert day.series("x", to[0]) == pytest.approx([3 * to[1], 4 * to[1]])


def test_profiles_cannot_be_written_to(read):
    with pytest.raises(ValueError, match="read-only"):
        read(GOOD).series("pv_A", "kW")[0] = 9


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.replace(",", " , "),
        GOOD.replace(" [kW]", "[kW]"),
        GOOD.replace("+02:00", ""),
        GOOD.replace("T", " "),
    ],
    ids=["CRLF", "byte order mark", "blanks", "no blank", "no zone", "blank for T"],
)
def test_small_differences_of_form_make_none(read, text):
    day = read(text)
    assert (day.start, day.hours) == (6.5, 0.25)
    assert day.series("pv_A", "kW").tolist() == [0.5, 1.25, 2.0]


def test_the_hour_that_a_change_of_the_clock_leaves_out_is_no_gap(read):
    day = read("start,x [kW]\n2023-03-26T01:00+01:00,1\n2023-03-26T03:00+02:00,2\n2023-03-26T04:00+02:00,3\n")
    assert (day.start, day.hours, day.periods) == (1.0, 1.0, 3)


@pytest.mark.parametrize(
    ("text", "wanted", "why"),
    [
        (without(3), {"hours": 0.25}, r"day\.csv: steps of 0\.5 h; wanted 0\.25 h"),
        (GOOD.replace("06:45", "06:40"), {}, "line 4: start = 2023-06-21T07:00.* is a gap; wanted steps of 0.166667 h"),
        (
            GOOD + "2023-06-21T07:45+02:00,1,1,1\n",
            {},
            r"day\.csv, line 5: .*07:45.* after .*07:00.* is a gap; wanted",
        ),
        (GOOD + "2023-06-21T07:05+02:00,1,1,1\n", {}, "line 5: .* is too early; wanted steps of 0.25 h"),
        (GOOD + "2023-06-21T07:00+02:00,1,1,1\n", {}, "line 5: .* is too early"),
        (GOOD.replace("06:45", "06:30"), {}, "line 3: .*; wanted a later time"),
        (
            GOOD.replace("2023-06-21T06:45+02:00", "a quarter to 7"),
            {},
            "line 3: start = 'a quarter to 7'; wanted a time in ISO",
        ),
        (GOOD, {"hours": 1.0}, r"day\.csv: steps of 0\.25 h; wanted 1 h"),
        (GOOD, {"periods": 24}, r"day\.csv: 3 periods; wanted 24"),
        (
            GOOD.replace("1.25", "nan"),
            {},
            r"line 3: pv_A \[kW\] = 'nan' at 2023-06-21T06:45\+02:00; wanted a finite number",
        ),
        (GOOD.replace("1.25", ""), {}, r"line 3: pv_A \[kW\] = '' at .*06:45"),
        (GOOD.replace("1.25", "inf"), {}, "= 'inf' at"),
        (GOOD.replace("1.25", "1.25 kW"), {}, "= '1.25 kW' at"),
        (
            GOOD.replace(",2,290.5,0.5", ",2"),
            {},
            r"line 4: 4 cells are wanted, .*; there is none for tariff \[\$/MWh\]",
        ),
        (GOOD.replace(",2,290.5,0.5", ",2,290.5,0.5,7"), {}, "cannot be read as a CSV file"),
        (
            GOOD.replace("pv_A [kW]", "pv_A"),
            {},
            r"column 'pv_A' has no unit; wanted a name and one of kW, W, MW.*'PV_A \[kW\]'",
        ),
        (GOOD.replace("[kW]", "[hp]"), {}, r"column 'pv_A \[hp\]' is in 'hp'; wanted one of kW, W, MW"),
        (GOOD.replace("[kW]", "[kvar]"), {}, "is in 'kvar'; wanted one of"),
        (GOOD.replace("tariff [$/MWh]", "pv_A [W]"), {}, "two columns are called 'pv_A'"),
        (GOOD.replace("tariff [$/MWh]", "pv_A [kW]"), {}, r"two columns are called 'pv_A \[kW\]'"),
        (GOOD.replace("start", "time"), {}, r"no column 'start'; there is time, pv_A \[kW\]"),
        (GOOD.splitlines()[0] + "\n", {}, "a header and no periods"),
        ("start\n2023-01-01T00:00Z\n2023-01-01T01:00Z\n", {}, "no column beside 'start'"),
        ("start,x [kW]\n2023-01-01T00:00Z,1\n", {}, "one period only, whose length cannot be told"),
        ("", {}, "cannot be read as a CSV file: No columns"),
    ],
)
def test_what_is_wrong_is_refused_with_where_it_stands(read, text, wanted, why):
    with pytest.raises(ProfileError, match=why):
        read(text, **wanted)


def test_one_period_of_a_length_that_is_told_is_fine(read):
    assert read("start,x [kW]\n2023-01-01T00:00Z,1\n", hours=0.5).hours == 0.5


def test_a_file_that_is_not_there_and_one_that_is_no_text_are_refused(tmp_path):
    with pytest.raises(ProfileError, match=r"none\.csv: cannot be read as a CSV file: .*No such file"):
        read_profiles(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    with pytest.raises(ProfileError, match="cannot be read as a CSV file"):
        read_profiles(tmp_path / "picture.csv")


def test_an_unknown_series_or_one_of_another_unit_is_refused(read):
    day = read(GOOD)
    with pytest.raises(ProfileError, match=r"no column 'pv_B'; there is pv_A, tariff, share"):
        day.series("pv_B", "kW")
    with pytest.raises(ProfileError, match=r"column 'tariff' is in '\$/MWh'; wanted kW, W or MW"):
        day.series("tariff", "kW")


def shipped(name, **wanted):
    with resources.as_file(resources.files("gridparley.runs.scenario") / "data" / f"{name}.csv") as file:
        return read_profiles(file, **wanted)


def test_the_day_by_hours_is_the_day_by_quarters():
    hours, quarters = (
        shipped("prosumer-day-1h", periods=24, hours=1),
        shipped("prosumer-day-15min", periods=96, hours=0.25),
    )
    assert (hours.start, quarters.start) == (6.0, 6.0)
    assert hours.values.keys() == quarters.values.keys()
    for name, values in hours.values.items():
        assert values == pytest.approx(quarters.series(name, "kW").reshape(24, 4).mean(axis=1), abs=2e-5)
        assert (values >= 0).all()


def test_the_day_of_note_004_is_as_the_note_prints_it():
    day = shipped("dispatch-day", periods=24, hours=1)
    assert [day.series(f"load_{k}", "kW").sum().round(6) for k in (1, 2, 3)] == [386.6, 379.3, 358.1]
    assert day.series("tariff", "$/kWh")[[0, 17, 23]].tolist() == [3.58, 3.72, 3.55]
    assert np.argmax(day.series("load_2", "kW")) == 17

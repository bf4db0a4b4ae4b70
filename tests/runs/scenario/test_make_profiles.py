"""Profiles of one's own: those of prosumer-day come out again, files are read back, and what is missing or wrong is said."""

from __future__ import annotations

import sys
import warnings
from importlib.util import find_spec

import numpy as np
import pytest

from gridparley.runs.scenario.tables.columns import profiles_file
from gridparley.runs.scenario.tables.profiles import read_profiles

from ..command import call

PLACE = ("--lat", 51.31, "--lon", 9.48, "--altitude", 170, "--date", "2023-06-21", "--start", "06:00")


def needs(library):
    missing = find_spec(library) is None
    return pytest.mark.skipif(
        missing, reason=f"{library} is not installed, of the extra `profiles`: pip install {library}"
    )


def made(file, *words):
    done = call("profiles", file, *words)
    assert done.exit_code == 0, done.stderr
    return read_profiles(file)


@needs("pvlib")
def test_the_plant_of_microgrid_a_comes_out_again(tmp_path):
    """To the five decimals that the built-in file has; pvlib may change, and then this says so."""
    for step, built_in in (("1h", "prosumer-day-1h.csv"), ("15min", "prosumer-day-15min.csv")):
        ours = made(tmp_path / f"{step}.csv", *PLACE, "--step", step, "--pv", "pv_A:45:30:180")
        theirs = read_profiles(profiles_file(built_in, None))
        assert (ours.start, ours.hours, ours.periods) == (theirs.start, theirs.hours, theirs.periods)
        assert np.abs(ours.series("pv_A", "kW") - theirs.series("pv_A", "kW")).max() < 2e-5


@needs("demandlib")
def test_business_district_and_hospital_come_out_again(tmp_path):
    before = warnings.filters[:]
    words = ("--business", "cbd:210000:g1", "--business", "hospital:420000:g3", "--household", "home:4000")
    ours = made(tmp_path / "mine.csv", *PLACE, *words)
    theirs = read_profiles(profiles_file("prosumer-day-1h.csv", None))
    for name in ("cbd", "hospital"):
        assert np.abs(ours.series(name, "kW") - theirs.series(name, "kW")).max() < 2e-5
    assert 0.1 < ours.series("home", "kW").mean() < 4000 / 8760  # less than over the year, for it is June
    assert warnings.filters == before  # which demandlib changes


@needs("demandlib")
def test_a_day_of_25_hours_and_a_night_into_the_new_year(tmp_path):
    place = ("--lat", 51.31, "--lon", 9.48, "--household", "home:4000")
    autumn = made(tmp_path / "autumn.csv", *place, "--date", "2023-10-29", "--hours", 25)
    assert autumn.periods == 25
    assert autumn.values["home"][2] == autumn.values["home"][3]  # from 2 to 3 o'clock, twice
    night = made(
        tmp_path / "night.csv", *place, "--date", "2023-12-31", "--start", "18:30", "--hours", 12, "--step", "2h"
    )
    assert (night.periods, night.start) == (6, 18.5)
    assert (night.values["home"] > 0.0).all()


@pytest.mark.parametrize(
    ("library", "option"), [("pvlib", ("--pv", "roof:45")), ("demandlib", ("--household", "home:4000"))]
)
def test_what_to_install_is_said_where_it_is_missing(library, option, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, "demandlib.bdew", raising=False)
    done = call("profiles", tmp_path / "mine.csv", *PLACE, *option)
    assert done.exit_code == 1
    assert f"need {library}, which is not installed; wanted: pip install pvlib demandlib" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to make profiles of"),
        (("--pv", "roof"), "'roof'; wanted --pv NAME:KWP"),
        (("--pv", "roof:-1"), "roof: peak = -1; wanted more than 0 kW"),
        (("--pv", "roof:nan"), "roof: peak = nan"),
        (("--pv", "roof:4:99"), "roof: tilt = 99; wanted 0 to 90 degrees"),
        (("--household", "home:1:2"), "wanted --household NAME:KWH"),
        (("--business", "shop:1:zz"), "shop: profile = 'zz'; wanted one of h0"),
        (("--pv", "roof:4", "--pv", "roof:5"), "name 'roof'"),
        (("--pv", "ro[of:4"), "name 'ro[of'"),
        (("--pv", "roof:4", "--step", "10min"), "step = '10min'; wanted a multiple of 15 minutes"),
        (("--pv", "roof:4", "--hours", "nan"), "hours = nan; wanted a multiple of the step"),
        (("--pv", "roof:4", "--hours", "0.3"), "hours = 0.3"),
        (("--pv", "roof:4", "--zone", "Nowhere"), "'Nowhere'"),
        (("--pv", "roof:4", "--start", "25:00"), "25:00"),
        (("--pv", "roof:4", "--lat", "91"), "latitude = 91; wanted -90 to 90 degrees"),
    ],
)
def test_what_is_wrong_is_said(words, said, tmp_path):
    done = call("profiles", tmp_path / "mine.csv", *PLACE, *words)
    assert done.exit_code == 1
    assert said in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_stays(tmp_path):
    (tmp_path / "mine.csv").write_text("mine")
    done = call("profiles", tmp_path / "mine.csv", *PLACE, "--pv", "roof:4")
    assert done.exit_code == 1
    assert "is there already" in done.stderr
    assert (tmp_path / "mine.csv").read_text() == "mine"

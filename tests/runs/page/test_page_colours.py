"""Colours of page and figures can be told apart by everybody, in light and in dark, and stand in one place."""

from __future__ import annotations

import itertools
import pathlib
import re
import warnings

import numpy as np
import pytest

from gridparley.runs.common import palette as colours_of_runs
from gridparley.runs.common.palette import CHART_LINES, GREYS, OKABE_ITO, PRICE_SCALE, THEMES, css_variables
from gridparley.runs.figures.style import LINES
from gridparley.runs.page.report import page_files, report_text

with np.printoptions():  # this library changes how numpy prints, for everybody and every other test
    from colour import RGB_to_XYZ, XYZ_to_Lab, delta_E
    from colour.blindness import matrix_cvd_Machado2009
    from colour.models import eotf_sRGB

APART = 10.0
"""Least CIEDE2000 distance: five times what a trained eye just notices of two patches side by side."""
SIGHTS = ("normal", "Protanomaly", "Deuteranomaly", "Tritanomaly")


def linear(colours):
    """(n, 3): linear light of ``#rrggbb``."""
    return eotf_sRGB(np.array([[int(one[k : k + 2], 16) / 255 for k in (1, 3, 5)] for one in colours]))


def seen(colours, sight):
    """(n, 3): CIELAB as seen; the colour-blind wholly so, by Machado, Oliveira and Fernandes (2009)."""
    light = linear(colours)
    if sight != "normal":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tritanopia the model says itself that it is an approximation
            light = np.clip(light @ matrix_cvd_Machado2009(sight, 1.0).T, 0, 1)
    return XYZ_to_Lab(RGB_to_XYZ(light, "sRGB"))


def contrast(one, other):
    """The ratio of WCAG 2, from 1 to 21."""
    low, high = sorted(float(linear([each])[0] @ (0.2126, 0.7152, 0.0722)) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(scope="module", params=["light", "dark"])
def palette(request):
    """Colours of a theme by their names, and those of lines in their order: as the page has them."""
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", report_text("", b""))[:2]
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})\b", block)) for block in blocks]
    theme = found[0] | found[1] if request.param == "dark" else found[0]
    assert theme.items() >= {k: v for k, v in THEMES[request.param].items() if len(v) == 7}.items()
    assert len(CHART_LINES) == 8
    return theme, [theme[line] for line in CHART_LINES]


@pytest.mark.parametrize("sight", SIGHTS)
def test_lines_of_a_chart_are_told_apart(palette, sight):
    colours = seen(palette[1], sight)
    near = {(one, two): delta_E(colours[one], colours[two]) for one, two in itertools.combinations(range(8), 2)}
    assert min(near.values()) > APART, min(near, key=near.get)
    assert min(near[k, k + 4] for k in range(4)) > 1.2 * APART  # these share their dashes


@pytest.mark.parametrize("sight", SIGHTS)
def test_messages_that_travel_are_late_or_are_lost_are_told_apart_and_from_the_links(palette, sight):
    theme = palette[0]
    colours = seen([theme[name] for name in ("message", "orange", "vermillion", "line", "paper")], sight)
    assert min(delta_E(one, two) for one, two in itertools.combinations(colours, 2)) > APART


@pytest.mark.parametrize("sight", SIGHTS)
def test_dearer_is_lighter_whoever_looks(sight):
    lightness = seen(PRICE_SCALE, sight)[:, 0]
    assert len(PRICE_SCALE) == 6
    assert (np.diff(lightness) > 5).all()


def test_text_and_lines_stand_out_from_the_paper(palette):
    theme, lines = palette
    for paper in ("paper", "panel"):
        assert contrast(theme["ink"], theme[paper]) > 7
        assert contrast(theme["soft"], theme[paper]) > 4.5
    assert min(contrast(line, theme["paper"]) for line in lines) > 2.2
    assert min(contrast(line, theme["paper"]) for line in lines[:3]) > 3


@pytest.mark.parametrize("sight", SIGHTS)
def test_lines_of_a_figure_are_told_apart_on_white(sight):
    assert set(LINES) == set(OKABE_ITO.values())
    colours = seen([*LINES, "#ffffff", GREYS["many"]], sight)
    near = {(one, two): delta_E(colours[one], colours[two]) for one, two in itertools.combinations(range(10), 2)}
    assert min(near.values()) > APART, min(near, key=near.get)


def test_no_colour_stands_anywhere_but_in_the_palette():
    hexes = re.compile(r"[\"'`: ]#(?:[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})\b(?![^{};]*\{)|\brgba?\(\d")
    assert hexes.search("color: #fff;")
    assert hexes.search('"#E69F0022"')
    for name, text in page_files().items():
        assert not hexes.findall(text), name
    rooms = pathlib.Path(colours_of_runs.__file__).parents[1]
    for room in ("figures", "lessons", "page", "terminal", "watch"):
        for file in (rooms / room).glob("*.py"):
            assert not hexes.findall(file.read_text(encoding="utf-8")), file


def test_every_variable_that_the_page_asks_for_is_there():
    files = page_files()
    asked = set(re.findall(r"var\(--([\w-]+)\)", "".join(files.values())))
    asked |= set(re.findall(r"colour\(\"([\w-]+)\"\)", files["dom.js"]))
    defined = set(re.findall(r"--([\w-]+):", css_variables()))
    assert asked <= defined
    assert {"chart-lines", "price-scale", "orange", "vermillion", *CHART_LINES} <= defined


def test_a_pair_that_only_normal_eyes_tell_apart_would_be_found():
    red, green = "#c04000", "#708000"
    assert delta_E(*seen([red, green], "normal")) > 4 * APART
    assert delta_E(*seen([red, green], "Deuteranomaly")) < APART


def test_numpy_prints_as_before():
    assert repr(np.array([2.0])) == "array([2.])"

"""Colours of the page can be told apart by everybody, in light and in dark."""

from __future__ import annotations

import itertools
import re
import warnings

import numpy as np
import pytest

from gridparley.runs.page.report import page_files

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
    """Colours of a theme by their names, and those of lines in their order."""
    css, js = page_files()["page.css"], page_files()["dom.js"]
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", css)[:2]
    theme = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})\b", blocks[request.param == "dark"]))
    named = dict(re.findall(r"(AMBER|RED) = \"(#\w{6})\"", js))
    lines = re.findall(r"\"([^\"]+)\"", re.search(r"LINES = \[([^\]]*)\]", js)[1])
    assert len(named) == 2
    assert len(lines) == 8
    return theme | named, [theme.get(line, line) for line in lines]


@pytest.mark.parametrize("sight", SIGHTS)
def test_lines_of_a_chart_are_told_apart(palette, sight):
    colours = seen(palette[1], sight)
    near = {(one, two): delta_E(colours[one], colours[two]) for one, two in itertools.combinations(range(8), 2)}
    assert min(near.values()) > APART, min(near, key=near.get)
    assert min(near[k, k + 4] for k in range(4)) > 1.2 * APART  # these share their dashes


@pytest.mark.parametrize("sight", SIGHTS)
def test_messages_that_travel_are_late_or_are_lost_are_told_apart_and_from_the_links(palette, sight):
    theme = palette[0]
    colours = seen([theme[name] for name in ("message", "AMBER", "RED", "line", "paper")], sight)
    assert min(delta_E(one, two) for one, two in itertools.combinations(colours, 2)) > APART


@pytest.mark.parametrize("sight", SIGHTS)
def test_dearer_is_lighter_whoever_looks(sight):
    scale = re.search(r"const SCALE = \[(.*?)\n\];", page_files()["dom.js"], re.DOTALL)[1]
    stops = ["#{:02x}{:02x}{:02x}".format(*map(int, one)) for one in re.findall(r"\[(\d+), (\d+), (\d+)\]", scale)]
    lightness = seen(stops, sight)[:, 0]
    assert len(stops) == 6
    assert (np.diff(lightness) > 5).all()


def test_text_and_lines_stand_out_from_the_paper(palette):
    theme, lines = palette
    for paper in ("paper", "panel"):
        assert contrast(theme["ink"], theme[paper]) > 7
        assert contrast(theme["soft"], theme[paper]) > 4.5
    assert min(contrast(line, theme["paper"]) for line in lines) > 2.2
    assert min(contrast(line, theme["paper"]) for line in lines[:3]) > 3


def test_a_pair_that_only_normal_eyes_tell_apart_would_be_found():
    red, green = "#c04000", "#708000"
    assert delta_E(*seen([red, green], "normal")) > 4 * APART
    assert delta_E(*seen([red, green], "Deuteranomaly")) < APART


def test_numpy_prints_as_before():
    assert repr(np.array([2.0])) == "array([2.])"

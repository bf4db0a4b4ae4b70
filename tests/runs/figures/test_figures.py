"""Figures: all are drawn, nothing overlaps or leaves the page, legends stay short, zeros lie on the floor of a log axis."""

from __future__ import annotations

import copy
import subprocess
import sys
from itertools import combinations

import matplotlib.colors
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from gridparley.runs.common.palette import OKABE_ITO
from gridparley.runs.figures.day import hours_figure, schedule_figure, settlement_figure
from gridparley.runs.figures.plot import messages_figure, prices_figure, residuals_figure, solution_figure
from gridparley.runs.figures.style import style
from gridparley.runs.record.files.folder_read import read_run

from ..command import call

DAY = (schedule_figure, hours_figure)
DRAWERS = (prices_figure, residuals_figure, messages_figure, solution_figure, *DAY, settlement_figure)
SCENARIOS = {
    "note": ("three-microgrids",),
    "stormy": ("three-microgrids", "--fault", "loss=0.5,from=20,to=60", "--fault", "duplicate=0.5,from=40,to=100"),
    "restless": ("three-microgrids", "--set", "alpha=0.5", "--ticks", 600),
    "thirty": ("microgrids", "--set", "prosumers=3", "--ticks", 200),
    "hundred": ("microgrids", "--set", "microgrids=100", "--set", "prosumers=1", "--ticks", 60),
    "day": ("microgrids", "--set", "microgrids=4", "--set", "prosumers=3", "--set", "periods=24", "--ticks", 100),
    "shared": ("dispatch-day", "--set", "main_grid=shared_limit"),
    "fifteen": ("dispatch-day", "--set", "microgrids=15", "--ticks", 8),
    "fifty": ("dispatch-day", "--set", "microgrids=50", "--ticks", 8),
    "hours": ("prosumer-day", "--ticks", 700, "--fault", "loss=0.1,from=100,to=200", "--settlement"),
    "alone": ("microgrids", "--set", "microgrids=1", "--set", "prosumers=3", "--ticks", 100),
}


class Runs(dict):
    """Recorded runs by name, each done when it is first asked for."""

    def __init__(self, folder):
        self.folder = folder

    def __missing__(self, name):
        done = call("run", *SCENARIOS[name], "--out", self.folder / name)
        assert done.exit_code == 0, done.stderr
        self[name] = read_run(self.folder / name)
        return self[name]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return Runs(tmp_path_factory.mktemp("figures"))


def pairs():
    """Every figure with every run that has one: of several periods everybody's day stands in the place of the solution."""
    for name in SCENARIOS:
        planned = name in ("shared", "fifteen", "fifty")
        last = DAY if planned or name in ("hours", "day") else (solution_figure,)
        settled = (settlement_figure,) if planned or name == "hours" else ()
        yield from ((name, draw) for draw in (*DRAWERS[:3], *last, *settled))


PAIRS = list(pairs())
QUICK = ("note", "stormy", "alone")
EACH = [pytest.param(*pair, marks=() if pair[0] in QUICK else pytest.mark.slow) for pair in PAIRS]


def drawn(draw, run):
    """A figure with every part at its place, and what measures it."""
    with style():
        figure = draw(run)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return figure, canvas.get_renderer()


@pytest.mark.parametrize(("name", "draw"), EACH)
def test_nothing_overlaps_and_nothing_leaves_the_page(name, draw, runs):
    figure, renderer = drawn(draw, runs[name])
    page = figure.bbox
    boxes = {f"panel {k}": axis.get_window_extent(renderer) for k, axis in enumerate(figure.axes)}
    for k, axis in enumerate(figure.axes):
        if axis.get_legend():
            boxes[f"legend {k}"] = axis.get_legend().get_window_extent(renderer)
        labels = [text.get_window_extent(renderer) for text in axis.get_xticklabels() if text.get_text()]
        shown = [box for box in labels if axis.bbox.x0 - 1 <= (box.x0 + box.x1) / 2 <= axis.bbox.x1 + 1 and box.width]
        assert not any(one.overlaps(two) for one, two in combinations(shown, 2)), f"tick labels of panel {k}"
    boxes["title"] = figure._suptitle.get_window_extent(renderer)
    for what, box in boxes.items():
        assert box.x0 >= page.x0 - 1, what
        assert box.x1 <= page.x1 + 1, what
        assert box.y0 >= page.y0 - 1, what
        assert box.y1 <= page.y1 + 1, what
    for (one, first), (two, second) in combinations(boxes.items(), 2):
        assert not first.padded(-2).overlaps(second.padded(-2)), f"{one} and {two}"


@pytest.mark.parametrize(("name", "draw"), EACH)
def test_axes_have_units_and_legends_at_most_ten_entries(name, draw, runs):
    figure, _ = drawn(draw, runs[name])
    for axis in figure.axes:
        assert axis.get_legend() is None or len(axis.get_legend().get_texts()) <= 10
    labels = " ".join(axis.get_ylabel() for axis in figure.axes)
    legends = " ".join(t.get_text() for axis in figure.axes if axis.get_legend() for t in axis.get_legend().get_texts())
    assert any(unit in labels + legends for unit in ("kW", "messages per tick", "alone, $"))


@pytest.mark.slow
def test_what_a_run_has_no_data_for_is_not_drawn(runs):
    for name in SCENARIOS:
        for draw in DRAWERS:
            with style():
                assert (draw(runs[name]) is None) == ((name, draw) not in PAIRS), (name, draw)


@pytest.mark.slow
def test_what_is_stacked_is_what_is_used(runs):
    """At every hour, what stands above zero less what hangs below it is the line of the demand."""
    run = runs["hours"]
    figure, _ = drawn(schedule_figure, run)
    hours = len(run.result["periods"])
    assert hours > 2
    for axis, row in zip(figure.axes, run.result["microgrids"].values(), strict=True):
        *stacked, line = [patch.get_data() for patch in axis.patches]
        top = np.max([np.maximum(data.values, 0.0) for data in stacked], axis=0)
        bottom = np.min([np.minimum(data.values, 0.0) for data in stacked], axis=0)
        assert np.allclose(top + bottom, row["demand"], atol=1e-6)
        assert np.array_equal(line.values, row["demand"])
        assert line.edges.tolist() == [6.0 + k for k in range(hours + 1)]


@pytest.mark.slow
def test_the_openings_of_a_day_are_marked(runs):
    run = runs["hours"]
    opened = np.cumsum([0, *(period["ticks"] for period in run.result["periods"])])[:-1].tolist()
    figure, _ = drawn(prices_figure, run)
    *panels, _ = figure.axes  # the last holds the lane of the fault
    for axis in panels:
        assert [line.get_xdata()[0] for line in axis.lines if len(set(line.get_xdata())) == 1] == opened


@pytest.mark.slow
def test_first_rounds_of_an_hour_do_not_hide_the_rest(runs):
    run = copy.deepcopy(runs["hours"])
    tick = run.prices["tick"]
    opened = run.result["periods"][0]["ticks"]
    run.prices["price.A_usd_per_kwh"][(tick > opened) & (tick < opened + 10)] = -20.0
    figure, _ = drawn(prices_figure, run)
    low, high = figure.axes[0].get_ylim()
    agreed = [price for row in run.result["microgrids"].values() for price in row["price"]]
    assert -1.0 < low < min(agreed)
    assert max(agreed) < high < 1.0


@pytest.mark.slow
def test_each_hour_is_compared_with_its_own_optimum(runs):
    run = runs["hours"]
    figure, _ = drawn(residuals_figure, run)
    (cost,) = (line for line in figure.axes[0].lines if str(line.get_label()).startswith("cost"))
    ends = np.cumsum([period["ticks"] for period in run.result["periods"]])[:-1] - 1
    assert (np.asarray(cost.get_ydata(), dtype=float)[ends] < 1e-6).all()


def test_lines_that_lie_on_each_other_are_both_seen(runs):
    figure, _ = drawn(prices_figure, runs["note"])
    a, b, c = figure.axes[0].lines
    assert (a.get_linestyle(), b.get_linestyle(), c.get_linestyle()) == ("-", "-", "--")


def test_residuals_lie_on_a_log_axis_and_zeros_on_its_floor(runs):
    run = runs["note"]
    run.metrics["dual_residual_usd_per_kwh"][-5:] = 0.0
    figure, _ = drawn(residuals_figure, run)
    (axis,) = figure.axes
    assert axis.get_yscale() == "log"
    for line in axis.lines:
        y = np.asarray(line.get_ydata(), dtype=float)
        assert (y[np.isfinite(y)] >= 1e-16).all()
    texts = [label.get_text() for label in axis.get_yticklabels() if label.get_text()]
    assert texts
    assert all("10^{" in text for text in texts)


def test_the_cost_is_compared_with_the_optimum_of_the_same_market(tmp_path):
    # With much regularisation the lossless market has quite another optimum, which a run never comes near.
    assert call("run", "three-microgrids", "--set", "alpha=2", "--out", tmp_path).exit_code == 0
    run = read_run(tmp_path)
    assert run.result["regularisation_gap"] > 0.01
    figure, _ = drawn(residuals_figure, run)
    (cost,) = (line for line in figure.axes[0].lines if str(line.get_label()).startswith("cost"))
    assert np.asarray(cost.get_ydata(), dtype=float)[-1] < 1e-7


def test_fault_windows_are_lanes_and_shades(runs):
    figure, _ = drawn(messages_figure, runs["stormy"])
    panel, lanes = figure.axes
    assert [label.get_text() for label in lanes.get_yticklabels()] == ["loss 0.5", "duplicate 0.5"]
    spans = {(patch.get_x(), patch.get_x() + patch.get_width()) for patch in lanes.patches}
    assert spans == {(20, 60), (40, 100)}
    shades = {(p.get_x(), p.get_x() + p.get_width()) for p in panel.patches if hasattr(p, "get_x") and p.get_alpha()}
    assert spans <= shades


def test_bars_of_messages_add_up(runs):
    figure, _ = drawn(messages_figure, runs["stormy"])
    bars = [bar for bar in figure.axes[0].containers if bar.get_label() == "lost"]
    drawn_sum = sum(patch.get_height() * patch.get_width() for patch in bars[0].patches)
    assert drawn_sum == pytest.approx(runs["stormy"].result["messages"]["lost"])


@pytest.mark.slow
def test_a_restless_end_is_drawn_enlarged(runs):
    for draw, panels in ((prices_figure, 4), (residuals_figure, 2)):
        figure, _ = drawn(draw, runs["restless"])
        assert len(figure.axes) == panels
        assert figure.axes[1].get_xlim() == (540, 600)


def test_supply_and_use_are_equally_high(runs):
    figure, _ = drawn(solution_figure, runs["note"])
    tops = {}
    for bars in figure.axes[0].containers:
        for k, patch in enumerate(bars.patches):
            side = (k, patch.get_x() < k)
            tops[side] = max(tops.get(side, 0.0), patch.get_y() + patch.get_height())
    assert [tops[k, True] for k in range(3)] == pytest.approx([tops[k, False] for k in range(3)])


@pytest.mark.slow
def test_sources_stacked_are_the_load(runs):
    run = runs["shared"]
    with style():
        figure = schedule_figure(run)
    for axis, (name, day) in zip(figure.axes, run.result["microgrids"].items(), strict=True):
        levels = {patch.get_label(): patch.get_data().values for patch in axis.patches}
        load = levels.pop("load", np.zeros(24))
        assert load == pytest.approx(day["demand"]), name
        parts = [(patch.get_data().values, patch.get_data().baseline) for patch in axis.patches if patch.get_fill()]
        stacked = sum(np.asarray(top) - np.asarray(bottom) for top, bottom in parts)
        assert stacked == pytest.approx(load, abs=1e-4), name


@pytest.mark.slow
def test_what_everybody_gains_is_what_trade_saves(runs):
    table = runs["shared"].result["settlement"]
    assert all(row["gain"] > 0.5 for row in table.values())
    assert sum(row["payment"] for row in table.values()) == pytest.approx(0.0, abs=1e-6)
    assert sum(row["gain"] for row in table.values()) == pytest.approx(2267.543 - 2232.867, abs=2e-3)
    figure, _ = drawn(settlement_figure, runs["shared"])
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    assert heights == pytest.approx([row["gain"] for row in table.values()])


def test_colours_are_those_of_okabe_and_ito():
    assert len(OKABE_ITO) == 8
    # Neighbours in the order of drawing differ in brightness too, for grey prints and for the colour blind.
    grey = [np.dot(matplotlib.colors.to_rgb(OKABE_ITO[name]), (0.299, 0.587, 0.114)) for name in ("sky", "vermillion")]
    assert abs(grey[0] - grey[1]) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_files_are_what_they_are_called_and_the_same_each_time(kind, magic, runs, tmp_path):
    path = runs["stormy"].path
    for out in ("one", "two"):
        done = call("plot", path, "--out", tmp_path / out, "--format", kind)
        assert done.exit_code == 0
        assert done.stdout.split() == [
            str(tmp_path / out / f"{n}.{kind}") for n in ("prices", "residuals", "messages", "solution")
        ]
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes().startswith(magic)
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_figures_go_into_the_run_by_default(tmp_path):
    assert call("run", "three-microgrids", "--ticks", 30, "--out", tmp_path).exit_code == 0
    assert call("plot", tmp_path).exit_code == 0
    assert (tmp_path / "solution.png").exists()


def test_a_run_of_one_tick_has_little_to_show(tmp_path):
    assert call("run", "three-microgrids", "--ticks", 1, "--out", tmp_path).exit_code == 0
    done = call("plot", tmp_path)
    assert (done.exit_code, done.stdout.split()) == (0, [str(tmp_path / "messages.png")])


def test_a_run_that_failed_is_drawn_as_far_as_it_went(tmp_path):
    (tmp_path / "late.py").write_text(
        "from gridparley.agents import SquareRootLoad, batched\n"
        "class Late(SquareRootLoad):\n"
        "    asked = 0\n"
        "    @batched\n"
        "    def respond(self, price, target, rho):\n"
        "        Late.asked += 1\n"
        "        return super().respond(price, target, rho) * (1 if Late.asked < 9 else float('nan'))\n"
    )
    (tmp_path / "late.toml").write_text(
        'base = "three-microgrids"\n[[microgrid]]\nname = "A"\n'
        'prosumer = [{ name = "load", type = "late.py:Late", beta = 10.0, cap = 100.0 }]\n'
    )
    assert call("run", tmp_path / "late.toml", "--out", tmp_path / "kept").exit_code == 1
    done = call("plot", tmp_path / "kept")
    assert done.exit_code == 0
    assert [name.rpartition("/")[2] for name in done.stdout.split()] == ["prices.png", "residuals.png", "messages.png"]


@pytest.mark.slow
def test_drawing_leaves_pyplot_alone(runs):
    code = (
        "import sys; from pathlib import Path; from gridparley.runs.record.files.folder_read import read_run;"
        "from gridparley.runs.figures.plot import draw_figures;"
        "draw_figures(read_run(Path(sys.argv[1])), Path(sys.argv[1])); assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code, runs["alone"].path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

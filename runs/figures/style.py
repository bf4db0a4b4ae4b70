"""How figures look: colours from the palette, legends beside the picture, faults above it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..common.palette import GREYS, OKABE_ITO
from ..record.fault_windows import FaultWindow
from ..record.files.folder_read import RecordedRun

__all__ = [
    "LINES_MAX",
    "MARKS_MAX",
    "clock_text",
    "draw_lines",
    "legend_beside",
    "new_figure",
    "openings",
    "stack_sources",
    "style",
    "time_axes",
]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LINES = tuple(OKABE_ITO[name] for name in ("blue", "vermillion", "green", "purple", "orange", "sky", "black", "yellow"))
DASHES: tuple[Any, ...] = ("-", (0, (5, 3)), (0, (1.2, 1.6)), (0, (7, 2, 1.5, 2)))
"""Of a line that lies on none, one, two or more earlier lines: one sees through to them."""
LINES_MAX = 8
"""Lines beyond which all are grey but for the highest, the lowest and the median; a legend has ten entries at most."""
LANES_MAX = 6
MARKS_MAX = 40
"""Openings of periods beyond which their marks, and the lines of what starts anew in each, are fainter."""
ZOOM_TICKS = 60

_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GREYS["grid"],
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.5,
    "pdf.fonttype": 42,  # text stays text, which journals ask for
    "savefig.dpi": 160,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in this project's style within a block."""
    with mpl.rc_context(_STYLE):
        yield


def new_figure(run: RecordedRun, height: float) -> Figure:
    """Return an empty figure, 7.5 inches wide, titled with what was run and how it ended."""
    figure = Figure(figsize=(7.5, height), layout="constrained")
    scenario, protocol, seed, outcome, ticks = (
        run.result[name] for name in ("scenario", "protocol", "seed", "outcome", "ticks")
    )
    title = f"{scenario}, {protocol}, seed {seed}: {outcome} after {ticks} ticks"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def time_axes(run: RecordedRun, panels: int, *, zoom: bool = False) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure whose panels share an axis of ticks, with the windows of faults in lanes above and shaded.

    Of a day, lines mark where its periods open, and the clock stands above.

    Parameters
    ----------
    run, panels
    zoom : beside each panel, another one of the last ticks alone

    Returns
    -------
    the figure, and by panel its axes: the whole run and, with `zoom`, its end
    """
    lanes = run.faults[:LANES_MAX]
    height, ticks = 0.3 * len(lanes), max(run.result["ticks"], 1)
    figure = new_figure(run, 0.9 + 2.4 * panels + height)
    grid = figure.add_gridspec(
        panels + bool(lanes),
        1 + zoom,
        height_ratios=[height, *[2.4] * panels] if lanes else None,
        width_ratios=[2, 1] if zoom else None,
    )
    table = [[figure.add_subplot(grid[k + bool(lanes), column]) for column in range(1 + zoom)] for k in range(panels)]
    if lanes:
        _draw_lanes(figure.add_subplot(grid[0, 0], sharex=table[0][0]), lanes, len(run.faults) - len(lanes), ticks)
    for row in table:
        for axis, start in zip(row, (0, max(0, ticks - ZOOM_TICKS)), strict=False):
            axis.set_xlim(start, ticks)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=3 if axis is not row[0] else 5 if zoom else 8))
            axis.tick_params(labelbottom=row is table[-1])
            for window in lanes:
                if window.start or window.end is not None:
                    axis.axvspan(window.start, _end(window, ticks), color=OKABE_ITO["black"], alpha=0.07, linewidth=0)
            marks = openings(run.result)
            for opened, _ in marks:
                axis.axvline(
                    opened, color=GREYS["mark"] if len(marks) <= MARKS_MAX else GREYS["grid"], linewidth=0.5, zorder=0.5
                )
            if row is table[-1]:
                axis.set_xlabel("tick" if axis is row[0] else "last ticks")
    _draw_clock(table[0][0], run.result, ticks)
    return figure, table


def openings(result: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Return in which tick each period of a day opened, and its clock time, h; nothing where all are negotiated at once."""
    periods = result.get("periods") or []
    opened = np.cumsum([0, *(period["ticks"] for period in periods)]).tolist()
    return [(tick, period["start"]) for tick, period in zip(opened, periods, strict=False)]


def clock_text(hour: float) -> str:
    """Return a time of day.

    >>> clock_text(6.25), clock_text(25.0)
    ('06:15', '01:00')
    """
    minutes = round(hour * 60) % (24 * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _draw_clock(axis: Axes, result: Mapping[str, Any], ticks: int) -> None:
    """Write above an axis which period opens where, as many as there is room for."""
    shown: list[tuple[int, float]] = []
    for opened, start in openings(result):
        if not shown or opened - shown[-1][0] >= ticks / 11:
            shown.append((opened, start))
    if shown:
        clock = axis.secondary_xaxis("top")
        clock.set_xticks([opened for opened, _ in shown], [clock_text(start) for _, start in shown], fontsize=8)
        clock.tick_params(length=3, color=GREYS["mark"], pad=1)
        clock.spines["top"].set_visible(False)
        clock.set_xlabel("period that opens", fontsize=8, labelpad=4)


def _draw_lanes(axis: Axes, lanes: Sequence[FaultWindow], more: int, ticks: int) -> None:
    for lane, window in enumerate(lanes):
        axis.barh(lane, _end(window, ticks) - window.start, left=window.start, height=0.6, color=GREYS["lane"])
    labels = [window.label if len(window.label) <= 28 else window.label[:27] + "…" for window in lanes]
    axis.set_yticks(range(len(lanes)), labels, fontsize=9)
    axis.set_ylim(len(lanes) - 0.5, -0.5)
    axis.tick_params(labelbottom=False, bottom=False, left=False)
    axis.grid(visible=False)
    for side in axis.spines.values():
        side.set_visible(False)
    if more > 0:
        axis.set_title(f"faults (and {more} more)", loc="right", fontsize=9)


def _end(window: FaultWindow, ticks: int) -> int:
    return max(window.start, ticks if window.end is None else min(window.end, ticks))


def draw_lines(
    axis: Axes, x: Floats, lines: dict[str, Floats], what: str, *, settled: Mask | None = None, steps: bool = True
) -> None:
    """Draw lines; many of them in grey, with the median and those that end lowest and highest on top.

    Parameters
    ----------
    axis, x
    lines : by name, as long as x
    what : the plural of what a line stands for, for the legend
    settled : as long as x, where lines must be seen whole: elsewhere they may leave the picture; by default everywhere
    steps : values hold until the next, rather than being joined by straight lines
    """
    post: Any = {"drawstyle": "steps-post"} if steps else {}
    if len(lines) <= LINES_MAX:
        for k, (name, y) in enumerate(lines.items()):
            below = sum(_same(y, other) for other in list(lines.values())[:k])
            dash = DASHES[min(below, len(DASHES) - 1)]
            axis.plot(x, y, color=LINES[k], linestyle=dash, linewidth=2.0 - 0.3 * min(below, 3), label=name, **post)
    else:
        table = np.array(list(lines.values()))
        axis.plot(x, table[0], color=GREYS["many"], linewidth=0.5, label=f"{len(lines)} {what}", **post)
        axis.plot(x, table[1:].T, color=GREYS["many"], linewidth=0.5, **post)
        names = list(lines)
        for k, word, colour in (
            (int(np.argmax(table[:, -1])), "highest", "vermillion"),
            (int(np.argmin(table[:, -1])), "lowest", "blue"),
        ):
            axis.plot(x, table[k], color=OKABE_ITO[colour], label=f"{names[k]} ({word} at the end)", **post)
        axis.plot(x, np.median(table, axis=0), color=OKABE_ITO["black"], label="median", **post)
    if settled is not None:
        _look_at_the_end(axis, np.array(list(lines.values())), settled)


def _same(one: Floats, other: Floats) -> bool:
    """Tell whether two lines lie on each other at the end of a run, for the eye."""
    half = len(one) // 2
    scale = max(np.ptp(one), np.ptp(other), 1e-12)
    return bool(np.abs(one[half:] - other[half:]).max(initial=0.0) < 0.01 * scale)


def _look_at_the_end(axis: Axes, table: Floats, settled: Mask) -> None:
    """Let first rounds leave the picture where they would flatten all the rest, and say so."""
    late = table[:, settled]
    late, all_of_it = late[np.isfinite(late)], table[np.isfinite(table)]
    if not late.size or len(table[0]) < 20:
        return
    span = max(np.ptp(late), 1e-9)
    low, high = late.min() - span, late.max() + span
    if all_of_it.min() < low - 2 * span or all_of_it.max() > high + 2 * span:
        axis.set_ylim(late.min() - 0.25 * span, late.max() + 0.25 * span)
        axis.set_title("first rounds reach beyond the picture", loc="right", fontsize=9, color=GREYS["note"])


def stack_sources(axis: Axes, edges: Floats, sources: dict[str, tuple[Floats, str]], load: Floats | None) -> None:
    """Stack power by source over time: what is supplied upwards, what charges or leaves downwards, and the load as a line.

    What the sources supply less what they take is the load.

    Parameters
    ----------
    axis
    edges : (periods + 1,) where each period begins, and the last one's end
    sources : by label, from zero outwards: kW, (periods,), and the name of a colour in `OKABE_ITO`
    load : (periods,) kW, or None
    """
    up, down = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    for label, (power, colour) in sources.items():
        named: str | None = label
        for bottom, part in ((up, np.maximum(power, 0.0)), (down, np.minimum(power, 0.0))):
            if np.abs(part).max(initial=0.0) > 1e-6:  # below that it is a rounding error of a negotiation
                axis.stairs(
                    bottom + part, edges, baseline=bottom.copy(), fill=True, color=OKABE_ITO[colour], label=named
                )
                named = None
                bottom += part
    if load is not None:
        axis.stairs(load, edges, baseline=None, color=OKABE_ITO["black"], linewidth=1.6, label="load")
    axis.axhline(0.0, color=OKABE_ITO["black"], linewidth=0.6)


def legend_beside(axis: Axes, entries: dict[str, Any] | None = None) -> None:
    """Put the legend to the right of a panel, where it hides nothing; `entries`: handles by label instead of its own."""
    chosen = () if entries is None else (list(entries.values()), list(entries))
    axis.legend(*chosen, loc="upper left", bbox_to_anchor=(1.0, 1.02), borderaxespad=0.3, handlelength=1.6)

"""Figures of a day: supply and load by microgrid, prices, transfers and storage by the hour, and gains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator, PercentFormatter

from ..common.palette import GREYS, OKABE_ITO
from ..record.files.folder_read import RecordedRun
from .style import LINES_MAX, clock_text, draw_lines, legend_beside, new_figure, stack_sources

__all__ = ["hours_figure", "schedule_figure", "settlement_figure"]

Floats = npt.NDArray[np.float64]
Day = dict[str, Floats]

PANELS_MAX = 6
"""Microgrids beyond which a schedule shows the sum of all instead of one panel each."""
BARS_MAX = 40
"""Microgrids beyond which a settlement is a sorted curve without names."""

SOURCES = {
    "pv": ("PV", "orange"),
    "generation": ("generation", "blue"),
    "main_grid": ("main grid: bought,\nbelow 0 sold", "purple"),
    "storage": ("storage: discharge,\nbelow 0 charge", "green"),
    "neighbours": ("tie-lines: import,\nbelow 0 export", "sky"),
}
"""What meets a load, from zero outwards, by its name in a result: label and colour."""

PANELS = (
    ("microgrids", "price", "price λ, $/kWh"),
    ("tie_lines", "transfer", "transfer T, kW\n(A-B: positive from A to B)"),
    ("tie_lines", "transfer_price", "transfer price μ,\n$/kWh"),
    ("microgrids", "soc", "state of charge\nas the period begins"),
    ("microgrids", "energy", "energy in the battery\nafter each period, kWh"),
)
"""What is drawn by the hour, where a run has it: table and name in a result, and the label of the axis."""


def schedule_figure(run: RecordedRun) -> Figure | None:
    """Draw each microgrid's day stacked by source, against its load; None where there is one period only."""
    days = _days(run.result.get("microgrids"))
    if not days:
        return None
    for day in days.values():
        day["neighbours"] = -day["net_export"]
    if len(days) > PANELS_MAX:
        names = set.intersection(*(set(day) for day in days.values()))
        days = {f"sum of {len(days)} microgrids": {k: np.sum([day[k] for day in days.values()], 0) for k in names}}
    edges = _edges(run.result, days)
    columns = 1 if len(days) <= 3 else 2
    rows = -(-len(days) // columns)
    figure = new_figure(run, 0.9 + (2.0 if rows > 1 else 3.0) * rows)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True)
    axes: list[Axes] = panels.ravel().tolist()
    for axis, (name, day) in zip(axes, days.items(), strict=False):
        sources = {label: (day[key], colour) for key, (label, colour) in SOURCES.items() if key in day}
        stack_sources(axis, edges, sources, day["demand"] if day["demand"].any() else None)
        axis.set_title(name, loc="left", fontweight="bold")
        axis.set_ylabel("power, kW")
    for axis in axes[len(days) :]:
        axis.set_axis_off()
    _one_legend(panels[0][-1], axes)
    for axis in axes[max(len(days) - columns, 0) : len(days)]:  # the lowest of each column
        _hours(axis, run.result, edges, 9 // columns)
        axis.tick_params(labelbottom=True)
    return figure


def hours_figure(run: RecordedRun) -> Figure | None:
    """Draw by the hour: prices, transfers and their prices, what is stored; None where there is one period only."""
    found = [(_days(run.result.get(where), key), where, key, label) for where, key, label in PANELS]
    found = [panel for panel in found if panel[0] and (panel[2] != "energy" or _any(panel[0], "energy"))]
    if not found:
        return None
    edges = _edges(run.result, found[0][0])
    figure = new_figure(run, 0.9 + 2.0 * len(found))
    axes: list[Axes] = figure.subplots(len(found), 1, squeeze=False, sharex=True)[:, 0].tolist()
    for axis, (days, where, key, label) in zip(axes, found, strict=True):
        lines = {name: day[key] for name, day in days.items() if key != "energy" or day[key].any()}
        if key == "soc":  # of a moment, the others are means over a period
            draw_lines(axis, edges[:-1], lines, "storages", steps=False)
            axis.set_ylim(0.0, 1.0)
            axis.yaxis.set_major_formatter(PercentFormatter(1.0))
        else:
            draw_lines(axis, edges, {n: np.append(y, y[-1]) for n, y in lines.items()}, where.replace("_", "-"))
        tariff = next((day["tariff"] for day in days.values() if "tariff" in day), None)
        if key == "price" and tariff is not None and len(lines) <= LINES_MAX:
            axis.stairs(tariff, edges, baseline=None, color=GREYS["note"], linestyle=":", label="main grid's tariff")
        if min(values.min() for values in lines.values()) < 0.0:
            axis.axhline(0.0, color=OKABE_ITO["black"], linewidth=0.8, zorder=1)
        axis.set_ylabel(label)
        legend_beside(axis)
    _hours(axes[-1], run.result, edges)
    return figure


def settlement_figure(run: RecordedRun) -> Figure | None:
    """Draw what each microgrid gains against acting alone, and by what; of many, the gains alone, sorted.

    A gain is what the own cost is lower by, and what neighbours pay; None where it was not asked for or is not known.
    """
    table = run.result.get("settlement") or {}
    if not table or any(value is None for row in table.values() for value in row.values()):
        return None
    cost, payment, alone, gain = (
        np.array([row[key] for row in table.values()]) for key in ("cost", "payment", "alone", "gain")
    )
    if len(table) > BARS_MAX:
        figure = new_figure(run, 3.0)
        axis = figure.add_subplot()
        axis.stairs(np.sort(gain), np.arange(len(gain) + 1), fill=True, color=OKABE_ITO["green"], label="gain")
        axis.set_xlabel(f"{len(table)} microgrids, by gain")
        axis.set_ylabel("against acting alone, $")
        axis.set_xticks([])
        legend_beside(axis)
        return figure
    figure = new_figure(run, 5.0)
    above, below = figure.subplots(2, 1, sharex=True)
    place = np.arange(len(table))
    for offset, label, values, colour in (
        (-0.2, "own cost is\nlower by", alone - cost, "blue"),
        (0.2, "received from\nneighbours", -payment, "sky"),
    ):
        _labelled(above, place + offset, values, 0.38, color=OKABE_ITO[colour], label=label)
    _labelled(below, place, gain, 0.5, color=OKABE_ITO["green"], label="gain:\nthe sum of both")
    for axis in (above, below):
        axis.axhline(0.0, color=OKABE_ITO["black"], linewidth=0.8)
        axis.set_ylabel("against acting\nalone, $")
        legend_beside(axis)
    below.set_xticks(place, list(table), rotation=90 if len(table) > 12 else 0)
    return figure


def _labelled(axis: Axes, place: Any, values: Floats, width: float, **look: Any) -> None:
    """Bars with their values, where there is room for them."""
    bars = axis.bar(place, values, width, **look)
    if len(values) <= 8:
        axis.bar_label(bars, [f"{value:.2f}" for value in values], padding=2, fontsize=8)
    axis.margins(y=0.15)
    axis.grid(visible=False, axis="x")


def _days(table: Mapping[str, Mapping[str, Any]] | None, key: str = "demand") -> dict[str, Day]:
    """Every list over the periods, by row of a result's table; nothing where `key` is in no row such a list, known whole."""
    rows = {name: row for name, row in (table or {}).items() if isinstance(row.get(key), list)}
    lists = {name: {k: v for k, v in row.items() if isinstance(v, list)} for name, row in rows.items()}
    if any(value is None for row in lists.values() for values in row.values() for value in values):
        return {}
    return {name: {k: np.array(v, dtype=float) for k, v in row.items()} for name, row in lists.items()}


def _any(days: Mapping[str, Day], key: str) -> bool:
    return any(day[key].any() for day in days.values())


def _edges(result: Mapping[str, Any], days: Mapping[str, Day]) -> Floats:
    """When periods begin, and when the last ends: by the clock where there is one, else in h or, at worst, counted."""
    if periods := result.get("periods"):
        last = periods[-1]
        return np.array([period["start"] for period in periods] + [last["start"] + last["hours"]], dtype=float)
    count = len(next(iter(next(iter(days.values())).values())))
    return np.asarray(np.arange(count + 1) * float(result.get("period_hours") or 1.0))


def _hours(axis: Axes, result: Mapping[str, Any], edges: Floats, most: int = 9) -> None:
    """Name the hours below an axis: so many at most."""
    axis.set_xlim(edges[0], edges[-1])
    if not result.get("periods"):
        axis.xaxis.set_major_locator(MaxNLocator(nbins=most, integer=True, steps=[1, 2, 3, 6, 10]))
        axis.set_xlabel("hour" if result.get("period_hours") else "period")
        return
    span = edges[-1] - edges[0]
    step = next((s for s in (0.25, 0.5, 1, 2, 3, 4, 6, 12, 24) if span / s < most), 24 * np.ceil(span / 24 / most))
    axis.xaxis.set_major_locator(MultipleLocator(step))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda hour, _: clock_text(hour)))
    axis.set_xlabel("clock time, hh:mm")


def _one_legend(where: Axes, axes: Sequence[Axes]) -> None:
    """Put one legend beside a panel, with every label that any of them has: the load, and sources from the top."""
    found: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    order = [label for label, _ in SOURCES.values() if label in found][::-1]
    others = [label for label in found if label not in order]
    legend_beside(where, {label: found[label] for label in [*others, *order]})

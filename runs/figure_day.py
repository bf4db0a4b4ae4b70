"""Figures of a day: who serves each load, what is stored, what power costs and flows by hour, and who gains."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .figure_style import COLOURS, LINES_MAX, draw_lines, legend_beside, new_figure, stack_sources
from .folder_read import RecordedRun

__all__ = ["hours_figure", "schedule_figure", "settlement_figure"]

Floats = npt.NDArray[np.float64]

PANELS_MAX = 6
"""Microgrids beyond which their schedules are added up in one panel."""
BARS_MAX = 40
"""Microgrids beyond which a settlement is a sorted curve without names."""
SOURCES = {
    "generation": ("generation", "blue"),
    "PV": ("pv", "orange"),
    "storage (below 0: charging)": ("storage", "green"),
    "main grid (below 0: sold)": ("main_grid", "purple"),
    "neighbours (below 0: exported)": ("neighbours", "sky"),
}
"""By label, from the bottom: what it is called in a result, and its colour."""


def schedule_figure(run: RecordedRun) -> Figure | None:
    """Draw each microgrid's day stacked by source, against its load."""
    days = _days(run)
    if days is None:
        return None
    if len(days) > PANELS_MAX:
        total = {key: np.sum([day[key] for day in days.values()], axis=0) for key in next(iter(days.values()))}
        days = {f"all {len(days)} microgrids": total}
    figure = new_figure(run, 0.8 + 2.1 * len(days))
    edges, label = _edges(run, len(next(iter(days.values()))["demand"]))
    axes = _panels(figure, len(days), edges, label)
    for axis, (name, day) in zip(axes, days.items(), strict=True):
        stacked = {text: (day[key], colour) for text, (key, colour) in SOURCES.items() if key in day}
        stack_sources(axis, edges, stacked, day["demand"] if day["demand"].any() else None)
        axis.set_ylabel(f"{name}\npower, kW")
        legend_beside(axis)
    return figure


def hours_figure(run: RecordedRun) -> Figure | None:
    """Draw by hour: prices, with the main grid's tariff; transfers over tie-lines; energy in the batteries."""
    days = _days(run)
    if days is None:
        return None
    lines = run.result.get("tie_lines") or {}
    panels: list[tuple[str, str, dict[str, Floats]]] = [
        ("price λ, $/kWh", "microgrids", {name: day["price"] for name, day in days.items()})
    ]
    if lines:
        transfer = {name: np.array(row["transfer"], dtype=float) for name, row in lines.items()}
        panels.append(("transfer T, kW\n(A-B: positive from A to B)", "tie-lines", transfer))
    for key, what in (
        ("energy", "energy in the battery\nafter each period, kWh"),
        ("soc", "state of charge\nbefore each period"),
    ):
        stored = {name: day[key] for name, day in days.items() if key in day and day[key].any()}
        if stored:
            panels.append((what, "batteries", stored))
    figure = new_figure(run, 0.8 + 2.2 * len(panels))
    edges, label = _edges(run, len(next(iter(days.values()))["demand"]))
    tariff = next((day["tariff"] for day in days.values() if "tariff" in day), None)
    for axis, (what, plural, named) in zip(_panels(figure, len(panels), edges, label), panels, strict=True):
        draw_lines(axis, edges, {name: np.append(y, y[-1]) for name, y in named.items()}, plural, whole=True)
        if axis is figure.axes[0] and tariff is not None and len(named) <= LINES_MAX:
            axis.stairs(tariff, edges, baseline=None, color="#555555", linestyle=":", label="main grid's tariff")
        axis.set_ylabel(what)
        legend_beside(axis)
    return figure


def settlement_figure(run: RecordedRun) -> Figure | None:
    """Draw what each microgrid pays alone and together, and what it gains; for many, the gains alone, sorted."""
    table = run.result.get("settlement") or {}
    if not table or any(row[key] is None for row in table.values() for key in ("alone", "together", "gain")):
        return None
    names = list(table)
    gain, alone, together = (np.array([row[key] for row in table.values()]) for key in ("gain", "alone", "together"))
    if len(names) > BARS_MAX:
        figure = new_figure(run, 3.0)
        axis = figure.add_subplot()
        axis.stairs(np.sort(gain), np.arange(len(gain) + 1), fill=True, color=COLOURS["green"])
        axis.set_xlabel(f"{len(names)} microgrids, by gain")
        axis.set_ylabel("gain against\nacting alone, $")
        axis.grid(visible=False, axis="x")
        return figure
    figure = new_figure(run, 5.0)
    above, below = figure.subplots(2, 1, sharex=True)
    place = np.arange(len(names))
    above.bar(place - 0.2, alone, 0.38, color=COLOURS["orange"], label="alone")
    above.bar(place + 0.2, together, 0.38, color=COLOURS["blue"], label="together")
    above.set_ylabel("cost of the day, $")
    bars = below.bar(place, gain, 0.5, color=COLOURS["green"], label="gain")
    if len(names) <= 12:
        below.bar_label(bars, [f"{value:.2f}" for value in gain], padding=2, fontsize=9)
        below.margins(y=0.15)
    below.axhline(0.0, color="#000000", linewidth=0.8)
    below.set_ylabel("gain against\nacting alone, $")
    for axis in (above, below):
        axis.grid(visible=False, axis="x")
        legend_beside(axis)
    below.set_xticks(place, names, rotation=90 if len(names) > 12 else 0)
    return figure


def _days(run: RecordedRun) -> dict[str, dict[str, Floats]] | None:
    """By microgrid, every quantity of its day, (periods,); None where there is no day or it is not known whole."""
    days: dict[str, dict[str, Floats]] = {}
    for name, row in (run.result.get("microgrids") or {}).items():
        if not all(isinstance(values, list) and None not in values for values in row.values()):
            return None
        days[name] = {key: np.array(values, dtype=float) for key, values in row.items()}
        days[name]["neighbours"] = -days[name]["net_export"]
    return days or None


def _edges(run: RecordedRun, periods: int) -> tuple[Floats, str]:
    """(periods + 1,) where each period begins, by the clock if there is one, and what the axis is called."""
    hours, told = run.result.get("period_hours"), run.result.get("periods")
    start = told[0]["start"] if told else 0.0
    return start + np.arange(periods + 1) * (hours or 1.0), "period" if hours is None else "hour"


def _panels(figure: Figure, count: int, edges: Floats, label: str) -> list[Axes]:
    """Panels below each other that share an axis of time."""
    axes: Any = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    axes[0].set_xlim(edges[0], edges[-1])
    axes[0].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=13, steps=[1, 2, 3, 6, 10]))
    if label == "hour":
        axes[0].xaxis.set_major_formatter(lambda hour, _: f"{hour if hour <= 24 else hour - 24:g}")
    axes[-1].set_xlabel(label)
    return list(axes)

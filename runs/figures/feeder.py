"""The figure of a feeder: voltages within their limits, what lines carry, and what a kWh is worth along the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..common.palette import GREYS, OKABE_ITO
from ..record.files.folder_read import RecordedRun
from .style import legend_beside, new_figure

__all__ = ["feeder_figure"]

Floats = npt.NDArray[np.float64]

NAMED_MAX = 20
"""Bars beyond which names of lines or prosumers are left out, and dots take the place of stacked bars."""
FULL_MAX = 250
"""% of its limit, beyond which a line is drawn there."""
PARTS = (("energy", "sky"), ("loss", "orange"), ("congestion", "vermillion"), ("voltage", "purple"))


def feeder_figure(run: RecordedRun) -> Figure | None:
    """Draw voltage, line loading and DLMP over a feeder; None where the run has none, or no power flow exists.

    Of several periods, the one whose voltages come nearest to a limit is drawn.
    """
    feeder = run.result.get("feeder")
    if not feeder or any(v is None for row in feeder["with"]["voltage"] for v in row):
        return None
    voltage = np.array(feeder["with"]["voltage"], dtype=float)
    room = np.minimum(voltage - feeder["v_min"], feeder["v_max"] - voltage)[:, 1:].min(axis=1)
    period = int(np.argmin(room))
    figure = new_figure(run, 8.4)
    axes = [figure.add_subplot(3, 1, 1 + k) for k in range(3)]
    _voltages(axes[0], feeder, voltage[period], _without(feeder, "voltage", period))
    _lines(
        axes[1], feeder, np.array(feeder["with"]["line_kw"][period], dtype=float), _without(feeder, "line_kw", period)
    )
    _prices(axes[2], feeder, period)
    if len(voltage) > 1:
        axes[0].set_title(f"period {period}, that with the least room for voltages", loc="left", fontsize=9)
    return figure


def _without(feeder: dict[str, Any], what: str, period: int) -> Floats | None:
    """What would flow without the network operator; None where that is not known."""
    values = feeder["without"][what][period] if feeder.get("without") else [None]
    return None if None in values else np.array(values, dtype=float)


def _voltages(axis: Axes, feeder: dict[str, Any], voltage: Floats, without: Floats | None) -> None:
    """Voltage over the resistance from the source, lines between the buses that they join, and the limits."""
    far = np.array(feeder["distance_ohm"])
    size = 3.5 if len(far) <= NAMED_MAX else 2.0
    entries: dict[str, Any] = {}
    for values, label, colour in (
        (without, "without the network\noperator", GREYS["mark"]),
        (voltage, "bus", OKABE_ITO["blue"]),
    ):
        if values is None:
            continue
        for k, parent in enumerate(feeder["parent"]):
            ends = [parent, k + 1]
            axis.plot(far[ends], values[ends], color=colour, linewidth=1.2)
        name = f"{label}: {values.min():.4f}\nto {values.max():.4f}"
        (entries[name],) = axis.plot(far, values, color=colour, marker="o", markersize=size, linestyle="none")
    shown = [voltage] if without is None else [voltage, without]
    low, high = min(map(np.min, shown)), max(map(np.max, shown))
    for limit in (feeder["v_min"], feeder["v_max"]):
        # A limit that is far away would flatten everything.
        if low - 0.5 * (high - low) <= limit <= high + 0.5 * (high - low):
            look: Any = {"color": OKABE_ITO["vermillion"], "linestyle": (0, (5, 3))}
            (entries["limit"],) = axis.plot([0, far.max()], [limit] * 2, **look)
    if len(far) <= NAMED_MAX:
        for k, bus in enumerate(feeder["buses"]):
            axis.annotate(bus, (far[k], voltage[k]), xytext=(3, 4), textcoords="offset points", fontsize=8)
    axis.use_sticky_edges = False
    axis.margins(y=0.12)
    axis.set_ylabel("voltage, pu")
    axis.set_xlabel("resistance from the source, Ω")
    legend_beside(axis, entries)


def _lines(axis: Axes, feeder: dict[str, Any], power: Floats, without: Floats | None) -> None:
    """Power of each line, away from the source upwards, and the limits; of many lines that all have one, how full they are."""
    place = np.arange(len(power))
    limit = np.array([np.inf if kw is None else kw for kw in feeder["limit_kw"]], dtype=float)
    at = np.abs(power) >= limit * (1 - 1e-6)
    full = len(power) > NAMED_MAX and bool(np.isfinite(limit).all())
    if full:
        power = 100.0 * np.abs(power) / limit
        without = None if without is None else 100.0 * np.abs(without) / limit
        limit = np.full(len(power), 100.0)
    entries: dict[str, Any] = {"line": axis.bar(place, power, 0.8, color=OKABE_ITO["sky"])}
    if at.any():
        entries["at its limit"] = axis.bar(place[at], power[at], 0.8, color=OKABE_ITO["vermillion"])
    every = np.abs(power)
    if without is not None:
        marks: Any = {"linestyle": "none", "color": GREYS["mark"], "markersize": 5 if len(power) <= NAMED_MAX else 3.5}
        beyond = without > FULL_MAX if full else np.zeros(len(without), dtype=bool)
        shown = np.where(beyond, FULL_MAX, without)
        (entries["without the network\noperator"],) = axis.plot(place[~beyond], shown[~beyond], marker="D", **marks)
        if beyond.any():
            (entries[f"the same, beyond {FULL_MAX} %"],) = axis.plot(place[beyond], shown[beyond], marker="^", **marks)
        every = np.maximum(every, np.abs(shown))
    # A limit that is far away would flatten everything.
    near = np.isfinite(limit) & (limit <= 2.0 * every.max(initial=1.0))
    for side in ((limit,) if full else (limit, -limit)) if near.any() else ():
        ends = place[near] - 0.5, place[near] + 0.5
        entries["limit"] = axis.hlines(side[near], *ends, color=OKABE_ITO["black"], linewidth=1.2)
    axis.axhline(0.0, color=OKABE_ITO["black"], linewidth=0.6)
    axis.set_ylabel("loading of lines, %" if full else "active power, kW\n(away from the source)")
    _name(axis, feeder["lines"], "lines, in the order of the feeder")
    legend_beside(axis, entries)


def _prices(axis: Axes, feeder: dict[str, Any], period: int) -> None:
    """DLMP of each prosumer in the order of its distance, stacked by parts; of many, as dots over that distance."""
    ports = {name: port for name, port in feeder["ports"].items() if port["dlmp"] is not None}
    if not ports:
        axis.set_axis_off()
        return
    far = dict(zip(feeder["buses"], feeder["distance_ohm"], strict=True))
    names = sorted(ports, key=lambda name: (far[ports[name]["bus"]], list(ports).index(name)))
    table = {part: np.array([ports[name][part][period] for name in names]) for part, _ in PARTS}
    total = np.array([ports[name]["dlmp"][period] for name in names])
    axis.set_ylabel("worth of a kWh fed in\n(DLMP), $/kWh")
    if len(names) > NAMED_MAX:
        where = [far[ports[name]["bus"]] for name in names]
        for part, colour in PARTS:
            if np.abs(table[part]).max() > 1e-9:
                axis.plot(where, table[part], ".", color=OKABE_ITO[colour], markersize=4, label=part)
        axis.plot(where, total, "o", color=OKABE_ITO["black"], markersize=3.5, fillstyle="none", label="DLMP")
        axis.set_xlabel("resistance from the source to the prosumer, Ω")
    else:
        up, down = np.zeros(len(names)), np.zeros(len(names))
        for part, colour in PARTS:
            values = table[part]
            if np.abs(values).max() > 1e-9:
                axis.bar(
                    range(len(names)), values, 0.7, np.where(values > 0, up, down), color=OKABE_ITO[colour], label=part
                )
            up, down = up + np.maximum(values, 0.0), down + np.minimum(values, 0.0)
        axis.plot(range(len(names)), total, "D", color=OKABE_ITO["black"], markersize=5, label="DLMP")
        _name(axis, [f"{name}\n(bus {ports[name]['bus']})" for name in names], "prosumers, by distance")
    axis.axhline(0.0, color=OKABE_ITO["black"], linewidth=0.6)
    legend_beside(axis)


def _name(axis: Axes, names: list[str], what: str) -> None:
    axis.grid(visible=False, axis="x")
    axis.set_xlim(-0.6, len(names) - 0.4)
    if len(names) > NAMED_MAX:
        axis.set_xticks([])
        axis.set_xlabel(f"{len(names)} {what}")
    else:
        axis.set_xticks(range(len(names)), names, fontsize=9)

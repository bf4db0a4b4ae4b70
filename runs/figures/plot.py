"""Figures of a run for papers: prices, residuals, messages, and the solution or the day, as PNG or PDF."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation

from ..common.errors import RunError
from ..common.palette import OKABE_ITO
from ..record.files.folder_read import PRICE_UNIT, RecordedRun
from .day import hours_figure, schedule_figure, settlement_figure
from .feeder import feeder_figure
from .solution import solution_figure
from .style import MARKS_MAX, draw_lines, legend_beside, openings, style, time_axes
from .trades import trades_figure

__all__ = ["draw_figures", "messages_figure", "prices_figure", "residuals_figure", "solution_figure"]

Floats = npt.NDArray[np.float64]

ZERO = 1e-16
"""The lowest that a log axis goes."""
RESTLESS = ("OSCILLATING", "DIVERGED", "INFEASIBLE")
"""Outcomes whose end is also drawn enlarged."""


def draw_figures(run: RecordedRun, folder: Path, kind: str = "png") -> list[Path]:
    """Write all figures that a run has data for.

    Parameters
    ----------
    run
    folder : made if need be
    kind : ``"png"`` or ``"pdf"``

    Returns
    -------
    the files written

    Raises
    ------
    RunError
        The folder cannot be written, or the run has nothing to show.
    """
    drawers: dict[str, Callable[[RecordedRun], Figure | None]] = {
        "prices": prices_figure,
        "residuals": residuals_figure,
        "messages": messages_figure,
        "solution": solution_figure,
        "feeder": feeder_figure,
        "trades": trades_figure,
        "schedule": schedule_figure,
        "hours": hours_figure,
        "settlement": settlement_figure,
    }
    written = []
    with style():
        for name, draw in drawers.items():
            figure = draw(run)
            if figure is not None:
                written.append(_save(figure, folder / f"{name}.{kind}", kind))
    if not written:
        raise RunError(f"{run.path}: the run ended before its first tick; there is nothing to draw")
    return written


def _save(figure: Figure, file: Path, kind: str) -> Path:
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    # The date of drawing would make two drawings of one run differ.
    metadata: dict[str, Any] = {"CreationDate": None} if kind == "pdf" else {}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            figure.savefig(partial, format=kind, metadata=metadata)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"{file.parent}: cannot be written: {error.strerror or error}") from None
    return file


_PRICES = {
    "price": ("price λ", "microgrids"),
    "transfer_price": ("transfer price μ", "tie-lines"),
    "network_price": ("price at the connection", "connections"),
    "trade_price": ("trade price", "trades"),
}
"""What prices are called on an axis, and what of, by the head of their column."""


def prices_figure(run: RecordedRun) -> Figure | None:
    """Draw the prices of all balances over ticks, a row for each kind; None where they were not recorded."""
    lines = {name: values for name, values in run.prices.items() if name.endswith(PRICE_UNIT)}
    if not lines or len(run.prices["tick"]) < 2:
        return None
    periods = int(run.prices["period"].max()) + 1
    means = {name.removesuffix(PRICE_UNIT): values.reshape(-1, periods).mean(axis=1) for name, values in lines.items()}
    tick = run.prices["tick"][::periods]
    # Prices hold until the next round, and the last until the end.
    tick = np.append(tick, run.result["ticks"])
    means = {name: np.append(values, values[-1]) for name, values in means.items()}
    parts = []
    for head in dict.fromkeys(name.partition(".")[0] for name in means):
        label, what = _PRICES.get(head, (head.replace("_", " "), "balances"))
        named = {name.partition(".")[2]: y for name, y in means.items() if name.partition(".")[0] == head}
        parts.append((f"{label}, $/kWh", what, named))
    figure, table = time_axes(run, len(parts), zoom=_restless(run))
    settled = _settled(run, tick)
    for row, (label, what, named) in zip(table, parts, strict=True):
        for axis in row:
            draw_lines(axis, tick, named, what, settled=settled)
        row[0].set_ylabel(label if periods == 1 else f"{label}\n(mean of {periods} periods)")
        _finish(row)
    return figure


def _settled(run: RecordedRun, tick: Floats) -> npt.NDArray[np.bool_]:
    """Which rows are not among the first of a run, or of a period that has just opened."""
    opened = [first for first, _ in openings(run.result)]
    if not opened:
        return np.arange(len(tick)) >= len(tick) // 10
    ends = np.append(opened[1:], run.result["ticks"])
    period = np.searchsorted(opened, tick, side="right") - 1
    return np.asarray(tick - np.array(opened)[period] >= (ends - opened)[period] / 2.0)


def residuals_figure(run: RecordedRun) -> Figure | None:
    """Draw residuals, and how far the cost is from that of the optimum of this very market, on a log axis.

    Both costs are without regularising terms. Zeros lie on the floor of the axis.
    """
    metrics = run.metrics
    if not metrics or len(metrics["tick"]) < 2:
        return None
    lines = {
        "primal residual, kW": metrics["primal_residual_kw"],
        "dual residual, $/kWh": metrics["dual_residual_usd_per_kwh"],
        "price disagreement, $/kWh": metrics["price_disagreement_usd_per_kwh"],
    }
    best = _optimum(run, metrics["tick"])
    if best is not None:
        whose = "each period's\noptimum" if openings(run.result) else "the\ncentral optimum's"
        lines[f"cost against {whose}, relative"] = np.abs(metrics["cost_usd_per_h"] - best) / np.maximum(
            np.abs(best), 1.0
        )
    figure, (row,) = time_axes(run, 1, zoom=_restless(run))
    figure.set_figheight(figure.get_figheight() + 0.8)
    floor = _floor(list(lines.values()))
    opened = len(openings(run.result))
    thin = 1.0 if opened <= 1 else 0.6 if opened <= MARKS_MAX else 0.3
    looks = (("blue", 2.2), ("vermillion", 1.0), ("purple", 1.6), ("black", 0.9))
    for axis in row:
        for (label, values), (colour, width) in zip(lines.items(), looks, strict=False):
            if not label.startswith("price") or np.nan_to_num(values).any():
                axis.plot(
                    metrics["tick"],
                    np.maximum(values, floor),
                    color=OKABE_ITO[colour],
                    linewidth=thin * width,
                    label=label,
                )
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(LogFormatterSciNotation())
    row[0].set_ylabel("residual; distance")
    _finish(row)
    return figure


def _optimum(run: RecordedRun, tick: Floats) -> Floats | None:
    """(ticks,) $/h: the cost at the optimum of what is negotiated then; None where it is not known."""
    opened = openings(run.result)
    if not opened:
        best = run.result.get("optimum_cost")
        return None if best is None else np.full(len(tick), best)
    each = [period.get("optimum_cost") for period in run.result["periods"]]
    if any(cost is None for cost in each):
        return None
    return np.array(each, dtype=float)[np.searchsorted([first for first, _ in opened], tick, side="right") - 1]


def _floor(lines: list[Floats]) -> float:
    """Where zeros are drawn on a log axis: a decade below everything else, and not below what rounding leaves."""
    values = np.concatenate(lines)
    positive = values[np.isfinite(values) & (values > 0.0)]
    return max(ZERO, float(10.0 ** np.floor(np.log10(positive.min()) - 1.0))) if positive.size else ZERO


def _restless(run: RecordedRun) -> bool:
    """Tell whether a run went on for long without an end, so that it is a blur as a whole."""
    return run.result["outcome"] in RESTLESS and run.result["ticks"] > 300


def _finish(row: list[Axes]) -> None:
    """Give the axis of the last ticks the scale of the whole run, and the row its legend."""
    if len(row) > 1:
        row[1].set_ylim(row[0].get_ylim())
        row[1].tick_params(labelleft=False)
        row[1].set_title("", loc="right")
    legend_beside(row[-1])


def messages_figure(run: RecordedRun) -> Figure | None:
    """Draw messages per tick by what became of them, averaged over so many ticks that a hundred bars remain."""
    ticks = int(run.result["ticks"])
    if ticks < 1 or not run.messages:
        return None
    # Even, since a round is two ticks and would show as teeth.
    width = 1 if ticks <= 60 else 2 * -(-ticks // 160)
    # The last bar takes what is left over: an average over a tick or two alone would stick out.
    edges = np.append(np.arange(0, max(ticks - width + 1, 1), width), ticks)
    figure, ((axis,),) = time_axes(run, 1)
    figure.set_figheight(figure.get_figheight() + 0.6)
    bottom = np.zeros(len(edges) - 1)
    for fate, colour in (
        ("delivered", "sky"),
        ("stale", "green"),
        ("lost", "vermillion"),
        ("stopped", "purple"),
        ("refused", "yellow"),
    ):
        height = _per_tick(run, (fate,), edges)
        if height.any():
            axis.bar(edges[:-1], height, np.diff(edges), bottom, align="edge", color=OKABE_ITO[colour], label=fate)
            bottom += height
    for label, fates, colour, dash in (
        ("sent and copied", ("sent", "copied"), "black", "-"),
        ("of these, delayed", ("late",), "orange", "-"),
    ):
        values = _per_tick(run, fates, edges)
        if values.any():
            axis.stairs(values, edges, color=OKABE_ITO[colour], linestyle=dash, linewidth=1.2, label=label)
    axis.set_ylabel("messages per tick" + (f"\n(mean of {width} ticks)" if width > 1 else ""))
    axis.set_ylim(bottom=0)
    legend_beside(axis)
    return figure


def _per_tick(run: RecordedRun, fates: tuple[str, ...], edges: Floats) -> Floats:
    chosen = [(tick, count) for tick, fate, count in run.messages if fate in fates]
    if not chosen:
        return np.zeros(len(edges) - 1)
    tick, count = np.array(chosen, dtype=float).T
    return np.asarray(np.histogram(tick, edges, weights=count)[0] / np.diff(edges))

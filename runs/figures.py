"""Figures of a run for papers: prices, residuals, messages and the solution, as PNG or PDF."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, MaxNLocator

from .errors import RunError
from .figure_style import COLOURS, draw_lines, legend_beside, new_figure, style, time_axes
from .folder_read import PRICE_UNIT, RecordedRun

__all__ = ["draw_figures", "messages_figure", "prices_figure", "residuals_figure", "solution_figure"]

Floats = npt.NDArray[np.float64]

ZERO = 1e-16
"""Where a zero is drawn on a log axis."""
RESTLESS = ("OSCILLATING", "DIVERGED", "INFEASIBLE")
"""Outcomes whose end is also drawn enlarged."""
NAMED_MAX = 40
"""Bars beyond which their names are left out, and they are sorted instead."""


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


def prices_figure(run: RecordedRun) -> Figure | None:
    """Draw prices by microgrid and transfer prices by tie-line over ticks; None where they were not recorded."""
    lines = {name: values for name, values in run.prices.items() if name.endswith(PRICE_UNIT)}
    if not lines or len(run.prices["tick"]) < 2:
        return None
    periods = int(run.prices["period"].max()) + 1
    means = {name.removesuffix(PRICE_UNIT): values.reshape(-1, periods).mean(axis=1) for name, values in lines.items()}
    tick = run.prices["tick"][::periods]
    # Prices hold until the next round, and the last until the end.
    tick = np.append(tick, run.result["ticks"])
    means = {name: np.append(values, values[-1]) for name, values in means.items()}
    parts = [
        (label, what, {name.removeprefix(head): y for name, y in means.items() if name.startswith(head)})
        for label, what, head in (
            ("price λ, $/kWh", "microgrids", "price."),
            ("transfer price μ, $/kWh", "tie-lines", "transfer_price."),
        )
    ]
    parts = [part for part in parts if part[2]]
    figure, table = time_axes(run, len(parts), zoom=_restless(run))
    for row, (label, what, named) in zip(table, parts, strict=True):
        for axis in row:
            draw_lines(axis, tick, named, what)
        row[0].set_ylabel(label if periods == 1 else f"{label}\n(mean of {periods} periods)")
        _finish(row)
    return figure


def residuals_figure(run: RecordedRun) -> Figure | None:
    """Draw residuals and the gap to the central optimum on a log axis; zeros lie on its floor."""
    metrics = run.metrics
    if not metrics or len(metrics["tick"]) < 2:
        return None
    lines = {
        "primal residual, kW": metrics["primal_residual_kw"],
        "dual residual, $/kWh": metrics["dual_residual_usd_per_kwh"],
        "price disagreement, $/kWh": metrics["price_disagreement_usd_per_kwh"],
    }
    best = run.result.get("reference_cost")
    if best is not None:
        lines["gap to the market without\nregularising terms, relative"] = np.abs(
            metrics["cost_usd_per_h"] - best
        ) / max(abs(best), 1.0)
    figure, (row,) = time_axes(run, 1, zoom=_restless(run))
    figure.set_figheight(figure.get_figheight() + 0.8)
    looks = (("blue", 2.2), ("vermillion", 1.0), ("purple", 1.6), ("black", 0.9))
    for axis in row:
        for (label, values), (colour, width) in zip(lines.items(), looks, strict=False):
            if not label.startswith("price") or np.nan_to_num(values).any():
                y = np.maximum(values, ZERO)
                axis.plot(metrics["tick"], y, color=COLOURS[colour], linewidth=width, label=label)
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(LogFormatterSciNotation())
    row[0].set_ylabel("residual; gap")
    _finish(row)
    return figure


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
            axis.bar(edges[:-1], height, np.diff(edges), bottom, align="edge", color=COLOURS[colour], label=fate)
            bottom += height
    for label, fates, colour, dash in (
        ("sent and copied", ("sent", "copied"), "black", "-"),
        ("of these, delayed", ("late",), "orange", "-"),
    ):
        values = _per_tick(run, fates, edges)
        if values.any():
            axis.stairs(values, edges, color=COLOURS[colour], linestyle=dash, linewidth=1.2, label=label)
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


def solution_figure(run: RecordedRun) -> Figure | None:
    """Draw supply by source beside use, by microgrid or, with several periods, by period; and the transfers."""
    microgrids, lines = run.result.get("microgrids"), run.result.get("tie_lines")
    if not microgrids or any(row.get("demand") is None for row in microgrids.values()):
        return None
    table = {key: _column(microgrids, key) for key in ("demand", "generation", "pv", "net_export")}
    if not all(np.isfinite(values).all() for values in table.values()):
        return None
    figure = new_figure(run, 6.0 if lines else 3.6)
    axes = [figure.add_subplot(2 if lines else 1, 1, 1 + k) for k in range(2 if lines else 1)]
    if table["demand"].shape[1] > 1:
        _schedule(axes, table, _column(microgrids, "price"))
        return figure
    _balances(axes[0], list(microgrids), {key: values[:, 0] for key, values in table.items()})
    if lines:
        _transfers(axes[1], list(lines), _column(lines, "transfer")[:, 0])
    return figure


def _column(table: dict[str, dict[str, Any]], key: str) -> Floats:
    """(rows, periods): one quantity of the solution; what is not there is 0."""
    return np.array([np.atleast_1d(row.get(key, 0.0)) for row in table.values()], dtype=float)


def _balances(axis: Axes, names: list[str], table: dict[str, Floats]) -> None:
    """Two bars a microgrid: where power comes from, and where it goes."""
    if len(names) > NAMED_MAX:
        order = np.argsort(table["net_export"])
        table = {key: values[order] for key, values in table.items()}
    place, exported = np.arange(len(names)), table["net_export"]
    supply = [
        ("PV", table["pv"], "orange"),
        ("generation", table["generation"], "blue"),
        ("import", np.maximum(-exported, 0.0), "sky"),
    ]
    use = [("demand", table["demand"], "vermillion"), ("export", np.maximum(exported, 0.0), "green")]
    for offset, parts in ((-0.2, supply), (0.2, use)):
        bottom = np.zeros(len(names))
        for label, height, colour in parts:
            axis.bar(place + offset, height, 0.38, bottom, color=COLOURS[colour], label=label)
            bottom += height
    _name_bars(axis, names, "microgrids, by net export")
    axis.set_ylim(0, 1.05 * max(table["pv"] + table["generation"] + np.maximum(-exported, 0.0)))
    axis.set_ylabel("power, kW\n(left: supply, right: use)")
    legend_beside(axis)


def _transfers(axis: Axes, names: list[str], transfer: Floats) -> None:
    if len(names) > NAMED_MAX:
        transfer = np.sort(transfer)
    axis.bar(np.arange(len(names)), transfer, 0.7, color=COLOURS["blue"])
    axis.axhline(0.0, color="#000000", linewidth=0.8)
    _name_bars(axis, names, "tie-lines, by transfer")
    axis.use_sticky_edges = False
    axis.margins(y=0.08)
    axis.set_ylabel("transfer T, kW\n(A-B: positive from A to B)")


def _name_bars(axis: Axes, names: list[str], what: str) -> None:
    axis.grid(visible=False, axis="x")
    axis.set_xlim(-0.6, len(names) - 0.4)
    if len(names) > NAMED_MAX:
        axis.set_xticks([])
        axis.set_xlabel(f"{len(names)} {what}")
        return
    upright = len(names) > 12 or max(map(len, names)) > 8
    axis.set_xticks(range(len(names)), names, rotation=90 if upright else 0, fontsize=8 if upright else 10)


def _schedule(axes: list[Axes], table: dict[str, Floats], price: Floats) -> None:
    """Everybody's power by source over the periods, and the prices below."""
    total = {key: values.sum(axis=0) for key, values in table.items()}
    period = np.arange(len(total["demand"]))
    bottom = np.zeros(len(period))
    for label, key, colour in (("PV", "pv", "orange"), ("generation", "generation", "blue")):
        axes[0].bar(period, total[key], 1.0, bottom, color=COLOURS[colour], label=label)
        bottom += total[key]
    edges = np.arange(len(period) + 1) - 0.5
    axes[0].stairs(total["demand"], edges, color=COLOURS["vermillion"], linewidth=1.8, baseline=None, label="demand")
    axes[0].set_ylabel("power of all microgrids, kW")
    legend_beside(axes[0])
    if len(axes) > 1:
        low, middle, high = np.percentile(price, (0, 50, 100), axis=0)
        axes[1].fill_between(
            edges,
            np.append(low, low[-1]),
            np.append(high, high[-1]),
            step="post",
            color="#bbbbbb",
            label="all microgrids",
        )
        axes[1].stairs(middle, edges, color="#000000", baseline=None, label="median")
        axes[1].set_ylabel("price λ, $/kWh")
        legend_beside(axes[1])
    for axis in axes:
        axis.set_xlim(edges[0], edges[-1])
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[-1].set_xlabel("period")

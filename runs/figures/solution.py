"""The figure of a solution of one period: supply and use by microgrid, and transfers over tie-lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..common.palette import OKABE_ITO
from ..record.files.folder_read import RecordedRun
from .style import legend_beside, new_figure

__all__ = ["solution_figure"]

Floats = npt.NDArray[np.float64]

NAMED_MAX = 40
"""Bars beyond which their names are left out, and they are sorted instead."""


def solution_figure(run: RecordedRun) -> Figure | None:
    """Draw supply by source beside use, by microgrid, and the transfers; None where there are several periods."""
    microgrids, lines = run.result.get("microgrids"), run.result.get("tie_lines")
    if not microgrids or any(row.get("demand") is None for row in microgrids.values()):
        return None
    table = {key: _column(microgrids, key) for key in ("demand", "generation", "pv", "net_export")}
    if table["demand"].shape[1] > 1 or not all(np.isfinite(values).all() for values in table.values()):
        return None
    figure = new_figure(run, 6.0 if lines else 3.6)
    axes = [figure.add_subplot(2 if lines else 1, 1, 1 + k) for k in range(2 if lines else 1)]
    _balances(axes[0], list(microgrids), {key: values[:, 0] for key, values in table.items()})
    if lines:
        _transfers(axes[1], list(lines), _column(lines, "transfer")[:, 0])
    return figure


def _column(table: dict[str, dict[str, Any]], key: str) -> Floats:
    """(rows, periods): one quantity of the solution; what is not there is 0."""
    return np.array([np.atleast_1d(row.get(key, 0.0)) for row in table.values()], dtype=float)


def _balances(axis: Axes, names: list[str], table: dict[str, Floats]) -> None:
    """Two bars a microgrid: where power comes from, and where it goes; for many, a line for what is used."""
    many = len(names) > NAMED_MAX
    if many:
        order = np.argsort(table["demand"])
        table = {key: values[order] for key, values in table.items()}
    place, exported = np.arange(len(names)), table["net_export"]
    supply = [
        ("PV", table["pv"], "orange"),
        ("generation", table["generation"], "blue"),
        ("import", np.maximum(-exported, 0.0), "sky"),
    ]
    use = [("demand", table["demand"], "vermillion"), ("export", np.maximum(exported, 0.0), "green")]
    for offset, parts in ((-0.2, supply), (0.2, [] if many else use)):
        bottom = np.zeros(len(names))
        for label, height, colour in parts:
            _bars(axis, place + offset * (not many), height, 0.38, bottom, color=OKABE_ITO[colour], label=label)
            bottom += height
    if many:
        edges = np.arange(len(names) + 1) - 0.5
        axis.stairs(table["demand"], edges, baseline=None, color=OKABE_ITO["black"], linewidth=1.0, label="demand")
    _name_bars(axis, names, "microgrids, by demand")
    axis.set_ylim(0, 1.05 * max(table["pv"] + table["generation"] + np.maximum(-exported, 0.0)))
    axis.set_ylabel("power, kW" if many else "power, kW\n(left: supply, right: use)")
    legend_beside(axis)


def _bars(axis: Axes, place: Any, height: Floats, width: float, bottom: Floats | float, **look: Any) -> None:
    """Bars; many of them without gaps, which would be narrower than a dot and come and go."""
    if len(place) <= NAMED_MAX:
        axis.bar(place, height, width, bottom, **look)
    else:
        axis.stairs(bottom + height, np.append(place - 0.5, place[-1] + 0.5), baseline=bottom, fill=True, **look)


def _transfers(axis: Axes, names: list[str], transfer: Floats) -> None:
    if len(names) > NAMED_MAX:
        transfer = np.sort(transfer)
    _bars(axis, np.arange(len(names)), transfer, 0.7, 0.0, color=OKABE_ITO["blue"])
    axis.axhline(0.0, color=OKABE_ITO["black"], linewidth=0.8)
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

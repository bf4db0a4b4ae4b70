"""The figure of trades on a network: how much each pair of agents trades, and what each trade pays for the network."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..record.files.folder_read import RecordedRun
from .style import new_figure

__all__ = ["trades_figure"]

NAMED_MAX = 24
"""Prosumers beyond which their names are left out."""


def trades_figure(run: RecordedRun) -> Figure | None:
    """Draw the trade matrix, and the price that the buyer of each trade pays beyond the seller's; None where there is none."""
    trades = (run.result.get("usage") or {}).get("trades")
    if not trades:
        return None
    names = [name for name in run.result["microgrids"] if any(name in (t["seller"], t["buyer"]) for t in trades)]
    place = {name: k for k, name in enumerate(names)}
    power, charge = np.full((2, len(names), len(names)), np.nan)
    for trade in trades:
        cell = place[trade["seller"]], place[trade["buyer"]]
        power[cell], charge[cell] = trade["kw"], 100.0 * trade["charge"] / trade["kw"]
    figure = new_figure(run, 3.8)
    most = max(float(np.nanmax(np.abs(charge))), 1e-3)
    parts: tuple[tuple[Any, str, dict[str, Any]], ...] = (
        (power, "trade, kW", {"cmap": "viridis_r", "vmin": 0.0}),
        (charge, "network usage charge, ct/kWh", {"cmap": "RdBu_r", "vmin": -most, "vmax": most}),
    )
    for k, (matrix, label, look) in enumerate(parts):
        axis = figure.add_subplot(1, 2, 1 + k)
        image = axis.imshow(matrix, interpolation="nearest", **look)
        figure.colorbar(image, ax=axis, label=label, shrink=0.75)
        _name(axis, names, first=k == 0)
    return figure


def _name(axis: Axes, names: list[str], *, first: bool) -> None:
    axis.grid(visible=False)
    axis.set_xlabel("buyer")
    if first:
        axis.set_ylabel("seller")
    ticks: dict[str, Any] = {"fontsize": 8 if len(names) > 8 else 10}
    if len(names) > NAMED_MAX:
        axis.set_xticks([])
        axis.set_yticks([])
        return
    axis.set_xticks(range(len(names)), names, rotation=90 if len(names) > 8 else 0, **ticks)
    axis.set_yticks(range(len(names)), names, **ticks)

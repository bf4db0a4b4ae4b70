"""A progress bar on stderr: only on a terminal, and only for runs that last."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ..simulation.day import Day
from ..simulation.simulation import Simulation

__all__ = ["RunProgress"]

WAIT_SECONDS = 1.0
"""Shorter runs show nothing: a bar that flashes by only disturbs."""
REDRAW_SECONDS = 0.1
PRICES_MAX = 3


class RunProgress:
    """Ticks done, round, residual, and the prices where there are few; gone when the run is over.

    Parameters
    ----------
    ticks : at most so many
    console : of stderr
    wanted : False for none at all
    """

    def __init__(self, ticks: int, console: Console, *, wanted: bool = True) -> None:
        self._ticks = ticks
        self._on = wanted and console.is_terminal
        self._due = time.monotonic() + WAIT_SECONDS
        self._started = False
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[where]}"),
            BarColumn(bar_width=20),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            refresh_per_second=1 / REDRAW_SECONDS,
        )
        self._task = self._bar.add_task("", total=ticks, where="")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._started:
            self._bar.stop()

    def watch(self, simulation: Simulation) -> None:
        """Show a tick, unless the last one shown is too recent."""
        self.tell(lambda: _state(simulation), simulation.tick, simulation.day)

    def tell(self, what: Callable[[], str], tick: int, day: Day | None = None) -> None:
        """Show some words with a tick, or the period of a day, unless the last ones shown are too recent."""
        if not self._on or time.monotonic() < self._due:
            return
        self._due = time.monotonic() + REDRAW_SECONDS
        if day is None:
            self._show(what(), f"tick {tick} of at most {self._ticks}", tick / self._ticks)
        else:
            periods = len(day.clock.periods)
            self._show(what(), f"period {day.number + 1} of {periods}, tick {tick}", day.number / periods)

    def judging(self) -> None:
        """Show that the negotiation is over and the certificate and the central optimum are being found."""
        if self._started:
            self._show("judging the outcome", "negotiated", 1.0)

    def _show(self, description: str, where: str, done: float) -> None:
        if not self._started:
            self._bar.start()
            self._started = True
        self._bar.update(self._task, completed=done * self._ticks, where=where, description=description)


def _state(simulation: Simulation) -> str:
    latest, price = simulation.observer.latest, simulation.state.price
    text = f"round {int(simulation.state.round.min())}, residual {latest['primal_residual']:.1e} kW"
    if price.size <= PRICES_MAX and np.isfinite(price).all():
        text += ", price " + " ".join(f"{value:.4f}" for value in price.ravel())
    return text

"""The progress of a run: its listeners, and a bar on stderr, shown on a terminal alone and for long runs alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from ..simulation.day import Day
from ..simulation.simulation import Simulation

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

__all__ = ["Progress", "RunProgress"]

WAIT_SECONDS = 1.0
"""Shorter runs show nothing: a bar that flashes by only disturbs."""
REDRAW_SECONDS = 0.1
PRICES_MAX = 3


class Progress(Protocol):
    """A listener to a run's progress: entered before the first tick, and left when the run is judged or has failed."""

    def __enter__(self) -> object:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """End; an error goes on."""

    def watch(self, simulation: Simulation, /) -> None:
        """Hear that a tick has ended."""

    def judging(self) -> None:
        """Hear that the negotiation is over and the certificate and the central optimum are being found."""


class RunProgress:
    """Ticks done, round, residual, and the prices where there are few; gone when the run is over.

    Parameters
    ----------
    ticks : at most so many
    console : by default that of stderr
    wanted : False for none at all
    """

    def __init__(self, ticks: int, console: Console | None = None, *, wanted: bool = True) -> None:
        if wanted and console is None:
            from rich.console import Console  # here: a run without a bar does without rich

            console = Console(stderr=True)
        self._ticks = ticks
        self._console = console if wanted and console is not None and console.is_terminal else None
        self._due = time.monotonic() + WAIT_SECONDS
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def watch(self, simulation: Simulation) -> None:
        """Show a tick, unless the last one shown is too recent."""
        self.tell(lambda: _state(simulation), simulation.tick, simulation.day)

    def tell(self, what: Callable[[], str], tick: int, day: Day | None = None) -> None:
        """Show some words with a tick, or the period of a day, unless the last ones shown are too recent."""
        if self._console is None or time.monotonic() < self._due:
            return
        self._due = time.monotonic() + REDRAW_SECONDS
        if self._bar is None:
            self._bar = _bar(self._console)
            self._bar.add_task("", total=1.0, where="")
            self._bar.start()
        if day is None:
            self._show(self._bar, what(), f"tick {tick} of at most {self._ticks}", tick / self._ticks)
        else:
            periods = len(day.clock.periods)
            self._show(self._bar, what(), f"period {day.number + 1} of {periods}, tick {tick}", day.number / periods)

    def judging(self) -> None:
        """Show that the negotiation is over and the certificate and the central optimum are being found."""
        if self._bar is not None:
            self._show(self._bar, "judging the outcome", "negotiated", 1.0)

    @staticmethod
    def _show(bar: Bar, description: str, where: str, done: float) -> None:
        bar.update(bar.task_ids[0], completed=done, where=where, description=description)


def _bar(console: Console) -> Bar:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[where]}"),
        BarColumn(bar_width=20),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        refresh_per_second=1 / REDRAW_SECONDS,
    )


def _state(simulation: Simulation) -> str:
    latest, price = simulation.observer.latest, simulation.state.price[simulation.market.topology.place]
    text = f"round {int(simulation.state.round.min())}, residual {latest['primal_residual']:.1e} kW"
    if 0 < price.size <= PRICES_MAX and np.isfinite(price).all():
        text += ", price " + " ".join(f"{value:.4f}" for value in price.ravel())
    return text

"""A run from its first tick, or from where it stood, to files in its folder, whatever happens on the way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import typer
from rich.console import Console

from ..common.errors import USER_ERRORS
from ..record.folder import PriceRecord, RunFolder
from ..record.record import RECORD, UNFINISHED
from ..record.recorder import Recorder
from ..result.ac_report import ac_report
from ..result.result import Result, evaluate
from ..scenario.scenario import Scenario
from ..simulation.simulation import Simulation
from .progress import RunProgress

__all__ = ["negotiate"]


def negotiate(
    scenario: Scenario,
    simulation: Simulation,
    folder: RunFolder | None,
    checks: Sequence[Callable[[Simulation], None]] = (),
    recorder: Recorder | None = None,
    prices: PriceRecord | None = None,
    *,
    progress: bool,
    reference: bool | None,
    settlement: bool = False,
    ac: bool = False,
) -> Result:
    """Run, judge and write; what was recorded until an error is written too.

    Parameters
    ----------
    scenario, simulation
    folder : None for none
    checks : called after each tick
    recorder : of the simulation
    prices : of the ticks that are done already
    progress : show a bar
    reference : solve centrally beside it; by default where the market is small enough
    settlement : find what everybody would have paid alone
    ac : check a market on a feeder by an AC power flow
    """
    if prices is None:
        prices = PriceRecord(scenario.spec.report.transfer_price_sign)
    try:
        with RunProgress(scenario.spec.run.ticks, Console(stderr=True), wanted=progress) as bar:

            def watch(now: Simulation) -> None:
                for check in checks:
                    check(now)
                prices.watch(now)
                if recorder is not None:
                    recorder.watch(now)
                bar.watch(now)

            start = time.perf_counter()
            simulation.run(scenario.spec.run.ticks, watch)
            seconds = time.perf_counter() - start
            bar.judging()
            result = evaluate(scenario, simulation, seconds=seconds, reference=reference)
            if settlement:
                result = replace(result, settled=result.settlement(solve=True))
            if ac:
                result = replace(result, ac=ac_report(result))
    except BaseException as error:
        if folder is not None:
            typer.echo(f"{_rescued(folder, error, simulation, prices, recorder)}", err=True)
        raise
    if folder is not None:
        if recorder is not None:
            recorder.finish(simulation)
        path = folder.write(result, prices)
        if recorder is not None:
            recorder.settle(path)
        else:  # an older run's record would be taken for this one's
            for name in (RECORD, UNFINISHED):
                (path / name).unlink(missing_ok=True)
    return result


def _rescued(
    folder: RunFolder,
    error: BaseException,
    simulation: Simulation,
    prices: PriceRecord,
    recorder: Recorder | None,
) -> str:
    if recorder is not None:
        with contextlib.suppress(*USER_ERRORS):  # the first error matters more, and is about the same disk
            recorder.finish(simulation)
    try:
        path = folder.write_failure(error, simulation, prices)
        if recorder is not None:
            recorder.settle(path)
        return f"what was recorded until tick {simulation.tick} is in {path}"
    except USER_ERRORS as second:
        # The first error matters more and is raised next.
        return f"what was recorded is lost: {second}"

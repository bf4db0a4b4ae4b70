"""Two thousand random runs, none of which may say what is not so: `make campaign`.

Each run is drawn from its number, so that it is the same whoever does it; what was done already is not done again.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from .play import LIMIT, play

Row = dict[str, Any]


def main(
    runs: Annotated[int, typer.Option(min=1, help="how many")] = 2_000,
    seed: Annotated[int, typer.Option(min=0, help="of all draws")] = 0,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
    limit: Annotated[float, typer.Option(help="s of processor time that a run may take")] = LIMIT,
    out: Annotated[Path, typer.Option(help="a line a run; what stands there is not done again")] = Path(
        "campaign.jsonl"
    ),
    only: Annotated[str, typer.Option(help="numbers of runs, as in 3,17: these alone, done anew and not written")] = "",
) -> None:
    """Play random runs and hold every word against a central solve. Exit code 1 if one is wrong."""
    if only:
        rows = [play(int(number), seed, limit) for number in only.split(",")]
    else:
        done = {row["number"]: row for row in _read(out) if row["seed"] == seed and row["number"] < runs}
        missing = [number for number in range(runs) if number not in done]
        with out.open("a+", encoding="utf-8") as file:
            file.write("\n")  # the last line may have been cut off
            for row in track(
                _played(missing, seed, limit, workers), "runs", total=len(missing), console=Console(stderr=True)
            ):
                done[row["number"]] = row
                file.write(json.dumps(row | {"seed": seed}) + "\n")
                file.flush()
        rows = [done[number] for number in sorted(done)]
    Console(width=140).print(table(rows))
    wrong = [row for row in rows if row["wrong"]]
    for row in wrong:
        print(f"{row['number']}: {row['wrong']}\n  {row['command']}\n{row.get('traceback', '')}")
    raise SystemExit(1 if wrong else 0)


def _read(path: Path) -> Iterator[Row]:
    """Read what was done; a last line that was cut off is none."""
    for line in filter(None, path.read_text(encoding="utf-8").splitlines() if path.exists() else ()):
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def _played(numbers: Iterable[int], seed: int, limit: float, workers: int) -> Iterator[Row]:
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for done in as_completed([pool.submit(play, number, seed, limit) for number in numbers]):
            yield done.result()


def table(rows: list[Row]) -> Table:
    """Show outcomes by protocol, and how long runs took."""
    outcomes = sorted({row["outcome"] for row in rows})
    shown = Table("protocol", "runs", *outcomes, "wrong", "median s", "longest s", title=f"{len(rows)} random runs")
    groups = {
        protocol: [row for row in rows if row["protocol"] == protocol]
        for protocol in sorted({r["protocol"] for r in rows})
    }
    for name, some in {**groups, "all": rows}.items():
        seconds = sorted(row["seconds"] for row in some)
        counts = [str(sum(row["outcome"] == outcome for row in some)) for outcome in outcomes]
        wrong = str(sum(bool(row["wrong"]) for row in some))
        shown.add_row(name, str(len(some)), *counts, wrong, f"{seconds[len(seconds) // 2]:.1f}", f"{seconds[-1]:.1f}")
    return shown


if __name__ == "__main__":
    typer.run(main)

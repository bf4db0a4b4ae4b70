"""Pairs of runs that start at once into one folder: one writes, the other is refused, and nothing is lost.

``python -m tests.runs.record.pairs 50`` does fifty of them, every other one with ``--force``, and says what became of each.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from gridparley.runs.cli.app import app
from gridparley.runs.record.reading import Record
from gridparley.runs.record.record import RECORD, UNFINISHED

__all__ = ["pair"]

RUN = ("run", "three-microgrids", "--no-reference", "--set", "eps_abs=0", "--set", "eps_rel=0", "--ticks", "150")
CONTEXT = multiprocessing.get_context("forkserver")
"""Loads everything once: a process a run that has nothing left to load but the run."""
CONTEXT.set_forkserver_preload(
    ["gridparley.runs.cli.app", "gridparley.runs.driver.run", "gridparley.runs.cli.tables.tables"]
)
WAIT_SECONDS = 300


def pair(folder: Path, *, force: bool) -> str:
    """Let two runs with different seeds start at once into a folder and return in a word what became of them.

    With `force` the folder holds a file of the user's and an unfinished run before; without it is empty.
    """
    kept = _before(folder) if force else {}
    words = [*RUN, "--out", str(folder), *(["--force"] if force else [])]
    gate, texts = CONTEXT.Barrier(2), [folder.parent / f"{folder.name}.{seed}" for seed in (1, 2)]
    both = [
        CONTEXT.Process(target=_run, args=([*words, "--seed", str(seed), "--fault", "loss=0.2"], text, gate))
        for seed, text in enumerate(texts, start=1)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(WAIT_SECONDS)
    codes, said = [process.exitcode for process in both], [text.read_text() for text in texts]
    if codes not in ([0, 1], [1, 0]):
        return f"exit codes {codes}: {said}"
    refused = said[codes.index(1)]
    if "another process is writing" not in refused or "Traceback" in refused:
        return f"refused with {refused!r}"
    return _lost(folder, str(codes.index(0) + 1), kept) or "one wrote, the other was refused"


def _run(words: list[str], text: Path, gate: Any) -> None:
    """Call the command when the other process is there too, with what it says in a file."""
    with text.open("w") as file, contextlib.redirect_stderr(file), contextlib.redirect_stdout(io.StringIO()):
        gate.wait(WAIT_SECONDS)
        app(words)


def _before(folder: Path) -> dict[str, bytes]:
    folder.mkdir(exist_ok=True)
    (folder / "thesis.tex").write_text("mine")
    (folder / UNFINISHED).write_bytes(b"the record of a run that was killed")
    return {"thesis.tex": b"mine", f"unfinished-1/{UNFINISHED}": b"the record of a run that was killed"}


def _lost(folder: Path, seed: str, kept: dict[str, bytes]) -> str | None:
    result = json.loads((folder / "result.json").read_text())
    with Record(folder / RECORD) as record:
        if (record.ticks, str(record.header["seed"]), str(result["seed"]), result["ticks"]) != (150, seed, seed, 150):
            return f"the record is that of seed {record.header['seed']} with {record.ticks} ticks"
        for tick in range(record.ticks):
            record.frame(tick)
    if (folder / UNFINISHED).exists():
        return "an unfinished record is left"
    for name, data in kept.items():
        if (folder / name).read_bytes() != data:
            return f"{name} is lost"
    return None


def main() -> None:
    """Do as many pairs as the command line says."""
    found: Counter[tuple[bool, str]] = Counter()
    with tempfile.TemporaryDirectory() as place:
        for number in range(int(sys.argv[1])):
            found[bool(number % 2), pair(Path(place) / str(number), force=bool(number % 2))] += 1
    for (force, word), count in sorted(found.items()):
        print(f"{count:3d} pairs {'with --force' if force else 'without    '}: {word}")


if __name__ == "__main__":
    main()

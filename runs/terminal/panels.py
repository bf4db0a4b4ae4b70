"""What stands in the panels of the terminal view, as lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..record.frames import Frame
from .lines import Line, blocks, fitted
from .messages import Wanted, figure, newest
from .playback import Film

__all__ = ["charts", "clock_line", "letters", "network"]

NAME, NUMBER = 9, 9
"""Cells of a name, and of a number."""


def clock_line(film: Film, frame: Frame, doing: str, width: int) -> list[Line]:
    """Return who runs, where it stands, and below what goes wrong just now."""
    header = film.record.header
    where = f"tick {frame.tick} of {film.last}{'' if film.over else '+'}  round {int(frame.metrics['round'])}"
    if "\n[clock]" in header["scenario"]:
        where += f"  period {film.period(frame) + 1}"
    what = f"{header['name']}  {header['protocol']}  seed {header['seed']}"
    second = film.outcome or ("failed" if film.failed else "ended" if film.over else "going")
    state = f"{doing}  {'live' if film.live else 'recording'}, {second}  "
    faults = fitted(" · ".join(film.faults(frame.tick)), max(width - len(state), 0))
    return [
        ((fitted(what, max(width - len(where), 0)), "strong"), (where, "strong")),
        ((state, ""), (faults, "fault")),
    ]


def network(film: Film, frame: Frame, chosen: int, width: int, height: int) -> list[Line]:
    """Return a line a microgrid: price, imbalance, round, and who of it is down; the chosen one is always among them."""
    record = film.record
    names, home = record.header["microgrids"], record.world("agent")["home"]
    imbalance = film.imbalance(frame)
    first = min(max(chosen - (height - 1) // 2, 0), max(len(names) - (height - 1), 0))
    heads = f"{'microgrid':<{NAME}}{'$/kWh':>{NUMBER}}{'off, kW':>{NUMBER}}{'round':>6}  state"
    lines: list[Line] = [((fitted(heads, width), "head"),)]
    for hub in range(first, min(first + height - 1, len(names))):
        off = "–" if imbalance is None else figure(float(imbalance[hub]))
        name, price = fitted(names[hub], NAME), figure(float(frame.price[hub].mean()))
        text = f"{price:>{NUMBER}}{off:>{NUMBER}}{frame.round[hub]:>6}  "
        state, style = _state(record.agents, home, frame, hub)
        lines.append(
            ((name, "chosen" if hub == chosen else ""), (text, ""), (fitted(state, width - len(text) - NAME), style))
        )
    return lines


def _state(agents: Sequence[str], home: np.ndarray, frame: Frame, hub: int) -> tuple[str, str]:
    down = [a for a in np.setdiff1d(frame.asleep, frame.resting).tolist() if home[a] == hub]
    if down:
        return f"down: {_some(agents, down)}", "down"
    resting = [a for a in frame.resting.tolist() if home[a] == hub]
    if resting:
        return f"resting: {_some(agents, resting)}", "resting"
    return ("stopped", "soft") if frame.stopped[hub] else ("", "")


def _some(agents: Sequence[str], addresses: Sequence[int]) -> str:
    own = agents[addresses[0]].partition(".")[2] or agents[addresses[0]]
    return own if len(addresses) == 1 else f"{own} and {len(addresses) - 1} more"


def charts(film: Film, tick: int, chosen: int, width: int, height: int) -> list[Line]:
    """Return how the residual and the chosen microgrid's price went; the tick that is shown stands out."""
    tall = max((height - 2) // 2, 1)
    name = film.record.header["microgrids"][chosen]
    prices = [float(price[chosen]) for price in film.prices]
    residuals = [math.log10(r) if 0 < r < math.inf else math.nan for r in film.residuals]
    return [
        *_chart(f"price of {name}, $/kWh", prices, prices, tick, width, tall),
        *_chart("residual, kW, log", residuals, film.residuals, tick, width, tall),
    ]


def _chart(
    title: str, values: Sequence[float], told: Sequence[float], tick: int, width: int, height: int
) -> list[Line]:
    # Columns stand for 1, 2, 4, ... ticks: those that are full stay as they are while a run goes on.
    ticks = 1
    while ticks * width < len(values):
        ticks *= 2
    columns = [_middle(values[start : start + ticks]) for start in range(0, len(values), ticks)]
    known = [value for value in values if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    rows = blocks([(value - low) / (high - low or 1.0) for value in columns], height)
    now = tick // ticks
    number = figure(told[tick])
    head = ((fitted(title, max(width - len(number), 0)), "head"), (number, "strong"))
    here = ["│" if row[now] == " " else row[now] for row in rows]
    return [
        head,
        *(((row[:now], "soft"), (mark, "now"), (row[now + 1 :], "soft")) for row, mark in zip(rows, here, strict=True)),
    ]


def _middle(values: Sequence[float]) -> float:
    known = sorted(value for value in values if math.isfinite(value))
    return known[len(known) // 2] if known else math.nan


def letters(film: Film, tick: int, wanted: Wanted, width: int, height: int) -> list[Line]:
    """Return the newest messages, a line each."""
    who = max(min(max(map(len, film.record.agents)), (width - 38) // 2), 8)
    said = max(width - 20 - 2 * who - 20, 8)
    wide = (5, 15, who + 1, who + 1, said, 0)
    names = ("sent", "kind", "from", "to", "says", "fate")
    row: Callable[[Sequence[str]], str] = lambda words: "".join(  # noqa: E731
        fitted(word, each - 1) + " " if each else word for word, each in zip(words, wide, strict=True)
    )
    lines: list[Line] = [((fitted(row(names), width), "head"),)]
    for letter in newest(film, tick, wanted, height - 1):
        text = row((str(letter.sent), letter.kind, letter.sender, letter.receiver, letter.says, letter.fate))
        lines.append(((fitted(text, width), letter.style),))
    if len(lines) == 1:
        lines.append((("nothing of that kind in the last ticks" if wanted.text else "nothing was said", "soft"),))
    return lines
